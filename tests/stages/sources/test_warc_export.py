"""Captures as WARC: other tools read them, and nothing is lost on the way back."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from catalog.schema import CAPTURES
from stages.sources import warc_export
from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.log import CrawlLog, fetch_row
from stages.sources.rows import Row
from stages.sources.settings.warc import WarcSource
from stages.sources.warc_export import Fetched, export_warc, fetch_times, snapshot_captures
from tests.stages.sources.web_archives import gathered

TEXT = some.none() | some.text(max_size=20)
CAPTURE = some.fixed_dictionaries(
    {
        "uri": some.from_regex(r"(https://a\.test/|file:in/|pypi:a==1/)[a-z0-9#?=]{1,8}", fullmatch=True),
        "status": some.sampled_from([None, 200]),
        "mime": some.sampled_from(["text/html", "text/plain", "image/png"]),
        "charset": some.sampled_from([None, "utf-8"]),
        "content_language": some.sampled_from([None, "de-AT, en"]),
        "body": some.binary(max_size=200),
        "title": TEXT,
        "author": TEXT,
        "published_at": TEXT,
        "given_label": TEXT,
        "target_text": TEXT,
        "second_text": TEXT,
        "ratings": some.none() | some.lists(some.integers(-128, 127), max_size=3),
        "meta": TEXT,
    }
)


def capture(values: dict[str, Any]) -> dict[str, Any]:
    """A row of captures with the columns that follow from others."""
    derived = {"id": "", "body_digest": hashlib.sha256(values["body"]).hexdigest(), "source": "web", "licence": "MIT"}
    signals = [{"signal": "robots", "value": "noai", "where": "meta"}] if values["status"] else []
    rights = {"rights": signals} if "rights" in CAPTURES.names else {}
    return dict.fromkeys(CAPTURES.names) | values | derived | rights


def imported(path: Path) -> list[dict[str, Any]]:
    """What the source kind `warc` makes of a file; nothing may be quarantined."""
    captures, quarantine = gathered(WarcSource(name="web", licence="MIT", path=path.name), [path])
    assert not quarantine
    return [row | {"id": ""} for row in captures.values()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=some.lists(CAPTURE, max_size=5, unique_by=lambda one: str(one["uri"])),
    form=some.sampled_from(["gz", "zst"]),
)
def test_what_was_exported_comes_back_equal(project: Path, values: list[dict[str, Any]], form: str) -> None:
    """Every column and every byte, twice through, in the same bytes of WARC."""
    captures = [capture(one) for one in sorted(values, key=lambda one: str(one["uri"]))]
    path, count = export_warc(Path("out"), captures, {}, form)
    first = path.read_bytes()
    back = imported(path)
    assert back == captures and count == 1 + len(captures)
    export_warc(Path("out"), back, {}, form)
    assert path.read_bytes() == first


PAGE: dict[str, Any] = {"uri": "https://a.test/", "status": 200, "mime": "text/html", "body": b"<p>words</p>"}


def versions() -> Path:
    """An export of a page that was fetched twice and of a file that never was."""
    rows = [capture(PAGE), capture({"uri": "file:a.txt", "mime": "text/plain", "status": None, "body": b"text"})]
    times = Fetched(["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"])
    return export_warc(Path("out"), rows, {("web", PAGE["uri"], rows[0]["body_digest"]): times})[0]


def test_a_page_found_unchanged_is_a_revisit(project: Path) -> None:
    """With the date of the fetch; what was not fetched bears a fixed one."""
    with versions().open("rb") as stream:
        found = [(one.rec_type, one.rec_headers["WARC-Date"][:10]) for one in ArchiveIterator(stream)]
    dates = ["1970-01-01", "2024-05-01", "2024-05-02", "1970-01-01"]
    assert found == list(zip(["warcinfo", "response", "revisit", "resource"], dates, strict=True))


def test_a_body_that_two_addresses_had_is_written_once(project: Path) -> None:
    """The later one is a revisit that names the other, and comes back with the columns of its own."""
    row = Row(body=b"same", key=None, mime="text/html", charset="utf-8")
    tables = list(capture_tables([Located("https://a.test/a", row, 200)], Origin(source="web", licence="MIT")))
    digest = tables[0][2]["body_digest"][0].as_py()
    fetched = {"source": "web", "crawl": "c", "outcome": "captured", "body_digest": digest, "mime": "text/html"}
    rows = [
        fetch_row(f"https://a.test/{name}", **fetched, fetched_at=f"2024-05-0{day}T00:00:00+00:00", charset=charset)
        for day, name, charset in ((2, "a", "utf-8"), (1, "b", "latin-1"), (3, "b", "latin-1"))
    ]
    log = CrawlLog(Path("log"))
    log.append(rows, [table for name, _, table in tables if name == "captures"])
    seen = fetch_times(log)
    path, count = export_warc(Path("out"), snapshot_captures(Path("none"), log, seen), seen)
    with path.open("rb") as stream:
        found = [(one.rec_type, one.rec_headers["WARC-Refers-To-Target-URI"]) for one in ArchiveIterator(stream)]
    assert found[1:] == [("revisit", "https://a.test/b"), ("response", None), ("revisit", "https://a.test/b")]
    captures, _ = gathered(WarcSource(name="web", licence="MIT", path=path.name), [path])
    back = sorted((row["uri"], row["body"], row["charset"], row["status"]) for row in captures.values())
    assert count == 4 and back == [
        ("https://a.test/a", b"same", "utf-8", 200),
        ("https://a.test/b", b"same", "latin-1", 200),
    ]


def test_files_are_read_once_whatever_the_order_of_addresses(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting by address goes to and fro between files; one read for every capture took minutes."""
    folder = Path("snapshot/captures")
    folder.mkdir(parents=True)
    rows = [capture({**PAGE, "uri": f"https://a.test/{number:02}", "body": b"%d" % number}) for number in range(20)]
    for part in range(2):
        pq.write_table(pa.Table.from_pylist(rows[part::2], schema=CAPTURES), folder / f"{part}.parquet")
    reads: list[Path] = []
    read_log = warc_export.read_log
    monkeypatch.setattr(warc_export, "read_log", lambda path, schema: (reads.append(path), read_log(path, schema))[1])
    assert list(snapshot_captures(folder.parent, CrawlLog(Path("log")), {})) == rows and len(reads) == 2
    monkeypatch.setattr(warc_export, "BLOCK", 1)
    assert list(snapshot_captures(folder.parent, CrawlLog(Path("log")), {})) == rows and len(reads) == 22


def test_the_tools_of_others_accept_it(project: Path) -> None:
    """`warcio check` finds every digest right, and the offsets of cdxj-indexer lead to the records."""
    path, tools = versions(), Path(sys.executable).parent
    check = subprocess.run([tools / "warcio", "check", path], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    index = subprocess.run([tools / "cdxj-indexer", path], capture_output=True, text=True, check=True).stdout
    assert index.count("\n") == 3
    for line in index.splitlines():
        offset = int(line.partition('"offset": "')[2].partition('"')[0])
        with path.open("rb") as stream:
            stream.seek(offset)
            target = next(iter(ArchiveIterator(stream))).rec_headers["WARC-Target-URI"]
        assert f'"url": "{target}"' in line
