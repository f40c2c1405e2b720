"""Every format of a file: what its rows are, that packing changes none of them, and that damage is only ever named."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import mwxml
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.sources.formats import Broken, UnreadableFile, json_records
from stages.sources.formats.columnar import FREE_BYTES, parquet_records
from stages.sources.reading import read_rows
from stages.sources.rows import Row
from stages.sources.settings.reading import Columns, Reading
from tests.stages.sources.dumps import ARROW_LIKE, COMMENTS, FILES, MAILS, NESTED, PACKERS, POSTS, TEXTS, WIKI


def rows(body: bytes, path: str, reading: Reading) -> list[Row | Broken]:
    """Rows of a file."""
    return list(read_rows(io.BytesIO(body), path, reading))


def good(body: bytes, path: str, reading: Reading) -> list[Row]:
    """The rows that can be read."""
    return [one for one in rows(body, path, reading) if isinstance(one, Row)]


def errors(body: bytes, path: str, reading: Reading) -> list[str]:
    """Why the others cannot."""
    return [one.error for one in rows(body, path, reading) if isinstance(one, Broken)]


@pytest.mark.parametrize("name", ARROW_LIKE)
def test_nested_columns_are_reached_by_dots(name: str) -> None:
    """JSON, Parquet and Arrow give the same rows for `data.body`."""
    path, body, reading = FILES[name]
    found = good(body, path, reading)
    assert [(one.body.decode(), one.key, one.title) for one in found] == [
        (text, str(n), f"t{n}") for n, text in enumerate(TEXTS)
    ]


def test_a_column_of_the_whole_name_wins_over_a_path() -> None:
    """`data.body` is a key before it is a path, and a path may begin with a key that has a dot."""
    reading = Reading(columns=Columns(text="data.body", title="a.b.c"))
    (row,) = good(b'{"data.body": "key", "data": {"body": "path"}, "a.b": {"c": "deep"}}', "a.jsonl", reading)
    assert (row.body, row.title) == (b"key", "deep")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_file_gives_the_rows_of_the_file(name: str, packer: str) -> None:
    """x.jsonl.zst is read like x.jsonl, whatever the packing and the format."""
    path, body, reading = FILES[name]
    assert rows(PACKERS[packer](body), f"{path}.{packer}", reading) == rows(body, path, reading)


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_bomb_is_stopped(packer: str) -> None:
    """A file that unpacks to more than 200 times its size is unreadable from there on."""
    bomb = PACKERS[packer](b" " * (64 << 20))
    with pytest.raises(UnreadableFile, match="expands more than 200 times"):
        rows(bomb, f"a.jsonl.{packer}", Reading(columns=NESTED))


@pytest.mark.parametrize("named", ["t", "other"])
def test_a_parquet_bomb_is_stopped_by_its_footer(named: str) -> None:
    """A column that would decompress to more than MAX_RATIO of its bytes is not read; one that is not asked for may."""
    sink = io.BytesIO()
    table = pa.table({"t": ["a" * (FREE_BYTES + 1)], "other": ["one"]})
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    sink.seek(0)
    if named == "other":
        assert list(parquet_records(sink, (named,))) == [{"other": "one"}]
    else:
        with pytest.raises(UnreadableFile, match=r"column t of row group 0 is \d+ bytes that give"):
            list(parquet_records(sink, (named,)))


def test_a_post_is_html_with_its_licence_and_its_score() -> None:
    """Questions and answers become rows; a post without text or number is broken; a comment is plain."""
    question, answer = good(POSTS, "Posts.xml", Reading(format="stackexchange"))
    assert (question.key, question.body, question.mime) == ("1", b"<p>How?</p>", "text/html")
    assert (question.title, question.author, question.published_at) == ("A & B", "9", "2020-01-02T03:04:05.678")
    assert json.loads(question.meta or "") == {
        "type": "question", "score": "7", "tags": "<c>", "licence": "CC BY-SA 4.0",
    }  # fmt: skip
    assert (answer.author, json.loads(answer.meta or "")["parent"]) == ("Ann", "1")
    assert errors(POSTS, "Posts.xml", Reading(format="stackexchange")) == [
        "a tag wiki without a text", "a <row> without a number as its Id",
    ]  # fmt: skip
    (comment,) = good(COMMENTS, "Comments.xml", Reading(format="stackexchange"))
    assert (comment.body, comment.mime) == (b"plain < text", "text/plain")


def test_a_page_is_its_latest_wikitext() -> None:
    """Redirects and other namespaces are no rows; a page without text is broken; the text is mwxml's."""
    (page,) = good(WIKI, "w.xml", Reading(format="mediawiki"))
    latest = [
        list(one)[-1] for one in mwxml.Dump.from_file(io.BytesIO(WIKI)) if one.namespace == 0 and not one.redirect
    ]
    assert (page.key, page.title, page.author, page.mime) == ("10", "Old & new", "Bob", "text/x-wiki")
    assert page.body.decode() == latest[0].text and page.published_at == "2002-01-01T00:00:00Z"
    assert json.loads(page.meta or "")["revision"] == "101"
    assert errors(WIKI, "w.xml", Reading(format="mediawiki")) == [
        "a page whose latest revision has no text, or a deleted one"
    ]
    assert [one.key for one in good(WIKI, "w.xml", Reading(format="mediawiki", namespaces=(1,)))] == ["12"]


@pytest.mark.parametrize("kind", ["stackexchange", "mediawiki"])
def test_entities_are_refused(kind: str) -> None:
    """A document type is refused before an entity of it is read."""
    body = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x><row Id="1" Body="&a;"/></x>'
    with pytest.raises(UnreadableFile, match="document type"):
        rows(body, "x.xml", Reading(format=kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"<x a='" + b"y" * (40 << 20), b"<x>" + b"<y>" * 9], ids=["endless tag", "cut"])
def test_xml_without_an_end_is_unreadable(body: bytes) -> None:
    """Neither an endless tag nor a missing end is read on for ever."""
    with pytest.raises(UnreadableFile):
        rows(body, "x.xml", Reading(format="stackexchange"))


def test_a_message_is_its_plain_text() -> None:
    """Plain before HTML, headers decoded, the id without its brackets; what cannot be decoded says why."""
    first, second = good(MAILS, "a.mbox", Reading())
    assert (first.body.strip(), first.charset, first.key) == (b"caf\xe9", "iso-8859-1", "1@example.org")
    assert (first.title, first.author) == ("\u00e4 b", "J\u00fcrgen <j@example.org>")
    assert first.published_at == "2020-01-02T03:04:05+01:00"
    assert (second.body.strip(), second.mime) == (b"<p>only</p>", "text/html")
    charset, nothing = errors(MAILS, "a.mbox", Reading())
    assert "can't decode" in charset and "no part of it is a text" in nothing


def test_a_text_that_was_taken_away_is_broken() -> None:
    """Reddit writes `[deleted]` where a text was: with `absent` that is no document."""
    reading = Reading(columns=Columns(text="body", id="id"), absent=("[deleted]", "[removed]"))
    (kept,), (error,) = (
        good(b'{"id": "a", "body": "[deleted] not"}\n{"id": "b", "body": "[deleted]"}', "RC.jsonl", reading),
        errors(b'{"id": "b", "body": "[deleted]"}', "RC.jsonl", reading),
    )
    assert kept.key == "a" and "was taken away" in error


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=9), max_size=3), max_size=9), st.integers(1, 40))
def test_json_is_read_in_pieces(values: list[dict[str, str]], piece: int) -> None:
    """However small the pieces, an array, and objects one after another, give their objects."""
    whole = json_records.CHUNK
    json_records.CHUNK = piece
    try:
        for body in (json.dumps(values, indent=1), "\n".join(map(json.dumps, values))):
            assert list(json_records.json_values(io.BytesIO(body.encode()))) == values
    finally:
        json_records.CHUNK = whole


DAMAGE = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.sampled_from([None, *sorted(PACKERS)]), DAMAGE, st.integers(0, 1 << 16))
def test_damage_gives_rows_or_a_reason(name: str, packer: str | None, damage: list[tuple[int, int]], cut: int) -> None:
    """Flipped and missing bytes give rows, broken rows, and at most one UnreadableFile; nothing else, and in time."""
    path, body, reading = FILES[name]
    raw = bytearray(PACKERS[packer](body) if packer else body)
    for position, byte in damage:
        raw[position % len(raw)] = byte
    raw = raw[: cut % (2 * len(raw)) or None]
    found = []
    try:
        for one in read_rows(io.BytesIO(bytes(raw)), f"{path}.{packer}" if packer else path, reading):
            found.append(one)
    except UnreadableFile as error:
        assert str(error)
    assert all(isinstance(one, Row | Broken) for one in found)


def test_a_format_is_imported_when_a_file_of_it_is_read() -> None:
    """The two kinds of source load no reader of a format before it is needed."""
    code = (
        "import sys, stages.sources.members, stages.sources.files;"
        "print([m for m in sys.modules if m.startswith(('py7zr', 'mwxml', 'email.', 'xml.parsers'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "py7zr" not in ran.stdout and "mwxml" not in ran.stdout
