"""Render: aligned and harmless for people, complete and exact for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import GristmillError
from catalog.sql.asking import Answer
from catalog.sql.render import cut, display_width, printable, render, write_csv, write_json, write_table


def answer(**columns: Any) -> Answer:
    """An answer in batches of two rows."""
    table = pa.table(columns)

    def batches() -> Generator[pa.RecordBatch, None, None]:
        yield from table.to_batches(max_chunksize=2)

    return Answer(table.schema, batches())


def text_of(write: Any, found: Answer, **options: Any) -> str:
    """What a writer writes."""
    stream = io.StringIO()
    write(found, stream, **options)
    return stream.getvalue()


VALUES = {
    "n": pa.array([1, None, 3]),
    "share": pa.array([0.1, 0.25, None], pa.float32()),
    "word": ["=1+1", 'say "hi", you', "两个字"],
    "raw": pa.array([b"\x00\xff", None, b""]),
    "list": [[1, 2], None, []],
    "when": pa.array([datetime(2026, 1, 2, 3, 4, 5), None, None], pa.timestamp("us")),
    "sum": pa.array([Decimal(10**20), None, Decimal(7)], pa.decimal128(38, 0)),
    "bad": [float("nan"), float("inf"), 1.5],
}


def test_json_is_one_array_with_a_line_per_row() -> None:
    """Values keep their type; what JSON cannot say is null, hex or ISO 8601."""
    text = text_of(write_json, answer(**VALUES))
    rows = json.loads(text)
    assert rows[0] == {
        "n": 1, "share": 0.1, "word": "=1+1", "raw": "00ff", "list": [1, 2], "when": "2026-01-02T03:04:05",
        "sum": 10**20, "bad": None,
    }  # fmt: skip
    assert rows[1]["bad"] is None and rows[2]["word"] == "两个字"
    assert len(text.splitlines()) == 5
    assert text_of(write_json, answer(n=pa.array([], pa.int64()))) == "[]\n"


def test_csv_keeps_every_value_as_it_is() -> None:
    """A cell that looks like a formula is data; null is nothing, an empty text is quoted."""
    assert text_of(write_csv, answer(word=["", None, " x"])) == 'word\n""\n""\n x\n'
    assert text_of(write_csv, answer(word=["", None], n=[1, None])) == 'word,n\n"",1\n,\n'
    rows = list(csv.DictReader(io.StringIO(text_of(write_csv, answer(**VALUES)))))
    assert rows[0]["word"] == "=1+1" and rows[1]["word"] == 'say "hi", you'
    assert (rows[0]["share"], rows[0]["list"], rows[1]["n"], rows[0]["sum"]) == ("0.1", "[1, 2]", "", str(10**20))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_csv_and_json_lose_no_character(words: list[str]) -> None:
    """Quotes, line ends and control characters come back."""
    found = pa.array(words, pa.string())
    assert [row["w"] for row in json.loads(text_of(write_json, answer(w=found)))] == words
    read = list(csv.reader(io.StringIO(text_of(write_csv, answer(w=found, n=list(range(len(words))))), newline="")))
    assert [row[0] for row in read[1:]] == words


def test_a_table_is_aligned_also_with_wide_characters() -> None:
    """Numbers stand right, text left; every line of a column is as wide on the screen as the others."""
    text = text_of(write_table, answer(word=["a", "两个字", "cafe\u0301"], n=[5, 1000, None], x=[0.5, 1 / 3, 2.0]))
    lines = text.splitlines()
    assert lines == [
        "word       n         x",
        "──────  ────  ────────",
        "a          5       0.5",
        "两个字  1000  0.333333",
        "cafe\u0301    null         2",
        "3 rows",
    ]
    assert {display_width(line) for line in lines[:5]} == {22}


def test_a_table_says_that_there_is_more() -> None:
    """The number of rows is exact, or said to be the first ones."""
    assert text_of(write_table, answer(n=[1, 2, 3]), limit=2).endswith(
        "the first 2 rows; see more with --limit, or all with --format csv\n"
    )
    assert text_of(write_table, answer(n=[1, 2]), limit=2).endswith("2 rows\n")
    assert text_of(write_table, answer(n=[1]), limit=2).endswith("1 row\n")


def test_a_table_fits_the_screen_as_far_as_it_can() -> None:
    """The widest cells are cut first, to no less than eight columns."""
    found = {"long": ["x" * 100], "wide": ["字" * 40], "n": [1]}
    assert max(map(display_width, text_of(write_table, answer(**found), width=40).splitlines()[:3])) <= 40
    assert "x" * 7 + "…" in text_of(write_table, answer(**found), width=5)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202egnp.exe\u2069", "gnp.exe"),
        ("zero\u200bwidth\ufeff\U000e0041", "zerowidth"),
        ("bell\x07\x00\x7f", "bell"),
        ("no escape [31m", "no escape [31m"),
        ("naïve 两个字 🙂", "naïve 两个字 🙂"),
    ],
)
def test_nothing_printed_can_steer_a_terminal(hostile: str, shown: str) -> None:
    """Escape sequences, control, bidirectional and invisible characters go; readable text stays."""
    assert printable(hostile) == shown
    table = text_of(write_table, answer(**{hostile: [hostile]}))
    assert table.replace("\n", "").isprintable()


@given(st.text())
def test_printable_text_is_printable(text: str) -> None:
    """Whatever comes in, and twice is the same as once."""
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


@given(st.text(), st.integers(1, 30))
def test_cut_text_fits_and_is_a_beginning(text: str, width: int) -> None:
    """At most `width` columns; what is not cut is unchanged."""
    short = cut(text, width)
    assert display_width(short) <= width
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@pytest.mark.parametrize(("format", "begins"), [("csv", "n\n1"), ("json", "[\n"), ("table", "n\n─")])
def test_an_answer_goes_to_a_file_or_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str, begins: str
) -> None:
    """The same text either way."""
    render(answer(n=[1, 2]), format)
    render(answer(n=[1, 2]), format, output=tmp_path / "out")
    printed = capsys.readouterr().out
    assert printed.startswith(begins) and (tmp_path / "out").read_text(encoding="utf-8") == printed


def test_parquet_keeps_the_types(tmp_path: Path) -> None:
    """Read back, it is the answer."""
    render(answer(**VALUES), "parquet", output=tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.field("sum").type == pa.decimal128(38, 0)
    assert found["word"].to_pylist() == VALUES["word"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    """Written beside, then renamed."""

    def failing() -> Generator[pa.RecordBatch, None, None]:
        yield pa.record_batch({"n": [1]})
        raise GristmillError("stopped")

    for format in ("csv", "json", "parquet"):
        path = tmp_path / format
        path.write_text("old")
        with pytest.raises(GristmillError, match="stopped"):
            render(Answer(pa.schema([("n", pa.int64())]), failing()), format, output=path)
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xml"}, "xml is not known; use one of table, csv, json, parquet"),
        ({"format": "parquet"}, "--output answer.parquet"),
        ({"limit": 0}, "limit is 0, must be at least 1"),
        ({"output": Path("no/such/folder/x")}, "cannot be written"),
    ],
)
def test_a_mistake_is_an_error_with_the_next_step(options: dict[str, Any], message: str) -> None:
    """Never a traceback."""
    with pytest.raises(GristmillError, match=message):
        render(answer(n=[1]), **options)
