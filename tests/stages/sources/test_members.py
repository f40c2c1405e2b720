"""The source kind `archive`: members become captures, what cannot be read is quarantined or a clear error."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import SourceError
from stages.sources.members import read_archive
from stages.sources.settings.archive import ArchiveSource, Pinned
from stages.sources.settings.reading import Columns, Ratings, Reading


def tables(files: Mapping[str, bytes], *readings: Reading) -> dict[str, pa.Table]:
    """Tables of a source over a zip of `files` in the current directory."""
    with zipfile.ZipFile("a.zip", "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    source = ArchiveSource(name="s", licence="MIT", archive=Pinned(path="a.zip"), members=readings)
    return {name: table for name, _, table in read_archive(source.archive, source.archive.uri, params=source)}


def test_members_are_read_by_the_first_glob_that_asks_for_them(project: Path) -> None:
    """Each glob has its own label; URIs name archive, member and row."""
    found = tables(
        {"pos.txt": b"good\ngood\n", "neg.txt": b"bad\n", "other.py": b"import os"},
        Reading(match="pos.txt", format="lines", label="positive"),
        Reading(match="*.txt", format="lines", label="negative"),
    )["captures"]
    assert found["given_label"].to_pylist() == ["positive", "positive", "negative"]
    first, second, _ = found["uri"].to_pylist()
    assert first.startswith("file:a.zip/pos.txt#") and second == first + ".2"


def test_ratings_are_joined_from_another_member(project: Path) -> None:
    """A nested archive is read twice, so the order of its members does not matter."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for name, body in {"t/x_texts.txt": b"1\t0.5\tfine\r\n", "t/x_ratings.txt": b"1\t0.5\t[1, 0]\r\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    reading = Reading(
        match="i.tar.gz!t/*_texts.txt", format="tsv", header=False, quoting=False, columns=Columns(text=2, id=0),
        ratings=Ratings(member=("_texts", "_ratings"), id=0, values=2),
    )  # fmt: skip
    (row,) = tables({"i.tar.gz": inner.getvalue()}, reading)["captures"].to_pylist()
    assert (row["uri"], row["body"], row["ratings"]) == ("file:a.zip/i.tar.gz!t/x_texts.txt#1", b"fine", [1, 0])


def test_refused_and_unreadable_members_are_quarantined(project: Path) -> None:
    """Rows read before a member turned out broken stay; every refusal has its reason."""
    files = {"../x.txt": b"x", "a.jsonl": b'{"t": "1"}\n[]', "b.parquet": b"no", "c.txt": b"c"}
    found = tables(files, Reading(columns=Columns(text="t")))
    assert found["captures"]["body"].to_pylist() == [b"1", b"c"]
    errors = dict(zip(found["quarantine"]["uri"].to_pylist(), found["quarantine"]["error"].to_pylist(), strict=True))
    assert errors.pop("file:a.zip/../x.txt") == "refused: a path with `..`"
    assert errors.pop("file:a.zip/b.parquet").startswith("not a readable Parquet file")
    assert list(errors.values()) == ["a JSON list, not an object"]


def test_a_damaged_member_is_quarantined(project: Path) -> None:
    """A wrong checksum inside a zip costs this member, not the archive."""
    tables({"a.txt": b"aaaa", "b.txt": b"bbbb"}, Reading())
    raw = Path("a.zip").read_bytes().replace(b"aaaa", b"axaa")
    Path("a.zip").write_bytes(raw)
    source = ArchiveSource(name="s", licence="MIT", archive=Pinned(path="a.zip"), members=(Reading(),))
    found = {name: table for name, _, table in read_archive(source.archive, source.archive.uri, params=source)}
    assert found["captures"]["body"].to_pylist() == [b"bbbb"]
    assert "Bad CRC-32" in found["quarantine"]["error"].to_pylist()[0]


def rated(member: str) -> Reading:
    """A reading of a.txt that wants ratings from another member."""
    return Reading(match="a.txt", format="tsv", columns=Columns(text=1, id=0), ratings=Ratings(member=("a", member)))


@pytest.mark.parametrize(
    ("reading", "problem"),
    [
        (Reading(match="*.md"), r"no member of file:a.zip matches \*.md"),
        (rated("z"), r"matches z\.txt"),
        (rated("b"), "line 1 of the ratings"),
    ],
)
def test_mistakes_in_the_globs_stop(project: Path, reading: Reading, problem: str) -> None:
    """A glob that matches nothing, ratings that are missing or broken: rows would be missing silently."""
    with pytest.raises(SourceError, match=problem):
        tables({"a.txt": b"x", "b.txt": b"1\tx"}, reading)
