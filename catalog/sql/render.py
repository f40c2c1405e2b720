"""Print an answer: an aligned table for people, CSV, JSON or Parquet for programs.

table    text as a terminal may show it: control, ANSI and bidirectional characters are taken out, long cells are cut
         with `…`, at most `limit` rows; a wide CJK character counts two columns
csv      RFC 4180 with a header, lines ending in LF; every value as it is (a cell that begins with `=` too); null is
         nothing, an empty text is ""
json     one JSON array, one object per line: valid JSON, and readable line by line
parquet  zstd, the types of the answer; needs a file
In CSV and JSON, bytes are hex, times ISO 8601, nested values JSON, NaN and infinity null. Files are written beside
and renamed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import GristmillError

if TYPE_CHECKING:
    from catalog.sql.asking import Answer

FORMATS = ("table", "csv", "json", "parquet")
MAX_CELL = 60  # columns of the screen
MIN_CELL = 8  # no cell is squeezed below this to fit the screen
CSV_SPECIAL = re.compile(r'[",\r\n]')
ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)")


def render(answer: Answer, format: str = "table", *, output: Path | None = None, limit: int = 100) -> None:
    """Print an answer, or write it to the file `output`. `limit` is the number of rows that a table shows.

    Errors: GristmillError for an unknown format, a limit below 1, Parquet without a file, a file it cannot write.
    """
    if format not in FORMATS:
        raise GristmillError(f"the format {format} is not known; use one of {', '.join(FORMATS)}")
    if limit < 1:
        raise GristmillError(f"the limit is {limit}, must be at least 1")
    if format == "parquet":
        if output is None:
            raise GristmillError("the format parquet needs a file; add --output answer.parquet")
        write_parquet_file(answer, output)
        return
    if output is None:
        _print(answer, format, limit)
        return
    with _renamed(output) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        _write(answer, format, stream, limit, None)


def _print(answer: Answer, format: str, limit: int) -> None:
    """To standard output; a reader that goes away, like `head`, is no error."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    try:
        _write(answer, format, sys.stdout, limit, width)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(answer: Answer, format: str, stream: IO[str], limit: int, width: int | None) -> None:
    if format == "csv":
        write_csv(answer, stream)
    elif format == "json":
        write_json(answer, stream)
    else:
        write_table(answer, stream, limit=limit, width=width)


def write_csv(answer: Answer, stream: IO[str]) -> None:
    """All rows as CSV."""
    for row in chain([answer.schema.names], rows(answer)):
        line = ",".join("" if value is None else _quoted(_flat(value)) for value in row)
        stream.write((line or '""') + "\n")  # a reader would skip an empty line


def _quoted(cell: str) -> str:
    """A cell, quoted where CSV needs it; an empty text is quoted too, which tells it from null."""
    return '"' + cell.replace('"', '""') + '"' if CSV_SPECIAL.search(cell) or not cell else cell


def write_json(answer: Answer, stream: IO[str]) -> None:
    """All rows as one JSON array of objects, one per line."""
    names = answer.schema.names
    separator = "[\n"
    for row in rows(answer):
        stream.write(separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False))
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def write_parquet_file(answer: Answer, path: Path) -> None:
    """All rows as a Parquet file. Errors: GristmillError when a type has no Parquet form."""
    with _renamed(path) as beside:
        try:
            with pq.ParquetWriter(beside, answer.schema, compression="zstd") as writer:
                for batch in answer.batches:
                    writer.write_batch(batch)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise GristmillError(
                f"Parquet cannot hold this answer ({error}); cast the column, or use --format json"
            ) from None


def write_table(answer: Answer, stream: IO[str], *, limit: int = 100, width: int | None = None) -> None:
    """The first `limit` rows, aligned, in lines of `width` columns where they can be squeezed into it."""
    found = list(islice(rows(answer), limit + 1))
    answer.batches.close()
    names = [printable(name) for name in answer.schema.names]
    cells = [[printable(_shown(value)) for value in row] for row in found[:limit]]
    right = [is_number(field.type) for field in answer.schema]
    widths = _fitted([_needed(column) for column in zip(names, *cells, strict=True)], width)
    rule = ["─" * size for size in widths]
    for line in (names, rule, *cells):
        aligned = (_aligned(*cell) for cell in zip(line, widths, right, strict=True))
        stream.write("  ".join(aligned).rstrip() + "\n")
    if len(found) > limit:
        stream.write(f"the first {limit} rows; see more with --limit, or all with --format csv\n")
    else:
        stream.write(f"{len(found)} row{'' if len(found) == 1 else 's'}\n")


def rows(answer: Answer) -> Iterator[list[Any]]:
    """Each row as values that JSON knows."""
    for batch in answer.batches:
        columns = [_values(column) for column in batch.columns]
        yield from (list(row) for row in zip(*columns, strict=True))


def _values(column: pa.Array) -> list[Any]:
    """The values of a column; a float32 in its shortest spelling, 0.1 and not 0.10000000149."""
    if pa.types.is_float32(column.type):
        return [None if value is None else plain(float(str(np.float32(value)))) for value in column.to_pylist()]
    return [plain(value) for value in column.to_pylist()]


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _flat(value: Any) -> str:
    """A value as one cell."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and abs(value) < 1e6:
        return f"{value:.6g}"
    return _flat(value)


def printable(text: str) -> str:
    """Text that cannot steer a terminal: no escape sequences, control, bidirectional or invisible characters.

    Line ends, tabs and wide spaces become one space each.
    """
    if text.isprintable():
        return text
    return "".join(_harmless(character) for character in ANSI.sub("", text))


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ""


def display_width(text: str) -> int:
    """Columns that a terminal gives to printable text: two for a wide character, none for a combining mark."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Text of at most `width` columns, ending in `…` where something was cut."""
    if display_width(text) <= width:
        return text
    used, end = 1, 0
    for character in text:
        used += _columns(character)
        if used > width:
            break
        end += 1
    return text[:end] + "…"


def _aligned(text: str, width: int, right: bool) -> str:
    short = cut(text, width)
    gap = " " * (width - display_width(short))
    return gap + short if right else short + gap


def _needed(column: tuple[str, ...]) -> int:
    return min(MAX_CELL, max(1, *map(display_width, column)))


def _fitted(widths: list[int], width: int | None) -> list[int]:
    """Column widths squeezed, the widest first, until they fit in `width` or all are at MIN_CELL."""
    while width and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > MIN_CELL:
        widths[widths.index(max(widths))] -= 1
    return widths


def is_number(kind: pa.DataType) -> bool:
    """Are its values numbers, which stand to the right?"""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    """A file beside `path`, which takes its place when all went well."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise GristmillError(f"{path} cannot be written ({error.strerror}); choose another --output") from None
    finally:
        beside.unlink(missing_ok=True)
