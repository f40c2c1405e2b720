"""One file -> rows: every format, every kind of broken row, and identities that an insertion does not move."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.sources.formats import Broken, UnreadableFile, content_key
from stages.sources.formats.lines import lines
from stages.sources.reading import read_ratings, read_rows
from stages.sources.rows import Row, RowNames
from stages.sources.settings.reading import Columns, Ratings, Reading


def rows(body: bytes, path: str = "file", **options: Any) -> list[Row | Broken]:
    """Rows of a file."""
    return list(read_rows(io.BytesIO(body), path, Reading(**options)))


def bodies(found: list[Row | Broken]) -> list[bytes | str]:
    """The body of each row, the error of each broken one."""
    return [one.body if isinstance(one, Row) else one.error for one in found]


def test_whole_files_are_one_document_of_exact_bytes() -> None:
    """text and html keep every byte and have no key."""
    body = b"\xef\xbb\xbfone\r\n\xff\0two"
    assert rows(body, "a.txt") == [Row(body=body, key=None)]
    assert rows(body, "a.HTML") == [Row(body=body, key=None, mime="text/html")]


def test_lines_are_documents_without_their_ends() -> None:
    """CRLF, blank lines, a byte order mark and a missing last newline leave no trace; other bytes stay."""
    found = rows(b"\xef\xbb\xbfone\r\n\r\n  \ntwo\xff\nthree", format="lines", label="good")
    assert bodies(found) == [b"one", b"two\xff", b"three"]
    assert {one.given_label for one in found if isinstance(one, Row)} == {"good"}


def test_utf16_lines_become_utf8() -> None:
    """A file whose line ends are two bytes is transcoded; one that lies about it is unreadable."""
    assert bodies(rows("\u4e00\n\u4e8c\n".encode("utf-16"), format="lines")) == ["\u4e00".encode(), "\u4e8c".encode()]
    with pytest.raises(UnreadableFile, match="not utf-16"):
        rows(b"\xff\xfea\0\n\0\x00\xd8", format="lines")


def test_an_endless_line_is_quarantined_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by the row limit."""
    monkeypatch.setattr("stages.sources.formats.lines.MAX_ROW", 10)
    found = list(lines(io.BytesIO(b"x" * 35 + b"\nshort\n"), None))
    assert isinstance(found[0], Broken) and found[1:] == [b"short"]


JSONL = [
    ('{"text": "a", "n": 1}', b"a"),
    ('{"text": ""}', b""),
    ("{broken", "not a line of JSON"),
    ("[1]", "a JSON list, not an object"),
    ('{"other": "a"}', "column 'text' holds nothing, not a text"),
    ('{"text": 5}', "column 'text' holds int, not a text"),
    ('{"text": "\\ud800"}', "surrogates not allowed"),
    ("[" * 100_000, "not a line of JSON"),
]


@pytest.mark.parametrize(("line", "expected"), JSONL)
def test_json_lines(line: str, expected: bytes | str) -> None:
    """A good line is a row, a bad one says why."""
    (found,) = bodies(rows(line.encode(), "a.jsonl", columns=Columns(text="text")))
    assert found == expected if isinstance(expected, bytes) else expected in str(found)


def test_columns_are_mapped() -> None:
    """Every mapped column lands in its field; the rest asked for becomes canonical JSON."""
    record = {"Body": "t", "Id": 7, "T": "title", "A": "me", "W": "2020", "L": "pos", "S": "sum", "z": [1], "y": None}
    columns = Columns(
        text="Body", id="Id", title="T", author="A", published_at="W", label="L", target_text="S", meta=("z", "y", "Id")
    )
    (row,) = rows(json.dumps(record).encode(), "a.jsonl", columns=columns)
    assert row == Row(
        body=b"t", key="7", charset="utf-8", title="title", author="me", published_at="2020", given_label="pos",
        target_text="sum", meta='{"Id":"7","z":"[1]"}',
    )  # fmt: skip


def test_csv_cells_keep_their_bytes() -> None:
    """Quotes, line ends inside a cell and bytes that are no UTF-8 survive in the text."""
    body = b'id,text\n1,"a ""b"", c\nd"\n2,caf\xe9\n\n3,x,y\n'
    found = rows(body, "a.csv", columns=Columns(text="text", id="id"))
    assert bodies(found) == [b'a "b", c\nd', b"caf\xe9", "3 cells, expected 2"]


def test_cells_other_than_the_text_must_be_decodable() -> None:
    """An undecodable title or id puts the row into quarantine; a declared encoding reads it."""
    body = b"caf\xe9\ttext\n"
    columns = Columns(text=1, id=0)
    (broken,) = bodies(rows(body, "a.tsv", header=False, columns=columns))
    assert "column 0 is not utf-8" in str(broken)
    (row,) = rows(body, "a.tsv", header=False, columns=columns, encoding="cp1252")
    assert isinstance(row, Row) and (row.key, row.charset) == ("caf\u00e9", "cp1252")


BAD_IDS = [("", "is empty"), ("x" * 300, "longer than 256"), ("a\x01b", "not printable")]


@pytest.mark.parametrize(("key", "problem"), BAD_IDS)
def test_impossible_ids_are_quarantined(key: str, problem: str) -> None:
    """An id must be able to stand in a URI."""
    (broken,) = bodies(rows(f"{key}\ttext".encode(), "a.tsv", header=False, columns=Columns(text=1, id=0)))
    assert problem in str(broken)


def test_unquoted_tsv_takes_quotes_as_text() -> None:
    """`quoting: false` reads a lone quote as a character, so that it swallows no rows."""
    body = b'1\t"open\n2\tnext\n'
    columns = Columns(text=1)
    assert bodies(rows(body, "a.tsv", header=False, quoting=False, columns=columns)) == [b'"open', b"next"]
    assert len(rows(body, "a.tsv", header=False, columns=columns)) == 1


def test_orange_tables_have_three_header_lines() -> None:
    """Names, types and roles come first, blank rows are no rows."""
    body = b'Title\tText\r\nstring\tstring\r\n\tinclude=True\r\n\r\nOne\t"a\tb"\r\n'
    (row,) = rows(body, "a.tab", columns=Columns(text="Text", title="Title"))
    assert isinstance(row, Row) and (row.body, row.title) == (b"a\tb", "One")


def test_parquet_rows_are_read_by_column() -> None:
    """Only mapped columns are read; a null text is a broken row."""
    out = io.BytesIO()
    pq.write_table(pa.table({"t": ["a", None], "n": [1, 2], "unused": [0, 0]}), out)
    found = rows(out.getvalue(), "a.parquet", columns=Columns(text="t", id="n"))
    assert bodies(found) == [b"a", "column 't' holds nothing, not a text"]


@pytest.mark.parametrize(
    ("path", "body", "columns", "problem"),
    [
        ("a.parquet", b"garbage", Columns(text="t"), "not a readable Parquet file"),
        ("a.csv", b"", Columns(text="t"), "ends before its header"),
        ("a.csv", b"x,y\n1,2\n", Columns(text="t"), "no column 't'; the file has x, y"),
        ("a.tab", b"x\ty\nstring\tstring\n", Columns(text="x"), "ends before its header"),
        ("a.csv", b"x\n", None, "needs `columns"),
        ("a.odt", b"x", None, "no format is known for `.odt`"),
    ],
)
def test_unreadable_files_say_why(path: str, body: bytes, columns: Columns | None, problem: str) -> None:
    """A file that is not what it says stops as a whole."""
    with pytest.raises(UnreadableFile, match=problem.replace(".", r"\.")):
        rows(body, path, columns=columns)


def test_replace_strips_part_of_speech_tags() -> None:
    """`replace` rewrites the text before it is identified, and leaves undecodable bytes alone."""
    options: dict[str, Any] = {"format": "lines", "replace": ("/[A-Za-z]{1,3}(?: +|$)", "")}
    tagged = "\u8fc8\u5411/v  \u5145\u6ee1/v  \u5e0c\u671b/n".encode()
    assert bodies(rows(tagged, **options)) == ["\u8fc8\u5411\u5145\u6ee1\u5e0c\u671b".encode()]
    assert bodies(rows(b"\xff/n", **options)) == [b"\xff"]


def test_ratings_are_joined_by_id() -> None:
    """A second file gives each row its scores; a row without any has none; a broken file is refused."""
    reading = Reading(
        format="tsv", header=False, columns=Columns(text=1, id=0), ratings=Ratings(member=("a", "b"), id=0, values=2)
    )
    rated = read_ratings(io.BytesIO(b"\xef\xbb\xbf1\t0.5\t[0, -1, 2]\r\n"), reading)
    found = list(read_rows(io.BytesIO(b"1\tgood\r\n2\tbad"), "a.tsv", reading, rated))
    assert [one.ratings for one in found if isinstance(one, Row)] == [[0, -1, 2], None]
    for bad in (b"1\t0.5\n", b"1\t0\t[1, 999]\n", b"1\t0\t[1.5]\n", b"1\t0\t7\n", b"1\t0\t[1\n"):
        with pytest.raises(UnreadableFile, match="line 1 of the ratings"):
            read_ratings(io.BytesIO(bad), reading)


@given(st.lists(st.sampled_from(["a", "a.2", "a.3", "b", "a.2.2"]), max_size=30))
def test_no_two_rows_of_a_file_share_a_uri(keys: list[str]) -> None:
    """Repeated keys and keys that look like a repetition stay apart."""
    names = RowNames("file:x")
    uris = [names.uri(key) for key in keys]
    assert len(set(uris)) == len(keys)
    assert all(uri.startswith(f"file:x#{key}") for uri, key in zip(uris, keys, strict=True))


LINE = st.binary(min_size=1, max_size=6).filter(lambda line: bool(line.strip()) and not set(line) & set(b"\r\n"))


@given(st.lists(LINE, unique=True), st.data())
def test_an_inserted_line_renames_no_other(texts: list[bytes], data: st.DataObject) -> None:
    """Keys of rows without id depend on the row alone."""
    at = data.draw(st.integers(0, len(texts)))
    before = {one.key for one in rows(b"\n".join([b"first", *texts]), format="lines") if isinstance(one, Row)}
    longer = rows(b"\n".join([b"first", *texts[:at], b"inserted line", *texts[at:]]), format="lines")
    assert before | {content_key(b"inserted line")} == {one.key for one in longer if isinstance(one, Row)}


@given(st.binary(max_size=300), st.sampled_from(["a.jsonl", "a.csv", "a.tsv", "a.tab", "a.parquet"]))
def test_garbage_never_raises_anything_else(body: bytes, path: str) -> None:
    """Any bytes give rows, broken rows, or one UnreadableFile."""
    try:
        found = rows(body, path, columns=Columns(text="t", id="i"))
    except UnreadableFile:
        return
    assert all(isinstance(one, Row | Broken) for one in found)
