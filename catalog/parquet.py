"""The one Parquet writer: equal rows give equal bytes.

Explicit schema, one chunk per column, fixed row groups, codec, level and version, no stored Arrow schema. Texts that
hardly repeat (ids, digests) are written without a dictionary and with their lengths apart, a tenth smaller than the
default. Rows come in the order the operator defined. A new pyarrow may write other bytes, never other rows (see
catalog/digests.py).
"""

from __future__ import annotations

import importlib.abc
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.errors import InputError, OperatorError

WRITER: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "row_group_size": 4096,  # rows; a column of one row group fits in a CPU cache
    "data_page_size": 1 << 20,  # bytes
    "version": "2.6",
    "write_statistics": True,
    "store_schema": False,
    "distinct_not_null": "DELTA_LENGTH_BYTE_ARRAY",  # encoding of texts that hardly repeat and are all there
}
LOOKED_AT = 1024  # values of a column that tell whether it repeats


class _NoPandas(importlib.abc.MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Errors: ImportError for pandas."""
        if fullname == "pandas":
            raise ImportError(fullname)


def _spare_pandas() -> None:
    """Make Arrow's first array, for which Arrow would import pandas where it is installed: half a second of CPU.

    Who asks for `to_pandas` later still gets it.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


if "pandas" not in sys.modules:
    _spare_pandas()


def conform(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """`table` with exactly the columns and types of `schema`, each column in one chunk.

    Errors: OperatorError naming the table `name` and the column that is missing, of another type, or null.
    """
    if set(table.column_names) != set(schema.names):
        missing, extra = set(schema.names) - set(table.column_names), set(table.column_names) - set(schema.names)
        raise OperatorError(
            f"{name}: columns missing {sorted(missing)}, undeclared {sorted(extra)}; see catalog/schema"
        )
    columns = []
    for field in schema:
        column = table.column(field.name)
        if column.null_count and not field.nullable:
            raise OperatorError(f"{name}.{field.name} has {column.null_count} null(s); catalog/schema allows none")
        try:
            columns.append(column.cast(field.type).combine_chunks())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise OperatorError(f"{name}.{field.name} is {column.type}, must be {field.type}: {error}") from None
    return pa.table(columns, schema=pa.schema([field.remove_metadata() for field in schema]))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a conforming table and fsync it; the caller renames it into place."""
    settings = dict(WRITER)
    encoding = settings.pop("distinct_not_null")
    distinct = {field.name: encoding for field in table.schema if _hardly_repeats(table, field)}
    repeating = [name for name in table.column_names if name not in distinct]
    pq.write_table(table, path, use_dictionary=repeating, column_encoding=distinct or None, **settings)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _hardly_repeats(table: pa.Table, field: pa.Field) -> bool:
    """Is this a column of texts or bytes without nulls, most of which stand in it once, as far as its first rows tell?

    With nulls it keeps its dictionary: DuckDB 2.0 takes a row group of one value for constant, nulls and all, unless
    there is a dictionary, and `IS NULL` then finds every row of it.
    """
    column = table[field.name]
    if not (pa.types.is_string(field.type) or pa.types.is_binary(field.type)) or column.null_count:
        return False
    seen = column.slice(0, LOOKED_AT)
    return len(seen) > 1 and 2 * pc.count_distinct(seen).as_py() > len(seen)


def column_names(path: Path) -> list[str]:
    """The columns of a file, in order."""
    return list(pq.read_schema(path).names)


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A table (or some of its columns), each column in one chunk. Errors: InputError naming the file."""
    sys.audit("open", str(path), "rb", 0)  # as `open` would say it; Arrow opens files below Python
    try:
        with pq.ParquetFile(path, memory_map=True) as file:  # half of what read_table costs with a small file
            rows = file.read(columns)
        return (rows.select(columns) if columns else rows).combine_chunks()
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc checkout`, or `dvc repro` to build it") from None
    except (pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{path} is not a readable Parquet file ({error}); delete it and run `dvc repro`") from None
