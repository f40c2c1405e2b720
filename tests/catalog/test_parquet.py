"""The one Parquet writer: equal rows give equal bytes, and broken tables are refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import schema
from catalog.errors import InputError, OperatorError
from catalog.parquet import conform, read_parquet, write_parquet

SCHEMA = schema.table(schema.ID, schema.column("n", pa.int32(), "a number", null=True))


@given(st.lists(st.tuples(st.text(max_size=5), st.one_of(st.none(), st.integers(0, 99)))), st.integers(0, 9))
def test_equal_rows_give_equal_bytes(tmp_path_factory: pytest.TempPathFactory, rows: list, cut: int) -> None:
    """Chunking, column order, wider types and metadata of the input leave no mark."""
    folder = tmp_path_factory.mktemp("bytes")
    plain = pa.table(
        {"id": pa.array([r[0] for r in rows], pa.string()), "n": pa.array([r[1] for r in rows], pa.int32())}
    )
    odd = pa.table({"n": plain["n"].cast(pa.int64()), "id": plain["id"].cast(pa.large_string())})
    odd = pa.concat_tables([odd.slice(0, cut), odd.slice(cut)]).replace_schema_metadata({"k": "v"})
    for name, table in (("plain", plain), ("odd", odd)):
        write_parquet(conform(table, SCHEMA, "t"), folder / name)
    assert (folder / "plain").read_bytes() == (folder / "odd").read_bytes()
    assert read_parquet(folder / "plain").to_pylist() == plain.to_pylist()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a"]}, r"t: columns missing \['n'\]"),
        ({"id": ["a"], "n": [1], "x": [1]}, r"undeclared \['x'\]"),
        ({"id": pa.array([None], pa.string()), "n": [1]}, r"t.id has 1 null"),
        ({"id": ["a"], "n": ["one"]}, r"t.n is string, must be int32"),
        ({"id": ["a"], "n": [2**40]}, r"t.n is int64, must be int32"),
    ],
)
def test_a_table_that_breaks_its_schema_is_refused(columns: dict, message: str) -> None:
    """The message names table, column and problem."""
    with pytest.raises(OperatorError, match=message):
        conform(pa.table(columns), SCHEMA, "t")


def test_missing_and_broken_files_say_what_to_do(tmp_path: Path) -> None:
    """A user sees the path and the next command."""
    with pytest.raises(InputError, match="dvc checkout"):
        read_parquet(tmp_path / "none.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(InputError, match="delete it and run `dvc repro`"):
        read_parquet(tmp_path / "broken.parquet")
    write_parquet(pa.table({"id": ["a"], "n": [1], "other": [2]}), tmp_path / "t")
    with pytest.raises(InputError, match="not_there"):
        read_parquet(tmp_path / "t", ["id", "not_there"])
    assert read_parquet(tmp_path / "t", ["n", "id"]).to_pylist() == [{"n": 1, "id": "a"}]
    assert read_parquet(tmp_path / "t", ["n", "id"]).column_names == ["n", "id"]


def test_texts_that_hardly_repeat_are_written_without_a_dictionary(tmp_path: Path) -> None:
    """Ids cost their own bytes, 16 for 32 hex digits, and what repeats still costs next to nothing."""
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(4000)]
    table = pa.table({"id": ids, "source": ["web"] * 4000})
    write_parquet(table, tmp_path / "t")
    group = pq.ParquetFile(tmp_path / "t").metadata.row_group(0)
    assert "DELTA_LENGTH_BYTE_ARRAY" in group.column(0).encodings
    assert group.column(0).total_compressed_size < 17 * 4000
    assert group.column(1).total_compressed_size < 200
    assert read_parquet(tmp_path / "t").equals(table)


def test_duckdb_finds_the_nulls_that_were_written(tmp_path: Path) -> None:
    """Two values among nulls, the second row group with one of them: DuckDB and Arrow count the same rows."""
    values: list[str | None] = [None] * 5000
    values[7], values[8], values[4500] = "near", "equal", "near"
    write_parquet(pa.table({"reason": pa.array(values, pa.string())}), tmp_path / "part.parquet")
    found = duckdb.sql(f"SELECT count(*) FROM read_parquet('{tmp_path}/part.parquet') WHERE reason IS NULL").fetchall()
    assert found == [(4997,)]
