"""The pages of Parquet files by their own headers: as Arrow writes them, and where a footer lies or values repeat."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from stages.sources.formats import UnreadableFile
from stages.sources.formats.columnar import FREE_BYTES, FREE_VALUES, parquet_records
from stages.sources.formats.parquet_pages import Page, column_pages


def written(table: pa.Table, **options: Any) -> bytes:
    """A Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def chunk_pages(body: bytes) -> tuple[pq.ColumnChunkMetaData, list[Page]]:
    """The first column of the first row group, and its pages."""
    chunk = pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0).column(0)
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return chunk, list(column_pages(io.BytesIO(body), start, chunk.total_compressed_size))


@settings(deadline=None)
@given(
    texts=some.lists(some.none() | some.text(max_size=30), min_size=1, max_size=60),
    codec=some.sampled_from(["none", "snappy", "zstd", "gzip"]),
    version=some.sampled_from(["1.0", "2.0"]),
    encoding=some.sampled_from(["PLAIN", "DELTA_BYTE_ARRAY", None]),
    page=some.sampled_from([10, 1 << 20]),
)
def test_pages_are_those_that_arrow_wrote(
    texts: list[str | None], codec: str, version: str, encoding: str | None, page: int
) -> None:
    """All bytes and all values, whatever codec, encoding and size of pages; statistics are passed over."""
    how: dict[str, Any] = {"use_dictionary": True} if encoding is None else {"use_dictionary": False}
    how |= {} if encoding is None else {"column_encoding": {"t": encoding}}
    body = written(pa.table({"t": pa.array(texts, pa.string())}), compression=codec, data_page_version=version,
                   data_page_size=page, write_batch_size=3, **how)  # fmt: skip
    chunk, pages = chunk_pages(body)
    data = pages[1:] if encoding is None else pages
    assert sum(one.values for one in data) == chunk.num_values == len(texts)
    headers = chunk.total_compressed_size - sum(one.packed for one in pages)
    assert headers + sum(one.size for one in pages) == chunk.total_uncompressed_size
    assert [one.is_shared for one in pages[:1]] == [encoding != "PLAIN"]
    assert {one.is_shared for one in pages[1:]} <= {encoding == "DELTA_BYTE_ARRAY"}


@given(some.binary(max_size=300), some.integers(0, 400))
def test_any_bytes_are_pages_or_refused(body: bytes, length: int) -> None:
    """Never another error, and never a page outside of the bytes."""
    with contextlib.suppress(UnreadableFile):
        assert sum(one.packed for one in column_pages(io.BytesIO(body), 0, length)) <= length


def bomb() -> bytes:
    """A page of many bytes, of which the footer says that they are 5."""
    size = FREE_BYTES + 1
    body = written(pa.table({"t": ["a" * size]}), compression="zstd", use_dictionary=False, write_statistics=False)
    chunk, _ = chunk_pages(body)
    said = varint(chunk.total_uncompressed_size)
    start, footer = body[: chunk.total_compressed_size + 4], body[chunk.total_compressed_size + 4 :]
    assert footer.count(said) == 2, "of the column, and of the row group"
    lying = start + footer.replace(said, bytes([10 | 128, *[128] * (len(said) - 2), 0]))
    assert pq.ParquetFile(io.BytesIO(lying)).metadata.row_group(0).column(0).total_uncompressed_size == 5
    return lying


def varint(number: int) -> bytes:
    """As Thrift's compact protocol writes it."""
    number, found = number * 2, []
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def repeated(rows: int, value: str | None) -> bytes:
    """One value in every row, which costs some bytes."""
    indices = pa.array([0], pa.int32()).take(pa.array([0] * rows, pa.int32()))
    return written(pa.table({"t": pa.DictionaryArray.from_arrays(indices, pa.array([value], pa.string()))}))


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (bomb, r"column t of row group 0 is \d+ bytes that give 16777"),
        (lambda: repeated(FREE_VALUES - 1, "a" * 1_000_000), "its rows are far more than its bytes can mean"),
        (lambda: repeated(FREE_VALUES * 3, "a"), r"column t has \d+ values or more, the file \d+ bytes"),
    ],
)
def test_what_a_footer_hides_is_bounded(make: Any, problem: str) -> None:
    """A page larger than it says, a value that many rows share, rows without bytes: refused in time and memory."""
    body = make()
    assert len(body) < 200_000
    before = pa.total_allocated_bytes()
    most = 0
    with pytest.raises(UnreadableFile, match=problem):
        for _ in parquet_records(io.BytesIO(body), ("t",)):
            most = max(most, pa.total_allocated_bytes() - before)
    assert most < 200 << 20
