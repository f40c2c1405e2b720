"""Shards: the rows of each split as files of a bounded size, in the same bytes whenever they are written.

Writes  DIR/data/<split>-<number>.parquet or .jsonl.gz. A row group (a stretch of lines) is what one segment gave, so
that memory is bounded by a segment; a shard ends after the row group that makes it as large as asked.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.digests import file_sha256
from catalog.parquet import WRITER

Form = Literal["parquet", "jsonl"]
SUFFIX: dict[Form, str] = {"parquet": ".parquet", "jsonl": ".jsonl.gz"}
LINES = 4096  # rows made into lines at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file of an export; `path` is relative to its folder."""

    path: str
    split: str
    rows: int
    bytes: int
    sha256: str


class Writer(Protocol):
    """Takes rows and writes them."""

    def write_table(self, rows: pa.Table) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Write what is left; the stream below stays open."""
        ...


class LineWriter:
    """JSON, a line a row, compressed; keys in the order of the columns, nulls too."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0)

    def write_table(self, rows: pa.Table) -> None:
        """Append rows."""
        for batch in rows.to_batches(LINES):
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
            self._stream.write(lines.encode())

    def close(self) -> None:
        """Write the end of the compressed stream."""
        self._stream.close()


def parquet_writer(stream: IO[bytes], schema: pa.Schema) -> Writer:
    """The settings of the tables of the corpus."""
    same = ("compression", "compression_level", "data_page_size", "version", "write_statistics", "store_schema")
    writer: Writer = pq.ParquetWriter(stream, schema, **{name: WRITER[name] for name in same})
    return writer


class _Open:
    """A shard that is being written."""

    def __init__(self, path: Path, schema: pa.Schema, form: Form) -> None:
        self.path, self.rows = path, 0
        self.stream = path.open("wb")
        self.writer: Writer = parquet_writer(self.stream, schema) if form == "parquet" else LineWriter(self.stream)

    def write(self, rows: pa.Table) -> int:
        """Append rows; the bytes of the file so far."""
        self.writer.write_table(rows)
        self.rows += rows.num_rows
        return self.stream.tell()

    def close(self) -> None:
        """End the file."""
        self.writer.close()
        self.stream.close()


def write_shards(
    folder: Path, parts: Iterable[tuple[str, pa.Table]], schema: pa.Schema, form: Form, largest: int
) -> Iterator[Shard]:
    """Write (split, rows), part by part; the shards, each when finished. `largest` in bytes, give or take a part."""
    (folder / "data").mkdir(parents=True)
    opened: dict[str, _Open] = {}
    numbers: dict[str, int] = {}
    with ExitStack() as stack:
        for split, rows in parts:
            if split not in opened:
                numbers[split] = numbers.get(split, -1) + 1
                path = folder / "data" / f"{split}-{numbers[split]:05}{SUFFIX[form]}"
                opened[split] = _Open(path, schema, form)
                stack.callback(opened[split].stream.close)
            if opened[split].write(rows) >= largest:
                yield _finished(opened.pop(split), split, folder)
        for split in sorted(opened):
            yield _finished(opened[split], split, folder)


def _finished(shard: _Open, split: str, folder: Path) -> Shard:
    shard.close()
    return Shard(
        path=shard.path.relative_to(folder).as_posix(), split=split, rows=shard.rows,
        bytes=shard.path.stat().st_size, sha256=file_sha256(shard.path),
    )  # fmt: skip
