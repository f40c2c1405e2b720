"""The one Parquet writer: equal rows give equal bytes.

Explicit schema, one chunk per column, fixed row groups, codec, level and version, no stored Arrow schema. Rows come in
the order the operator defined. A new pyarrow may write other bytes, never other rows (see catalog/digests.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
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
}


def conform(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """`table` with exactly the columns and types of `schema`, each column in one chunk.

    Errors: OperatorError naming the table `name` and the column that is missing, of another type, or null.
    """
    if set(table.column_names) != set(schema.names):
        missing, extra = set(schema.names) - set(table.column_names), set(table.column_names) - set(schema.names)
        raise OperatorError(
            f"{name}: columns missing {sorted(missing)}, undeclared {sorted(extra)}; see catalog/schema.py"
        )
    columns = []
    for field in schema:
        column = table.column(field.name)
        if column.null_count and not field.nullable:
            raise OperatorError(f"{name}.{field.name} has {column.null_count} null(s); catalog/schema.py allows none")
        try:
            columns.append(column.cast(field.type).combine_chunks())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise OperatorError(f"{name}.{field.name} is {column.type}, must be {field.type}: {error}") from None
    return pa.table(columns, schema=pa.schema([field.remove_metadata() for field in schema]))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a conforming table and fsync it; the caller renames it into place."""
    pq.write_table(table, path, **WRITER)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A table (or some of its columns), each column in one chunk. Errors: InputError naming the file."""
    sys.audit("open", str(path), "rb", 0)  # as `open` would say it; Arrow opens files below Python
    try:
        return pq.read_table(path, columns=columns, partitioning=None, memory_map=True).combine_chunks()
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc checkout`, or `dvc repro` to build it") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a readable Parquet file ({error}); delete it and run `dvc repro`") from None
