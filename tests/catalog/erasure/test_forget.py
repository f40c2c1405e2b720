"""Tombstones: they name a document by digests, survive a second writing, and tell sources what concerns them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.digests import document_id
from catalog.erasure.forget import HEADER, TOMBSTONES, Tombstones, containers, forget, is_forgotten, read_tombstones
from catalog.errors import GristmillError, InputError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import ID, VERDICTS, column, table

CAPTURED = table(ID, column("uri", pa.string(), "address"))


def capture(uri: str) -> Iterator[tuple[str, None, pa.Table]]:
    """One captured document."""
    ids = [document_id(uri)]
    yield "captures", None, pa.table({"id": ids, "uri": [uri]})
    yield "verdicts", None, pa.table({"id": ids, "drop_reason": pa.nulls(1, pa.string())})


CAPTURE = Operator(name="capture", run=capture, writes={"captures": CAPTURED, "verdicts": VERDICTS})
URI = "pypi:some==1.0/some-1.0/reviews/pos.txt#ab12"


def test_a_tombstone_says_no_word_of_the_document(project: Path) -> None:
    """Neither its address nor its content; writing it again changes nothing."""
    assert [stone.id for stone in forget([URI], "asked by its author")] == [document_id(URI)]
    before = TOMBSTONES.read_bytes()
    assert b"some" not in before and b"reviews" not in before and b"ab12" not in before
    assert forget([URI], "again") == []
    assert TOMBSTONES.read_bytes() == before


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("file:inbox/1.jsonl#x", ["file:inbox", "file:inbox/1.jsonl"]),
        ("https://example.org/a/b.html", ["https://example.org", "https://example.org/a", "https://example.org/a/b.html"]),
        ("pypi:some==1/a!b/c.txt#k", ["pypi:some==1", "pypi:some==1/a!b", "pypi:some==1/a!b/c.txt"]),
        ("file:one.html", ["file:one.html"]),
    ],
)  # fmt: skip
def test_a_document_stands_in_its_file_its_folders_and_its_archive(uri: str, found: list[str]) -> None:
    """Every place that a source may be named by."""
    assert containers(uri) == found


def test_a_source_learns_what_concerns_it_and_nothing_else(project: Path) -> None:
    """By the file, folder or archive it reads."""
    forget([URI, "file:inbox/1.jsonl#x", "file:inbox/1.jsonl#y", "file:inbox/10.jsonl#z"], "test")
    stones = Tombstones(read_tombstones())
    assert stones.below("pypi:some==1.0") == [document_id(URI)]
    assert stones.below("pypi:some==1.1", "file:inbox/2.jsonl") == []
    wanted = sorted(document_id(f"file:inbox/1.jsonl#{key}") for key in "xy")
    assert stones.below("file:inbox/1.jsonl") == wanted
    assert len(stones.below("file:inbox")) == 3
    assert len(stones.ids) == 4


def test_an_id_is_looked_up_among_the_captures(project: Path) -> None:
    """What the user sees in SQL can be forgotten; an id that nobody has, and rubbish, are refused."""
    uri = "file:inbox/1.jsonl#x"
    with Stage("crawl") as stage:
        stage.act_all(CAPTURE, [Action(name="a", inputs={"u": uri}, args=(uri,))])
    (stone,) = forget([document_id(uri)], "test")
    assert stone.within == tuple(map(document_id, containers(uri)))
    for name in ("0" * 32, "not a uri"):
        with pytest.raises(GristmillError, match=name):
            forget([name], "test")


def test_a_broken_line_is_named(project: Path) -> None:
    """A tombstone that cannot be read would let a document back in."""
    forget([URI], "test")
    with TOMBSTONES.open("a") as stream:
        stream.write(json.dumps({"id": "x"}) + "\n")
    with pytest.raises(InputError, match=r"tombstones.jsonl:3 is no tombstone"):
        read_tombstones()


def test_a_newer_format_is_refused_whole(project: Path) -> None:
    """Lines that this version may read otherwise than they were meant name nothing: neither read nor written over."""
    forget([URI], "test")
    newer = TOMBSTONES.read_text().replace(HEADER, '{"tombstones": 2}')
    TOMBSTONES.write_text(newer)
    for ask in (read_tombstones, lambda: forget(["https://example.org/b"], "test")):
        with pytest.raises(InputError, match=r'tombstones.jsonl says {"tombstones": 2}: a newer Gristmill wrote it'):
            ask()
    assert TOMBSTONES.read_text() == newer


@pytest.mark.parametrize(
    ("uri", "gone"),
    [
        ("https://example.org/a", True), ("http://user:pass@Docs.Example.ORG:8080/a?b#c", True),
        ("https://example.org.", True), ("wss://a.b.example.org/", True), ("https://myexample.org/", False),
        ("https://example.org.uk/", False), ("https://other.test/?u=https://example.org/", False),
        ("file:example.org/a", False), ("http://[::1", False), ("https://org/", False),
    ],
)  # fmt: skip
def test_a_host_is_refused_with_all_below_it(project: Path, uri: str, gone: bool) -> None:
    """Also addresses that nobody has seen; its tombstone does not say its name."""
    (stone,) = forget([], "opted out", hosts=["example.org"])
    assert b"example" not in TOMBSTONES.read_bytes()
    stones = Tombstones(read_tombstones())
    assert (stones.ids, stones.hosts, stone.host) == ({stone.id}, {stone.id}, True)
    assert is_forgotten(uri, stones.ids) is gone
    assert stones.below(uri) == ([stone.id] if gone else [])
    assert forget([], "again", hosts=["example.org"]) == []


def test_tombstones_of_before_hosts_are_as_they_were(project: Path) -> None:
    """A line of a document says nothing of hosts."""
    forget([URI], "test", hosts=["example.org"])
    assert [sorted(json.loads(line)) for line in TOMBSTONES.read_text().splitlines()[1:]] == [
        ["host", "id", "reason", "within"], ["id", "reason", "within"],
    ]  # fmt: skip
