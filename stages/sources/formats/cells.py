"""A delimited file (csv, tsv, tab) -> records of the exact bytes of its cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from stages.sources.formats import MAX_ROW, Broken, Record, UnreadableFile, content_key
from stages.sources.formats.lines import narrow
from stages.sources.settings.reading import Name, Reading


def cell_records(stream: BinaryIO, kind: str, reading: Reading, names: tuple[Name, ...]) -> Iterator[Record | Broken]:
    """Rows of a delimited file. Latin-1 maps every byte to one character and back, so cells stay exact."""
    csv.field_size_limit(MAX_ROW)
    text = io.TextIOWrapper(narrow(stream, reading.encoding), encoding="latin-1", newline="")
    quoting: Any = csv.QUOTE_MINIMAL if reading.quoting else csv.QUOTE_NONE
    rows = csv.reader(text, delimiter="," if kind == "csv" else "\t", quoting=quoting)
    header: list[str] | None = None
    if reading.header or kind == "tab":
        header = _header(rows, kind, reading.encoding or "utf-8")
        check_header([name for name in names if isinstance(name, str)], header)
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


def check_header(wanted: Iterable[Name], header: list[str]) -> None:
    """Errors: UnreadableFile naming the first wanted column that is not there."""
    for name in wanted:
        if name not in header:
            raise UnreadableFile(f"no column {name!r}; the file has {', '.join(header)[:500]}")


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
