"""Parquet and Arrow IPC (files, streams, Feather) -> records of the columns that are asked for.

Some hundred rows are held at a time. Arrow data is validated before a value is read: its offsets come from the file.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from stages.sources.formats import MAX_ROW, Broken, Record, UnreadableFile, content_key
from stages.sources.formats.cells import check_header
from stages.sources.formats.parquet_pages import column_pages
from stages.sources.settings.reading import Name

BATCH = 256  # rows
MAX_COPY = 4 << 30  # bytes of a file inside an archive, which is copied to an unnamed temporary file
MAX_THRIFT = 64 << 20  # bytes of a string of a Parquet footer
MAX_ITEMS = 1 << 20  # entries of a list of a Parquet footer: row groups times columns
FREE_BYTES, MAX_RATIO = (
    16 << 20,
    200,
)  # bytes of a column of a row group that may be large; beyond: bytes out / bytes in
MAX_COLUMN = 2 << 30  # bytes of a column of a row group, decompressed; Arrow reads it page by page
MAX_PAGE = 64 << 20  # bytes of a page, decompressed
FREE_VALUES = 1 << 20  # values of a column that may be many; beyond: values / bytes of the file
BATCH_BYTES = 64 << 20  # that a batch may come to, and that the rows of a file may beyond MAX_RATIO
ROW_COST = 64  # bytes that a row counts beside its values
BAD = (pa.ArrowException, OSError, IndexError, MemoryError, ValueError, OverflowError)


def parquet_records(stream: BinaryIO, names: tuple[Name, ...]) -> Iterator[Record | Broken]:
    """Rows of a Parquet file. Errors: UnreadableFile."""
    with _seekable(stream) as source:
        try:
            file = pq.ParquetFile(
                source, thrift_string_size_limit=MAX_THRIFT, thrift_container_size_limit=MAX_ITEMS,
                page_checksum_verification=True,
            )  # fmt: skip
            columns = _columns(names, file.schema_arrow.names)
            wanted = sorted(set(columns.values()))
            rows, left = _bounds(source, file.metadata, set(wanted))
            for batch in file.iter_batches(rows, columns=wanted):
                left -= batch.nbytes + ROW_COST * batch.num_rows
                if left < 0:
                    raise UnreadableFile("its rows are far more than its bytes can mean")
                yield from _rows(batch, columns)
        except UnreadableFile:
            raise
        except BAD as error:
            raise UnreadableFile(f"not a readable Parquet file: {error}") from None


def _bounds(source: IO[bytes], metadata: pq.FileMetaData, columns: set[str]) -> tuple[int, int]:
    """(rows that are read at once, bytes that all rows may come to), by the pages of the columns that are to be read.

    A value is no larger than its page, so that a batch is bounded too, though all its values be one of a dictionary.
    Errors: UnreadableFile for pages that would give too much.
    """
    whole = source.seek(0, 2)
    largest: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(row_group.num_columns):
            chunk = row_group.column(number)
            if chunk.path_in_schema.partition(".")[0] not in columns and chunk.path_in_schema not in columns:
                continue
            name, packed = chunk.path_in_schema, max(1, chunk.total_compressed_size)
            size = 0
            for page in column_pages(source, _start(chunk), packed):
                size += page.size
                values[name] += page.values
                largest[name] = max(largest[name], page.size if page.is_shared else 0)
                if page.size > MAX_PAGE or size > MAX_COLUMN or (size > FREE_BYTES and size > MAX_RATIO * packed):
                    raise UnreadableFile(f"column {name} of row group {group} is {packed} bytes that give {size}")
                if values[name] > FREE_VALUES and values[name] > MAX_RATIO * whole:
                    raise UnreadableFile(f"column {name} has {values[name]} values or more, the file {whole} bytes")
    source.seek(0)
    return max(1, min(BATCH, BATCH_BYTES // max(1, largest.total()))), BATCH_BYTES + MAX_RATIO * whole


def _start(chunk: pq.ColumnChunkMetaData) -> int:
    """Where Arrow begins to read a column of a row group."""
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
    return min(first, chunk.data_page_offset) if first else chunk.data_page_offset


def arrow_records(stream: BinaryIO, names: tuple[Name, ...]) -> Iterator[Record | Broken]:
    """Rows of an Arrow IPC file or stream, told by its first bytes. Errors: UnreadableFile."""
    with _seekable(stream) as source:
        try:
            for batch in _batches(source):
                batch.validate(full=True)
                columns = _columns(names, batch.schema.names)
                for start in range(0, batch.num_rows, BATCH):
                    yield from _rows(batch.slice(start, BATCH).select(sorted(set(columns.values()))), columns)
        except UnreadableFile:
            raise
        except BAD as error:
            raise UnreadableFile(f"not a readable Arrow file: {error}") from None


def _batches(source: Any) -> Iterator[pa.RecordBatch]:
    start = source.read(6)
    source.seek(0)
    if start.startswith(b"FEA1"):
        raise UnreadableFile("Feather version 1, which Arrow gave up; write it again as version 2")
    if start != b"ARROW1":
        yield from pa.ipc.open_stream(source)
        return
    file = pa.ipc.open_file(source)
    for number in range(file.num_record_batches):
        yield file.get_batch(number)


def _columns(names: tuple[Name, ...], header: list[str]) -> dict[Name, str]:
    """Asked for -> the column of the file that holds it: one of its name, its position, or the first part of a path."""
    columns: dict[Name, str] = {}
    for name in names:
        if isinstance(name, int):
            columns[name] = header[name]
        else:
            parts = name.split(".")
            starts = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
            columns[name] = next((start for start in starts if start in header), name)
    check_header(columns.values(), header)
    return columns


def _rows(batch: pa.RecordBatch, columns: dict[Name, str]) -> Iterator[Record | Broken]:
    """Records of a batch; where it holds what is no value, each row is tried alone."""
    try:
        rows = batch.to_pylist()
    except ValueError:
        rows = [_row(batch.slice(position, 1)) for position in range(batch.num_rows)]
    positions = {name: column for name, column in columns.items() if isinstance(name, int)}
    for row in rows:
        yield row if isinstance(row, Broken) else row | {name: row[column] for name, column in positions.items()}


def _row(single: pa.RecordBatch) -> Record | Broken:
    try:
        return single.to_pylist()[0]
    except ValueError as error:
        return Broken(content_key(str(error).encode()), f"a value cannot be read: {error}")


class _seekable:
    """A stream as a file that can be sought: itself, or a spooled copy."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.copy: IO[bytes] | None = None

    def __enter__(self) -> Any:
        if self.stream.seekable():
            return self.stream
        self.copy = tempfile.SpooledTemporaryFile(MAX_ROW)
        while chunk := self.stream.read(1 << 20):
            self.copy.write(chunk)
            if self.copy.tell() > MAX_COPY:
                raise UnreadableFile(f"larger than {MAX_COPY} bytes; take it out of its archive")
        self.copy.seek(0)
        return self.copy

    def __exit__(self, *_: object) -> None:
        if self.copy is not None:
            self.copy.close()
