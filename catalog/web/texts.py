"""Texts, for the pages of the owner: read from the segments at hand, never through SQL that a reader writes.

Reads   data/crawl/snapshot (captures), data/clean (text); what is not pulled is said to be missing

Which segment holds a document follows from its place (catalog/sql/placing.py): a page reads one file for a text,
however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from catalog.layout import MANIFEST, stage_root
from catalog.segments import Segment, read_segments
from catalog.sql.placing import Stamp, key_of, stamp

MOST = 40_000  # characters of a text that a page shows
EXCERPT = 240  # characters of one in a list

Places = Mapping[str, int]
"""Document (id) -> its rowid in `judged_documents`."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text as far as a page shows it, or why there is none."""

    shown: str = ""
    characters: int = 0
    """Of all of it."""
    markup: bool = False
    missing: str = ""
    """The word (catalog/web/words.py) that says why it is not here; empty where it is."""

    @property
    def cut(self) -> bool:
        """Is there more than is shown?"""
        return self.characters > len(self.shown)


def cleaned(places: Places) -> dict[str, Text]:
    """The text of each document as `clean` wrote it, by id."""
    if not (stage_root("clean") / MANIFEST).exists():
        return dict.fromkeys(places, Text(missing="not_pulled"))
    found: dict[str, Text] = {}
    for segment, ids in _holding("clean", "text", places):
        if not segment.path.exists():
            found |= dict.fromkeys(ids, Text(missing="not_pulled"))
            continue
        rows = _rows(segment, ["id", "text"], ids)
        found |= {row["id"]: _text(row["text"]) for row in rows.to_pylist()}
    return {name: found.get(name, Text(missing="no_text")) for name in places}


def excerpts(places: Places) -> dict[str, str]:
    """The first characters of each document that has a text here, by id, as one line."""
    return {name: " ".join(text.shown[:EXCERPT].split()) for name, text in cleaned(places).items() if not text.missing}


def captured(document: str, place: int, charset: str | None, mime: str) -> Text:
    """What the source answered, as text."""
    if not (stage_root("crawl") / MANIFEST).exists():
        return Text(missing="not_pulled")
    for segment, ids in _holding("crawl", "captures", {document: place}):
        rows = _rows(segment, ["id", "body"], ids) if segment.path.exists() else None
        if rows:
            return _decoded(rows["body"][0].as_py(), charset, mime)
    return Text(missing="not_pulled")


def _decoded(body: bytes, charset: str | None, mime: str) -> Text:
    if b"\0" in body[:4096] and "utf-16" not in (charset or "").lower():
        return Text(missing="not_text")
    return _text(body.decode(_codec(charset), errors="replace"), markup="html" in mime or "xml" in mime)


def _text(text: str, markup: bool = False) -> Text:
    return Text(shown=text[:MOST], characters=len(text), markup=markup)


def _codec(charset: str | None) -> str:
    """A charset that Python knows as one of text; UTF-8 where none is declared, or one that is none."""
    try:
        "".encode(charset or "utf-8")
    except (LookupError, ValueError):
        return "utf-8"
    return charset or "utf-8"


def _holding(stage: str, table: str, places: Places) -> Iterable[tuple[Segment, list[str]]]:
    """The segments of a table that hold some documents, each with these documents."""
    by_key: dict[str, list[str]] = {}
    for document, place in places.items():
        by_key.setdefault(key_of(place), []).append(document)
    segments = _by_key(stage, table, stamp(stage))
    return [(segment, ids) for key, ids in by_key.items() for segment in segments.get(key, ())]


def _rows(segment: Segment, columns: list[str], ids: list[str]) -> pa.Table:
    rows = segment.read(columns)
    return rows.filter(pc.is_in(rows["id"], value_set=pa.array(ids, pa.string())))


@lru_cache(maxsize=4)
def _by_key(stage: str, table: str, _stamp: Stamp) -> dict[str, list[Segment]]:
    """The segments of a table that have rows, by their key."""
    found: dict[str, list[Segment]] = {}
    for segment in read_segments(stage, table):
        if segment.rows:
            found.setdefault(segment.key, []).append(segment)
    return found
