"""The bytes of one table file -> records, one per row, whatever the format.

A record maps a column (name, or position where there is no header) to its value: `bytes` where the file holds bytes
(csv, tsv, tab), a Python value where it holds values (jsonl, parquet). A row that cannot be read is a `Broken`, never
an exception and never lost; blank lines are no rows. Memory is bounded by the longest row.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from stages.sources.settings.reading import Name, Reading

MAX_ROW = 32 << 20  # bytes of one row; longer ones are quarantined unread
KEY_DIGITS = 16  # hex digits of a content-defined row key
EXTENSIONS = {
    "txt": "text", "md": "text", "rst": "text", "html": "html", "htm": "html", "xhtml": "html", "jsonl": "jsonl",
    "ndjson": "jsonl", "csv": "csv", "tsv": "tsv", "tab": "tab", "parquet": "parquet",
}  # fmt: skip
UTF8_MARK, WIDE_MARKS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Record = dict[Name, Any]


class UnreadableFile(ValueError):
    """A whole file is not what its format says."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be processed: the key that tells it from others in its file, and why."""

    key: str
    error: str


def format_of(path: str, reading: Reading) -> str:
    """The format to read a file as. Errors: UnreadableFile where neither `format` nor the file name says it."""
    extension = path.rpartition("/")[2].rpartition(".")[2].lower()
    found = reading.format or EXTENSIONS.get(extension)
    if found is None:
        raise UnreadableFile(f"no format is known for `.{extension}`; give `format` in crawl.sources")
    return found


def is_one_document(path: str, reading: Reading) -> bool:
    """Is the whole file one document, whatever its length?"""
    try:
        return format_of(path, reading) in ("text", "html")
    except UnreadableFile:
        return True


def content_key(body: bytes) -> str:
    """The key of a row without id: it depends on the row alone, so that an inserted row renames no other."""
    return hashlib.sha256(body).hexdigest()[:KEY_DIGITS]


def records(stream: BinaryIO, kind: str, reading: Reading) -> Iterator[Record | Broken]:
    """Records of a table file. Errors: UnreadableFile when not even its header can be read."""
    if reading.columns is None:
        raise UnreadableFile(f"a {kind} file needs `columns: {{text: NAME}}` in crawl.sources")
    if kind == "jsonl":
        return _json_records(stream)
    if kind == "parquet":
        return _parquet_records(stream, reading.columns.used())
    return _cell_records(stream, kind, reading, reading.columns.used())


def lines(stream: BinaryIO, encoding: str | None) -> Iterator[bytes | Broken]:
    """Lines without their end, blank ones left out; UTF-16 becomes UTF-8, a byte order mark goes."""
    stream = _narrow(stream, encoding)
    while line := stream.readline(MAX_ROW):
        if len(line) == MAX_ROW and not line.endswith(b"\n"):
            yield Broken(content_key(line), f"longer than {MAX_ROW} bytes")
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_ROW)
            continue
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield line


def _narrow(stream: BinaryIO, encoding: str | None) -> BinaryIO:
    """A stream whose line ends are single bytes, past any byte order mark."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    start = buffered.peek(4)
    if start.startswith(UTF8_MARK):
        buffered.read(len(UTF8_MARK))
    elif start.startswith(WIDE_MARKS) or (encoding or "").lower().replace("-", "").startswith(("utf16", "utf32")):
        return _transcoded(buffered, encoding or "utf-16")
    return buffered  # type: ignore[return-value]


def _transcoded(stream: Any, encoding: str) -> BinaryIO:
    """A file in UTF-8. Errors: UnreadableFile where it is not in `encoding`."""
    copy = tempfile.SpooledTemporaryFile(MAX_ROW)  # noqa: SIM115
    try:
        for text in io.TextIOWrapper(stream, encoding=encoding, newline=""):
            copy.write(text.encode())
    except UnicodeError as error:
        raise UnreadableFile(f"not {encoding}: {error}") from None
    copy.seek(0)
    return copy  # type: ignore[return-value]


def _json_records(stream: BinaryIO) -> Iterator[Record | Broken]:
    for line in lines(stream, None):
        if isinstance(line, Broken):
            yield line
            continue
        try:
            value = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            yield Broken(content_key(line), f"not a line of JSON: {error}")
            continue
        if isinstance(value, dict):
            yield value
        else:
            yield Broken(content_key(line), f"a JSON {type(value).__name__}, not an object")


def _parquet_records(stream: BinaryIO, names: tuple[Name, ...]) -> Iterator[Record | Broken]:
    with tempfile.SpooledTemporaryFile(MAX_ROW) as copy:
        source: Any = stream
        if not stream.seekable():  # a member of an archive
            while chunk := stream.read(1 << 20):
                copy.write(chunk)
            copy.seek(0)
            source = copy
        try:
            file = pq.ParquetFile(source)
            columns = [file.schema_arrow.names[name] if isinstance(name, int) else name for name in names]
            _check_header(columns, file.schema_arrow.names)
            for batch in file.iter_batches(1024, columns=columns):
                for row in batch.to_pylist():
                    yield dict(zip(names, (row[column] for column in columns), strict=True))
        except (pa.ArrowException, OSError, IndexError) as error:
            raise UnreadableFile(f"not a readable Parquet file: {error}") from None


def _check_header(wanted: Iterable[Name], header: list[str]) -> None:
    for name in wanted:
        if name not in header:
            raise UnreadableFile(f"no column {name!r}; the file has {', '.join(header)[:500]}")


def _cell_records(stream: BinaryIO, kind: str, reading: Reading, names: tuple[Name, ...]) -> Iterator[Record | Broken]:
    """Rows of a delimited file. Latin-1 maps every byte to one character and back, so cells stay exact."""
    csv.field_size_limit(MAX_ROW)
    text = io.TextIOWrapper(_narrow(stream, reading.encoding), encoding="latin-1", newline="")
    quoting: Any = csv.QUOTE_MINIMAL if reading.quoting else csv.QUOTE_NONE
    rows = csv.reader(text, delimiter="," if kind == "csv" else "\t", quoting=quoting)
    header: list[str] | None = None
    if reading.header or kind == "tab":
        header = _header(rows, kind, reading.encoding or "utf-8")
        _check_header([name for name in names if isinstance(name, str)], header)
    positions = {name: name if isinstance(name, int) else (header or []).index(name) for name in names}
    width = len(header) if header else None
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(f"line-{rows.line_num}", f"not a row: {error}")
            continue
        if any(cells):
            yield _record(cells, positions, width)


def _header(rows: Iterator[list[str]], kind: str, encoding: str) -> list[str]:
    """Column names; a `tab` file (Orange) has two more header rows: types and roles."""
    try:
        header = [cell.encode("latin-1").decode(encoding) for cell in next(rows)]
        if kind == "tab":
            next(rows), next(rows)
    except StopIteration:
        raise UnreadableFile("the file ends before its header does") from None
    except (csv.Error, UnicodeError) as error:
        raise UnreadableFile(f"the header cannot be read: {error}") from None
    return header


def _record(cells: list[str], positions: dict[Name, int], width: int | None) -> Record | Broken:
    if (width and len(cells) > width) or max(positions.values()) >= len(cells):
        wanted = width or max(positions.values()) + 1
        return Broken(content_key("\t".join(cells).encode("latin-1")), f"{len(cells)} cells, expected {wanted}")
    return {name: cells[position].encode("latin-1") for name, position in positions.items()}
