"""The tables of a database, piece by piece: each file is loaded once, and a change loads and drops only what changed.

A table holds the rows of its pieces one after the other; `build.pieces` in the database lists them in that order, so
that the rows of one are found by their place. DuckDB keeps the order of rows over deletions, though not their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PIECES = "build.pieces"


class Piece(NamedTuple):
    """Some rows of a table: those of a file, or of two files with the same documents row by row, side by side."""

    name: str
    """Says what is in the files: equal name, equal rows."""
    files: tuple[Path, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(pq.read_metadata(self.files[0]).num_rows)


class Mismatch(Exception):
    """The database does not hold what it says, or holds too little of what is wanted: build it anew."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that is wanted: its pieces, and, where older files may lack columns or there may be none, its form."""

    pieces: Sequence[Piece]
    form: pa.Table | None = None
    """Without rows; of what the files have, these columns are taken."""


Tables = Mapping[str, Table]


def create(connection: duckdb.DuckDBPyConnection, tables: Tables) -> None:
    """Create every table with all its pieces. A table without a form has one piece or more."""
    for table, wanted in tables.items():
        connection.execute(f"CREATE TABLE {name(table)} AS {_rows(connection, wanted.pieces, wanted.form)}")
    connection.execute("CREATE SCHEMA build")
    connection.execute(f"CREATE TABLE {PIECES} (table_name VARCHAR, name VARCHAR, rows BIGINT)")
    _note(connection, [(table, piece.name, piece.rows) for table, found in tables.items() for piece in found.pieces])


def update(connection: duckdb.DuckDBPyConnection, tables: Tables) -> None:
    """Make each table hold these pieces, in any order. Errors: Mismatch."""
    listed = connection.execute(f"SELECT table_name, name, rows FROM {PIECES}").fetchall()
    held: dict[str, list[tuple[str, int]]] = {table: [] for table in tables}
    for table, piece, rows in listed:
        if table not in held:
            raise Mismatch(f"{table} is gone")
        held[table].append((piece, rows))
    now = [row for table, found in tables.items() for row in _update_table(connection, table, held[table], found)]
    connection.execute(f"DELETE FROM {PIECES}")
    _note(connection, now)


def share_held(connection: duckdb.DuckDBPyConnection, tables: Tables) -> float:
    """How many of the pieces that are wanted the database holds already, from 0 to 1."""
    listed = connection.execute(f"SELECT table_name, name FROM {PIECES}").fetchall()
    wanted = Counter((table, piece.name) for table, found in tables.items() for piece in found.pieces)
    return (wanted & Counter(listed)).total() / max(wanted.total(), 1)


def _update_table(
    connection: duckdb.DuckDBPyConnection, table: str, held: list[tuple[str, int]], wanted: Table
) -> Iterator[tuple[str, str, int]]:
    """Drop the rows of pieces that are not wanted, append those that come; (table, name, rows) of each piece then."""
    missing = Counter(piece.name for piece in wanted.pieces)
    stays = []
    for piece, _ in held:
        stays.append(missing[piece] > 0)
        missing[piece] -= stays[-1]
    if not all(stays):
        _drop(connection, table, [rows for _, rows in held], stays)
    yield from ((table, piece, rows) for (piece, rows), stay in zip(held, stays, strict=True) if stay)
    pieces = {piece.name: piece for piece in wanted.pieces}
    new = [pieces[piece] for piece in missing.elements()]
    if new:
        connection.execute(f"INSERT INTO {name(table)} BY NAME {_rows(connection, new, wanted.form)}")
    yield from ((table, piece.name, piece.rows) for piece in new)


def _drop(connection: duckdb.DuckDBPyConnection, table: str, sizes: list[int], stays: list[bool]) -> None:
    """Delete the rows of the pieces that do not stay."""
    numbers = connection.execute(f"SELECT rowid FROM {name(table)} ORDER BY rowid").fetchnumpy()["rowid"]
    if len(numbers) != sum(sizes):
        raise Mismatch(f"{table} has {len(numbers)} rows, should have {sum(sizes)}")
    doomed = pa.table({"number": numbers[np.repeat(~np.array(stays), sizes)]})
    connection.register("doomed", doomed)
    connection.execute(f"DELETE FROM {name(table)} WHERE rowid IN (SELECT number FROM doomed)")
    connection.unregister("doomed")


def _note(connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str, int]]) -> None:
    tables, names, counts = map(list, zip(*rows, strict=True)) if rows else ([], [], [])
    kinds = (pa.string(), pa.string(), pa.int64())
    columns = [pa.array(values, kind) for values, kind in zip((tables, names, counts), kinds, strict=True)]
    connection.register("noted", pa.table(columns, ["table_name", "name", "rows"]))
    connection.execute(f"INSERT INTO {PIECES} SELECT * FROM noted")
    connection.unregister("noted")


def _rows(connection: duckdb.DuckDBPyConnection, pieces: Sequence[Piece], form: pa.Table | None) -> str:
    """The rows of some pieces, as a query."""
    if form is None:
        return _beside(pieces)
    connection.register("form", form)
    rows = "SELECT * FROM form"
    if pieces:
        rows += f" UNION ALL BY NAME SELECT * FROM read_parquet({_list(pieces, 0)}, union_by_name = true)"
    return f"SELECT {', '.join(map(name, form.column_names))} FROM ({rows})"


def _beside(pieces: Sequence[Piece]) -> str:
    """The columns of each file of a piece side by side, `id` once."""
    first, *others = (f"read_parquet({_list(pieces, side)})" for side in range(len(pieces[0].files)))
    joined = (f"POSITIONAL JOIN (SELECT * EXCLUDE (id) FROM {one}) AS side_{n}" for n, one in enumerate(others))
    return " ".join([f"SELECT * FROM {first} AS documents", *joined])


def _list(pieces: Sequence[Piece], side: int) -> str:
    return "[" + ", ".join(text(str(piece.files[side])) for piece in pieces) + "]"


def name(value: str) -> str:
    """A name, quoted for SQL."""
    return '"' + value.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text, quoted for SQL."""
    return "'" + value.replace("'", "''") + "'"
