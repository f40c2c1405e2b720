"""Contents: what a file says is read out of every packing, and out of broken ones as far as bytes go."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from catalog.erasure.contents import parts_of

WORD = b"the canary sang here all night"


def zipped(content: bytes) -> bytes:
    """A zip file with one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.bin", content)
    return stream.getvalue()


def tarred(content: bytes) -> bytes:
    """A tar file with one member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        one = tarfile.TarInfo("a/b.bin")
        one.size = len(content)
        archive.addfile(one, io.BytesIO(content))
    return stream.getvalue()


def table(content: bytes) -> bytes:
    """A Parquet file with the content in a nested column, packed by zstd."""
    rows = [{"meta": [{"kind": "x", "value": content.decode()}], "n": 1}, {"meta": None, "n": 2}] * 50
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream, compression="zstd")
    return stream.getvalue()


def said(path: Path) -> bytes:
    """All that a file says."""
    return b"".join(map(bytes, parts_of(path)))


PACKED = pytest.mark.parametrize(
    "pack",
    [
        bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress, zipped, tarred, table,
        lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
        lambda content: gzip.compress(tarred(zipped(table(content)))),
    ],
)  # fmt: skip


@PACKED
def test_what_is_packed_is_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Also where one archive is in another."""
    (tmp_path / "x").write_bytes(pack(WORD))
    assert WORD in said(tmp_path / "x")


@PACKED
def test_what_is_broken_is_read_as_it_is(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Half a file, and what only looks like one, say their bytes."""
    broken = pack(WORD)[:-9] + WORD
    (tmp_path / "x").write_bytes(broken)
    assert WORD in said(tmp_path / "x")


def test_databases_say_their_rows(tmp_path: Path) -> None:
    """DuckDB packs texts; SQLite does not, also in its write-ahead log."""
    with duckdb.connect(str(tmp_path / "x.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT ? || n % 3 AS text FROM range(5000) r(n)", [WORD.decode()])
        database.execute("CREATE SCHEMA build; CREATE TABLE build.pieces AS SELECT 'elsewhere' AS name")
    assert WORD + b"2" in said(tmp_path / "x.duckdb")
    assert b"elsewhere" in said(tmp_path / "x.duckdb")
    with sqlite3.connect(tmp_path / "x.sqlite") as lite:
        lite.execute("create table t (text)")
        lite.execute("insert into t values (?)", (WORD.decode(),))
    assert WORD in said(tmp_path / "x.sqlite")
