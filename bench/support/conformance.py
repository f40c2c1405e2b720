"""Conformance of the crawl to the suites of others: what each expects, and what Gristmill does.

Reads   ../shared/data/: urlcanon (WHATWG's urltestdata.json), html5lib (encoding/*.dat), warc (the fixtures of warcio,
        pywb, resiliparse, jwarc and Common Crawl); and the source archive of robotspy, downloaded and pinned, whose
        tests are the tables of Google's robots_test.cc and robotstxt-spec-test. Nothing of them is executed.
A suite whose data is not there is null. docs/benches.md gives the reason of each class of misses.

    whatwg_url       canonical_url against `href`, without the fragment and the password that no page of ours has;
                     other schemes and failures must be refused
    charset_prescan  BOM, then the declared label, else windows-1252, against `#encoding`
    robots           may this agent fetch this URL, by the rules of stages/web/robots.py
    warc_counts      records by type in each file that warcio reads, against warcio's own count
"""

from __future__ import annotations

import ast
import json
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
from warcio.exceptions import ArchiveLoadFailed  # type: ignore[import-untyped]

from catalog.digests import file_sha256
from stages.sources.download import archive_path
from stages.sources.settings.archive import Pinned
from stages.sources.warc_index import file_records
from stages.sources.warc_records import Ending
from stages.text.normalization.charset import BOMS, known_charset
from stages.text.normalization.prescan import declared_labels
from stages.web.robots import rules_from
from stages.web.urls import UrlError, canonical_url

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
URLS = SHARED / "urlcanon/urltestdata.json"
ENCODINGS = SHARED / "html5lib/html5lib-tests.tar.xz"
ARCHIVES = SHARED / "warc"
ROBOTS = Pinned(
    package="robotspy==0.13.0", sha256="dfd60d49647eeeb88b401ff21fd3a7c62aea5c43f6ffd9c4b883e780ef1361bb",
    distribution="sdist",
)  # fmt: skip
NAMES = {"ALLOWED": True, "DISALLOWED": False, "FOOBOT_AGENT": "FooBot"}  # of a module that the archive lacks
FORMATS = re.compile(r"\.(?:warc|arc|wet|wat)\b")

Case = tuple[str, Any, Any]
"""What is asked, what the suite expects, what we say."""


def conformance() -> dict[str, Any]:
    """Suite -> cases passed, cases, and the misses as text; None for a suite whose data is not there."""
    suites: dict[str, tuple[bool, Callable[[], Iterator[Case]]]] = {
        "whatwg_url": (URLS.is_file(), lambda: url_cases(json.loads(URLS.read_text(encoding="utf-8")))),
        "charset_prescan": (ENCODINGS.is_file(), _encoding_cases),
        "robots": (True, _robots_cases),
        "warc_counts": (ARCHIVES.is_dir(), _warc_cases),
    }
    return {name: _counted(cases()) if there else None for name, (there, cases) in suites.items()}


def _counted(cases: Iterator[Case]) -> dict[str, Any]:
    found = list(cases)
    misses = [f"{asked[:200]!r}: expected {wanted}, got {got}" for asked, wanted, got in found if wanted != got]
    return {"passed": len(found) - len(misses), "of": len(found), "misses": misses}


def url_cases(suite: list[Any]) -> Iterator[Case]:
    """Of a list of objects with `input`, `base`, and `href` or `failure`; texts between them are remarks."""
    for case in (case for case in suite if isinstance(case, dict)):
        href = None if case.get("failure") else case["href"]
        if href and not href.startswith(("http://", "https://")):
            href = None
        wanted = re.sub(r"^(https?://)[^/?#]*@", r"\1", href.partition("#")[0]) if href else None
        base = case["base"] if case["base"].startswith("http") else None
        try:
            got = canonical_url(case["input"], base)
        except UrlError:
            got = None
        yield f"{case['input']} at {base}", wanted, got


def _encoding_cases() -> Iterator[Case]:
    with tarfile.open(ENCODINGS) as archive:
        for member in sorted(archive, key=lambda member: member.name):
            if re.fullmatch(r"(?:.*/)?encoding/[^/]+\.dat", member.name) and (stream := archive.extractfile(member)):
                yield from encoding_cases(stream.read())


def encoding_cases(suite: bytes) -> Iterator[Case]:
    """Of blocks of `#data` and `#encoding`."""
    for block in re.split(rb"(?:\A|\n)#data\n", suite)[1:]:
        page, _, label = block.partition(b"\n#encoding\n")
        bom = next((name for mark, name in BOMS if page.startswith(mark)), None)
        known = filter(None, map(known_charset, declared_labels(page)))
        got = bom or next(known, known_charset("windows-1252"))
        yield page.decode("latin-1"), known_charset(label.split(b"\n")[0].decode()), got


def _robots_cases() -> Iterator[Case]:
    with tarfile.open(archive_path(ROBOTS)) as archive:
        for member in sorted(archive, key=lambda member: member.name):
            if re.search(r"/tests/test_google\w*\.py$", member.name) and (stream := archive.extractfile(member)):
                yield from robots_cases(stream.read().decode())


def robots_cases(module: str) -> Iterator[Case]:
    """Of the tables of (robots.txt, agent, URL, allowed) in the text of a module, which is read and not run."""
    names: dict[str, Any] = dict(NAMES)
    for node in ast.parse(module).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found = names[node.targets[0].id] = _value(node.value, names)
            for robots, agent, url, allowed in filter(_is_case, found if isinstance(found, list) else ()):
                got = rules_from(200, robots.encode(), agent).refusal(url) is None
                yield f"{agent} {url} by {robots}", allowed, got


def _is_case(row: Any) -> bool:
    return isinstance(row, list) and list(map(type, row)) == [str, str, str, bool]


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    """A literal, in which names stand for earlier ones. Errors: KeyError, ValueError for anything else."""
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Tuple | ast.List):
        return [_value(item, names) for item in node.elts]
    return ast.literal_eval(node)


def _warc_cases() -> Iterator[Case]:
    seen = set()
    with tempfile.TemporaryDirectory(prefix="gristmill-warc-") as folder:
        for path in sorted(ARCHIVES.glob("*.tar.xz")):
            with tarfile.open(path) as archive:
                archive.extractall(Path(folder, path.name), filter="data")
        for path in sorted(path for path in Path(folder).rglob("*") if path.is_file() and FORMATS.search(path.name)):
            digest, theirs = file_sha256(path), warcio_counts(path)
            if theirs is not None and digest not in seen:
                seen.add(digest)
                yield path.name, theirs, record_counts(path)


def warcio_counts(path: Path) -> dict[str, int] | None:
    """Records by type as warcio counts them; None for a file that it does not read."""
    try:
        with path.open("rb") as stream:
            counts = Counter(record.rec_type for record in ArchiveIterator(stream))
    except (ArchiveLoadFailed, OSError, ValueError):
        return None
    counts["warcinfo"] += counts.pop("arc_header", 0)
    return {kind: count for kind, count in sorted(counts.items()) if count}


def record_counts(path: Path) -> dict[str, int]:
    """Records by type as we read them."""
    found = file_records(path, quirks=True, limit=1 << 16)
    return dict(sorted(Counter(record.kind for record in found if not isinstance(record, Ending)).items()))
