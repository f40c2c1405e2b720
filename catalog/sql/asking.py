"""Ask the catalog in SQL, in a profile that can do nothing but read it.

Reads   data/catalog.duckdb, and the databases of earlier versions (catalog/sql/database.py builds both)

An instance of DuckDB that answered is kept for the next question of the same scope, with what it has read of the file.

The safe profile of `query`: one statement whose syntax tree only reads (catalog/sql/question.py); the files attached
read-only; no access to files or network, no extension, no Python variable, no temporary file; settings locked; memory
and time limited. tests/catalog/sql/test_asking.py attacks it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from catalog.errors import GristmillError
from catalog.sql.content import state
from catalog.sql.database import THREADS, attached, database_at, ensure_database
from catalog.sql.question import check_question

BATCH_ROWS = 2048  # rows per batch of an answer
KEPT = 2  # instances that wait for the next question

Key = tuple[Any, ...]
_free: list[tuple[Key, duckdb.DuckDBPyConnection]] = []
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query, streamed once: close it or read it to its end. No two columns share a name."""

    schema: pa.Schema
    batches: Generator[pa.RecordBatch, None, None]

    def table(self) -> pa.Table:
        """All rows in memory. Errors: GristmillError as in `query`."""
        return pa.Table.from_batches(self.batches, self.schema)

    def first(self, rows: int) -> Answer:
        """The same answer, of which at most so many rows are read."""
        return Answer(self.schema, _first(self.batches, rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a question is about, and what it may cost."""

    revision: str = ""
    """Version that is asked: a commit, branch or tag of git; empty for what was built last."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Schema -> version that stands beside it, as in `FROM before.documents`."""
    seconds: float = 60
    """Wall time, reading the answer included."""
    memory_mb: int = 1024


def query(sql: str, parameters: Sequence[Any] = (), scope: Scope = Scope()) -> Answer:
    """The answer to one statement, in the safe profile; builds the databases first when they are stale.

    `parameters` are the values of `?` in the statement.

    Errors: GristmillError with DuckDB's message when the statement is wrong, refused, or over a limit, also while
    the answer is read; InputError when the catalog was not built.
    """
    databases = _databases(scope)
    key = _key(databases, scope)  # first: what is opened later is this file or a newer one
    connection = _kept(key) or _connect(databases, scope)
    try:
        check_question(connection, sql)
        relation = connection.sql(sql, params=list(parameters) or None)
        reader = relation.to_arrow_reader(BATCH_ROWS)
    except (duckdb.Error, OSError) as error:
        message = _explained(error, connection)
        connection.close()
        raise GristmillError(message) from None
    except GristmillError:
        connection.close()
        raise
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, _unique(reader), strict=True)])
    return Answer(schema, _batches(connection, reader, schema, key))


def connect(scope: Scope = Scope()) -> duckdb.DuckDBPyConnection:
    """A connection in the safe profile; builds the databases first when they are stale."""
    return _connect(_databases(scope), scope)


@contextlib.contextmanager
def lent(scope: Scope = Scope()) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """The same for some statements of our own, over an instance that has answered before; tables it makes are its own.

    Errors: as in `query`, but DuckDB's own for a wrong statement.
    """
    databases = _databases(scope)
    key = _key(databases, scope)
    connection = _kept(key) or _connect(databases, scope)
    try:
        with connection.cursor() as cursor:
            cursor.execute("USE gristmill")
            yield cursor
    except BaseException:
        connection.close()
        raise
    _keep(key, connection)


def _databases(scope: Scope) -> dict[str, Path]:
    """The databases that are asked, by schema, each built when it is stale."""
    for name, limit in (("seconds", scope.seconds), ("memory_mb", scope.memory_mb)):
        if limit <= 0:
            raise GristmillError(f"the limit {name} is {limit}, must be above 0")
    asked = database_at(scope.revision) if scope.revision else ensure_database()
    return {"": asked} | {name: database_at(revision) for name, revision in scope.beside.items()}


def _connect(databases: Mapping[str, Path], scope: Scope) -> duckdb.DuckDBPyConnection:
    beside = {name: path for name, path in databases.items() if name}
    limits = {"threads": THREADS, "memory_limit": f"{scope.memory_mb}MB", "max_temp_directory_size": "0KiB"}
    connection = attached(databases[""], beside, limits)
    connection.execute("SET temp_directory = ''")
    # GLOBAL: cursors of a connection do not see the settings of its session
    connection.execute(f"SET GLOBAL max_execution_time = {max(1, round(scope.seconds * 1000))}")
    lock_down(connection)
    return connection


def lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on the connection sees no file, no network and no other setting."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _key(databases: Mapping[str, Path], scope: Scope) -> Key:
    """What an instance can be used again for; a process that was forked has none of its parent's."""
    files = tuple((name, path.absolute(), state(path)) for name, path in databases.items())
    return os.getpid(), scope.seconds, scope.memory_mb, files


def _kept(wanted: Key) -> duckdb.DuckDBPyConnection | None:
    """An instance that is free and has the same databases and limits."""
    with _keeping:
        found = next((place for place, (key, _) in enumerate(_free) if key == wanted), None)
        return None if found is None else _free.pop(found)[1]


def _keep(key: Key, connection: duckdb.DuckDBPyConnection) -> None:
    """Keep an instance, and close the one that waited longest where there are too many."""
    with _keeping:
        _free.append((key, connection))
        surplus = [_free.pop(0) for _ in range(len(_free) - KEPT)]
    for (process, *_), old in surplus:
        if process == os.getpid():
            old.close()


def _batches(
    connection: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, schema: pa.Schema, key: Key
) -> Generator[pa.RecordBatch, None, None]:
    whole = False
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        whole = True
    except (duckdb.Error, OSError) as error:
        raise GristmillError(_explained(error)) from None
    finally:
        del reader
        if whole:
            _keep(key, connection)
        else:
            connection.close()


def _first(batches: Generator[pa.RecordBatch, None, None], rows: int) -> Generator[pa.RecordBatch, None, None]:
    with contextlib.closing(batches):
        for batch in batches:
            yield batch.slice(0, rows)
            rows -= batch.num_rows
            if rows <= 0:
                return


def _unique(reader: pa.RecordBatchReader) -> list[str]:
    """Column names, the second `n` as `n_2`: JSON and Parquet know a name once."""
    names: list[str] = []
    for name in reader.schema.names:
        count = 2
        unique = name
        while unique in names:
            unique, count = f"{name}_{count}", count + 1
        names.append(unique)
    return names


def _explained(error: Exception, connection: duckdb.DuckDBPyConnection | None = None) -> str:
    """DuckDB's message and what to type next; the tables too while `connection` can still be asked."""
    message = str(error).strip()
    if "maximum execution time" in message:
        return (
            f"the query ran over its time limit and was stopped ({message}); raise it with --seconds, or ask for less"
        )
    if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory"):
        return f"the query needs more memory than its limit ({message.splitlines()[0]}); ask for less at once"
    tables = ", ".join(row[0] for row in connection.sql("SHOW TABLES").fetchall()) if connection else ""
    known = f"\ntables: {tables}" if tables else ""
    return f'{message}{known}\nsee `gristmill sql "show tables"` and `gristmill sql "describe documents"`'
