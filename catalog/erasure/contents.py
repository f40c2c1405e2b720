"""Contents: the bytes that a file says, unpacked: cells of Parquet and DuckDB, members of archives, else as they are.

Memory is bounded by a row group, or by CHUNK. What cannot be unpacked is read as it is.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from catalog.erasure.shingles import unescaped
from catalog.sql.database import attached
from catalog.sql.pieces import name

CHUNK = 1 << 20  # bytes read at a time
DEEPEST = 4  # archives inside archives that are opened
HEAD = 512  # bytes by which a kind is known; tar's name stands in them
MAGIC: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": zstd.ZstdFile,
}
"""How the bytes of a compressed file begin -> what opens a stream of them."""
BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstd.ZstdError, tarfile.TarError,
          zipfile.BadZipFile, RuntimeError, NotImplementedError)  # fmt: skip

Parts = Iterator[bytes | memoryview]


def parts_of(path: Path) -> Parts:
    """All that a file says, in parts."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if head[8:12] == b"DUCK":
        with suppress(Exception):  # of another version of DuckDB, or locked: read as it is below
            yield from _cells(path)
    with path.open("rb") as stream:
        yield from parts_in(stream)


def parts_in(stream: IO[bytes], depth: int = 0) -> Parts:
    """All that a stream of bytes says, in parts; `stream` can be wound back."""
    head = stream.read(HEAD)
    stream.seek(0)
    with suppress(*BROKEN, pa.ArrowException):
        if head[:4] == b"PAR1":
            yield from _columns(pq.ParquetFile(stream))
            return
        if depth < DEEPEST:
            yield from _members(stream, head, depth)
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        yield unescaped(chunk) if b"\\u" in chunk else chunk


def _members(stream: IO[bytes], head: bytes, depth: int) -> Parts:
    """What the members of an archive say, or a compressed stream unpacked; nothing where it is neither."""
    opener = next((MAGIC[magic] for magic in MAGIC if head.startswith(magic)), None)
    if opener:
        yield from parts_in(opener(stream), depth + 1)
    elif head[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    with archive.open(member) as inner:
                        yield from parts_in(inner, depth + 1)
    elif head[257:262] == b"ustar":
        with tarfile.open(fileobj=stream) as tar:
            for one in tar:
                extracted = tar.extractfile(one)
                if extracted:
                    yield from parts_in(extracted, depth + 1)


def _columns(file: pq.ParquetFile) -> Parts:
    """The values of every column that holds text or bytes, without what stands between them."""
    texts = [
        index for index in range(len(file.schema)) if file.schema.column(index).physical_type in
        ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    ]  # fmt: skip
    columns = list(dict.fromkeys(file.schema.column(index).path.split(".")[0] for index in texts))
    for group in range(file.num_row_groups if columns else 0):
        for column in columns:
            for chunk in file.read_row_group(group, columns=[column], use_threads=False)[column].chunks:
                yield from values_of(chunk)


def values_of(array: pa.Array) -> Parts:
    """The joined values of an array of texts or bytes, at any depth."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from values_of(array.dictionary)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from values_of(array.flatten())
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            yield from values_of(child)
    elif pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        values = array.buffers()[2]
        if values is not None:
            yield memoryview(values)


def _cells(path: Path) -> Parts:
    """Every text of a DuckDB database."""
    with attached(path.resolve(), {}, {}) as connection:
        tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'gristmill'"
        for schema, table in connection.execute(tables).fetchall():
            reader: Any = connection.sql(f"FROM gristmill.{name(schema)}.{name(table)}").to_arrow_reader(1 << 16)
            for batch in reader:
                for column in batch.columns:
                    yield from values_of(column)
