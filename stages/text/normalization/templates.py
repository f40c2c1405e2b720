"""Template lines: what stands on a large share of a site's pages (menus, notices, footers) is removed from all of them.

Reads   clean/whole (the documents as they were extracted), crawl/captures (uri).
Writes  clean/lines, a row per document: its host and the digests of its lines;
        clean/templates, the lines that are template: host, line, pages and their share;
        clean/cuts, per segment those of them that stand in it; clean/text, the documents without them.

A page is one text of a host: a page that is served under twenty addresses counts once, so that no copies vote their own
text away. Lines without a letter or digit are left alone, and lines in a block of code. A changed page rebuilds its own
lines; texts are rebuilt in segments only where other lines became template, or ceased to be. A document may end up
empty, and is one still.

Memory of the search: 40 bytes per line of the corpus, and one segment of texts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.params import load_params
from catalog.schema import DOCUMENTS, ID, LONG, TEMPLATES, TEXT, column, table
from catalog.segments import Segment
from stages.text.language.mixture import language_columns
from stages.text.normalization.structure import lines_of_code

LINES = table(
    ID,
    column("host", TEXT, "host of its address; null where it has none, as a row of a file", null=True),
    column("text", LONG, "first 8 bytes of the digest of its text"),
    column("lines", pa.list_(LONG), "8-byte digests of (host, line), each once; empty without a host"),
)
CUTS = table(TEMPLATES.field("host"), TEMPLATES.field("line"))
SAYS_SOMETHING = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLines:
    """Which lines of a host are template."""

    share: float = 0.3  # pages with the line / pages of the host, above which it is
    pages: int = 10  # with the line, at least

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"`share` is {self.share}, must be above 0 and below 1")
        if self.pages < 2:
            raise ValueError(f"`pages` is {self.pages}, must be at least 2")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateParams:
    """Whether template lines are removed; without a number nothing of it runs."""

    template_lines: TemplateLines | None = None

    def __post_init__(self) -> None:
        if isinstance(self.template_lines, Mapping):  # as YAML has it
            loaded = load_params("clean.template_lines", self.template_lines, [TemplateLines])
            object.__setattr__(self, "template_lines", loaded[TemplateLines])


def lines(whole: pa.Table, captures: pa.Table) -> dict[str, pa.Table]:
    """The table `lines`: one row per document, in order."""
    at = pc.index_in(whole["id"], value_set=captures["id"].combine_chunks())
    hosts = [_host(uri) for uri in captures["uri"].take(at).to_pylist()]
    digests = [_digests(host, text) for host, text in zip(hosts, whole["text"].to_pylist(), strict=True)]
    texts = [_signed(bytes.fromhex(digest)[:8]) for digest in whole["text_digest"].to_pylist()]
    return {"lines": pa.table([whole["id"].combine_chunks(), pa.array(hosts, TEXT), texts, digests], schema=LINES)}


def _host(uri: str) -> str | None:
    return urlsplit(uri).hostname if uri.startswith(("http://", "https://")) else None


def _digests(host: str | None, text: str) -> list[int]:
    if host is None:
        return []
    code = lines_of_code(text)
    lines = (line for number, line in enumerate(text.split("\n")) if number not in code)
    return sorted({_digest(host, line) for line in lines if SAYS_SOMETHING.search(line)})


def _digest(host: str, line: str) -> int:
    return _signed(hashlib.blake2b(f"{host}\n{line}".encode(), digest_size=8).digest())


def _signed(eight: bytes) -> int:
    return int.from_bytes(eight, "big", signed=True)


def templates(
    lined: list[Segment], whole: list[Segment], params: TemplateLines
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield the table `templates`, and `cuts` per segment. The two lists hold the same keys in the same order."""
    parts = [segment.read(["host", "text", "lines"]) for segment in lined]
    found = _found(pa.concat_tables(parts or [LINES.empty_table().drop_columns(["id"])]), params)
    texts = _texts(found, whole, [part.num_rows for part in parts])
    rows = sorted(
        (row.host, texts[digest], row.pages, round(1000 * row.pages / row.of)) for digest, row in found.items()
    )
    rows.sort(key=lambda row: (row[0], -row[2]))
    yield "templates", "all", _table(rows, TEMPLATES)
    wanted = np.array(sorted(found), np.int64)
    for segment, part in zip(lined, parts, strict=True):
        here = np.intersect1d(pc.list_flatten(part["lines"]).to_numpy(), wanted).tolist()
        yield "cuts", segment.key, _table(sorted((found[digest].host, texts[digest]) for digest in here), CUTS)


@dataclass(frozen=True, slots=True)
class _Row:
    """A template line: its host, on how many of whose pages it stands, and a document that has it."""

    host: str
    pages: int
    of: int
    document: int


def _found(documents: pa.Table, params: TemplateLines) -> dict[int, _Row]:
    """The template lines by digest; `documents` are those of all segments, in order."""
    hosts = documents["host"].combine_chunks().dictionary_encode()
    names, codes = hosts.dictionary.to_pylist(), pc.fill_null(hosts.indices, -1).to_numpy(zero_copy_only=False)
    pages = _distinct(codes, documents["text"].to_numpy())
    sizes = np.bincount(codes[pages & (codes >= 0)], minlength=len(names))
    lists = documents["lines"].combine_chunks()
    owners = np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    digests, counted = lists.flatten().to_numpy(), pages[owners]
    unique, first, counts = np.unique(digests[counted], return_index=True, return_counts=True)
    of = owners[counted][first]
    chosen = np.flatnonzero((counts >= params.pages) & (counts > params.share * sizes[codes[of]]))
    return {
        int(unique[at]): _Row(names[codes[of[at]]], int(counts[at]), int(sizes[codes[of[at]]]), int(of[at]))
        for at in chosen
    }


def _distinct(hosts: NDArray[np.int32], texts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for one document of each (host, text)."""
    order = np.lexsort((texts, hosts))
    new = np.ones(len(order), bool)
    new[1:] = (hosts[order][1:] != hosts[order][:-1]) | (texts[order][1:] != texts[order][:-1])
    distinct = np.empty(len(order), bool)
    distinct[order] = new
    return distinct


def _texts(found: Mapping[int, _Row], whole: list[Segment], sizes: list[int]) -> dict[int, str]:
    """The line behind each digest; segments are read one at a time, and only where a line has to be looked up."""
    texts: dict[int, str] = {}
    bounds = np.concatenate(([0], np.cumsum(sizes))).tolist()
    for segment, (start, stop) in zip(whole, pairwise(bounds), strict=True):
        wanted = {row.document - start: row.host for row in found.values() if start <= row.document < stop}
        if wanted:
            column = segment.read(["text"])["text"]
            for place, host in wanted.items():
                lines = column[place].as_py().split("\n")
                texts |= {digest: line for line in lines if (digest := _digest(host, line)) in found}
    return texts


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema)


def strip(whole: pa.Table, lined: pa.Table, cuts: pa.Table) -> dict[str, pa.Table]:
    """The table `text`: the documents without the lines that `cuts` names for their hosts, in order."""
    of_host: dict[str, set[str]] = {}
    for host, line in zip(cuts["host"].to_pylist(), cuts["line"].to_pylist(), strict=True):
        of_host.setdefault(host, set()).add(line)
    if not of_host:
        return {"text": whole}
    rows = [
        without(row, of_host[host]) if host in of_host else row
        for row, host in zip(whole.to_pylist(), lined["host"].to_pylist(), strict=True)
    ]
    return {"text": pa.Table.from_pylist(rows, schema=DOCUMENTS)}


def without(document: Mapping[str, Any], template: set[str]) -> Mapping[str, Any]:
    """A document without its template lines, all that depends on its text decided again."""
    all_lines = document["text"].split("\n")
    code = lines_of_code(document["text"])
    gone = {number for number, line in enumerate(all_lines) if line in template and number not in code}
    if not gone:
        return document
    removed, kept = len(gone), _kept(all_lines, gone, code)
    text = "\n".join(line for _, line in kept)
    repaired = {repair["kind"]: repair["count"] for repair in document["repaired"]} | {"template": removed}
    redacted = list(_moved(document["redacted"], kept))
    return {
        **document,
        **language_columns(text),
        "text": text,
        "text_digest": hashlib.sha256(text.encode()).hexdigest(),
        "repairs": document["repairs"] + removed,
        "repaired": [{"kind": kind, "count": repaired[kind]} for kind in sorted(repaired)],
        "redactions": len(redacted),
        "redacted": redacted,
    }


def _kept(all_lines: list[str], gone: set[int], code: frozenset[int]) -> list[tuple[int, str]]:
    """(first character in the old text, line) of what stays: outside code one blank line at most together, none at the
    ends."""
    kept: list[tuple[int, str]] = []
    start = 0
    for number, line in enumerate(all_lines):
        if number not in gone and (line or number in code or (kept and kept[-1][1])):
            kept.append((start, line))
        start += len(line) + 1
    return kept[:-1] if kept and not kept[-1][1] else kept


def _moved(tokens: list[dict[str, Any]], kept: list[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    """The tokens that stand in kept lines, each with its place in the new text."""
    waiting, new = list(reversed(tokens)), 0
    for old, line in kept:
        while waiting and waiting[-1]["start"] < old + len(line):
            token = waiting.pop()
            if token["start"] >= old:
                yield token | {"start": token["start"] - old + new}
        new += len(line) + 1
