"""Rows -> tables: schemas, pairs, and segment boundaries that an insertion does not move."""

from __future__ import annotations

import hashlib

from catalog.digests import document_id
from stages.sources.captures import MAX_ROWS, MIN_ROWS, WRITES, Located, Origin, capture_tables
from stages.sources.formats import Broken
from stages.sources.rows import Row

ORIGIN = Origin(source="s", licence="MIT")


def located(number: int) -> Located:
    """The n-th document of an endless file."""
    return Located(f"file:x#{number}", Row(body=f"document {number}".encode(), key=str(number)))


def test_tables_conform_and_pair() -> None:
    """Captures and verdicts hold the same ids, the quarantine the rest; nothing is lost."""
    rows = [located(1), Located("file:x#2", Broken("2", "bad")), located(3)]
    out = list(capture_tables(rows, ORIGIN))
    assert [name for name, _, _ in out] == ["captures", "verdicts", "quarantine"]
    for name, _, table in out:
        assert table.schema.equals(WRITES[name].remove_metadata())
    captures, verdicts, quarantine = (table for _, _, table in out)
    assert captures["id"].to_pylist() == [document_id("file:x#1"), document_id("file:x#3")]
    assert verdicts["id"].to_pylist() == captures["id"].to_pylist()
    assert captures["body_digest"].to_pylist()[0] == hashlib.sha256(b"document 1").hexdigest()
    assert quarantine.to_pylist() == [{"id": document_id("file:x#2"), "uri": "file:x#2", "error": "bad"}]


def test_rights_travel_with_their_row() -> None:
    """What a site said of the use of a page stands in its capture; an empty list where it said nothing."""
    signal = {"signal": "x-robots-tag", "value": "noai", "where": "header"}
    pages = [Located("u1", Row(body=b"x", key=None, rights=(signal,))), Located("u2", Row(body=b"y", key=None))]
    ((_, _, captures), _) = capture_tables(pages, ORIGIN)
    assert captures["rights"].to_pylist() == [[signal], []]


def test_a_source_without_rows_still_says_so() -> None:
    """Nothing in gives one empty pair, so that the action has a result to be found again."""
    empty = [("captures", 0), ("verdicts", 0)]
    assert [(name, table.num_rows) for name, _, table in capture_tables([], ORIGIN)] == empty
    only_bad = capture_tables([Located("u", Broken("", "bad"))], ORIGIN)
    assert [(name, table.num_rows) for name, _, table in only_bad] == [*empty, ("quarantine", 1)]


def test_an_insertion_changes_one_segment() -> None:
    """Of some dozen segments, a row inserted in the middle changes one or two, one removed likewise."""
    rows = [located(number) for number in range(30_000)]

    def segments(chosen: list[Located]) -> list[str]:
        tables = [table for name, _, table in capture_tables(chosen, ORIGIN) if name == "captures"]
        assert all(MIN_ROWS <= table.num_rows <= MAX_ROWS for table in tables[:-1])
        return [hashlib.sha256(repr(table["uri"].to_pylist()).encode()).hexdigest() for table in tables]

    before = segments(rows)
    assert len(before) >= 10
    new = located(99_999)
    for changed in ([*rows[:15_000], new, *rows[15_000:]], rows[:15_000] + rows[15_001:], [*rows, new]):
        assert len(set(before) - set(segments(changed))) <= 2


def test_segments_are_bounded_in_bytes() -> None:
    """Large documents end a segment at 32 MB, before any row count does."""
    big = Row(body=b"x" * (9 << 20), key="k")
    out = capture_tables([Located(f"u{number}", big) for number in range(6)], ORIGIN)
    assert [table.num_rows for name, _, table in out if name == "captures"] == [4, 2]
