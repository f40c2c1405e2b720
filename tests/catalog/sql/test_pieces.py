"""Pieces: a table that is brought up to date holds what one that is made anew holds."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.sql.pieces import PIECES, Mismatch, Piece, Table, create, share_held, update

FORM = pa.table({"n": pa.array([], pa.int64()), "later": pa.array([], pa.string())})


def piece(folder: Path, number: int, rows: int) -> Piece:
    """A file of its own number in every row."""
    path = folder / f"{number}.parquet"
    pq.write_table(pa.table({"n": pa.array([number] * rows, pa.int64())}), path)
    return Piece(f"piece {number}", (path,))


def held(connection: duckdb.DuckDBPyConnection, table: str) -> Counter[int]:
    """How often each number stands in a table."""
    return Counter(row[0] for row in connection.execute(f"SELECT n FROM {table}").fetchall())


def test_any_sequence_of_changes_gives_what_is_wanted(tmp_path: Path) -> None:
    """Pieces that come, go, come back, are empty or stand there twice; over DuckDB's own clearing away of rows."""
    chance = random.Random(7)
    sizes = {number: chance.choice([0, 1, 3000, 70_000]) for number in range(12)}
    pieces = [piece(tmp_path, number, rows) for number, rows in sizes.items()]
    database = tmp_path / "x.duckdb"
    with duckdb.connect(str(database)) as connection:
        create(connection, {"plain": Table(pieces=pieces[:1]), "loose": Table(pieces=[], form=FORM)})
    for _ in range(12):
        numbers = [chance.choices(range(12), k=chance.randint(1, 9)) for _ in range(2)]
        plain, loose = ([pieces[number] for number in some] for some in numbers)
        wanted = {"plain": Table(pieces=plain), "loose": Table(pieces=loose, form=FORM)}
        with duckdb.connect(str(database)) as connection:
            update(connection, wanted)
            assert share_held(connection, wanted) == 1
        with duckdb.connect(str(database)) as connection:
            for table, some in zip(("plain", "loose"), numbers, strict=True):
                expected = Counter({number: some.count(number) * sizes[number] for number in some if sizes[number]})
                assert held(connection, table) == expected


def test_what_does_not_hold_what_it_says_is_not_trusted(tmp_path: Path) -> None:
    """Rows were taken out of it, or a table is not wanted any more."""
    one, other = piece(tmp_path, 1, 3), piece(tmp_path, 2, 3)
    with duckdb.connect(":memory:") as connection:
        create(connection, {"plain": Table(pieces=[one])})
        with pytest.raises(Mismatch, match="gone"):
            update(connection, {"other": Table(pieces=[one])})
        connection.execute("DELETE FROM plain WHERE rowid = 1")
        with pytest.raises(Mismatch, match="has 2 rows, should have 3"):
            update(connection, {"plain": Table(pieces=[other])})
        assert connection.execute(f"SELECT rows FROM {PIECES}").fetchall() == [(3,)]
