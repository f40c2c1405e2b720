"""The catalog as one DuckDB file, built from Parquet and views; and that of an earlier version.

Reads   what catalog/sql/content.py lists, the versions that git knows, and catalog/views/*.sql, one view per file
Writes  data/catalog.duckdb, beside and then renamed. Its bytes are not reproducible: git and DVC ignore it. Where what
        it was built from has changed it is copied, and the copy brought up to date piece by piece (pieces.py).
        .gristmill/versions/<digest>.duckdb: the same of versions that were asked about, made from the newest one. A
        version has no fetch log, and lacks the views that its tables were not made for.

The tables documents and outcomes have a row per capture, in one order; the database keeps them as one,
judged_documents, of which both are views.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from catalog.errors import InputError
from catalog.history.versions import versions_with
from catalog.layout import DATA, LOCAL, LOCKS
from catalog.schema import CATALOG, VERSIONS, describe
from catalog.schema import table as schema_table
from catalog.sql.content import BESIDE, STORAGE, STORED, Content, content_at, content_here, stamp_here, state
from catalog.sql.pieces import Mismatch, create, name, share_held, text, update
from catalog.views import create_views, meanings

DATABASE = DATA / "catalog.duckdb"
OLDER = LOCAL / "versions"
THREADS = 2  # of a question
WORTH_UPDATING = 0.5  # of the wanted pieces that an older database must hold; with fewer it is built anew
EXTENSIONS_OFF = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "allow_community_extensions": False,
}  # fmt: skip
LISTED = 1000  # versions


def ensure_database() -> Path:
    """The path of the database, built when it is missing or older than what it is built from.

    Errors: InputError when the stage `catalog` was not built or one of its tables cannot be read.
    """
    return _ensure(DATABASE, stamp_here(), content_here)


def database_at(revision: str) -> Path:
    """The path of the database of an earlier version, built when it is missing.

    Errors: InputError when the version is not known, had no catalog, or its tables are nowhere to be had.
    """
    stamp, content = content_at(revision)
    return _ensure(OLDER / f"{stamp}.duckdb", stamp, content)


def _ensure(path: Path, stamp: str, content: Callable[[], Content]) -> Path:
    """The path, once the database at it is made from what it should be."""
    if recorded(path) != stamp:
        with _locked():
            if recorded(path) != stamp:
                _build(path, content())
    return path


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def recorded(path: Path) -> str | None:
    """What the database at hand says it was built from; None when there is none that can be read.

    A database is built whole: a write-ahead log beside it was put there by somebody else, and is not trusted.
    """
    if not path.exists() or _wal(path).exists():
        return None
    return _recorded(path, *state(path))


@lru_cache(maxsize=64)
def _recorded(path: Path, *_state: int) -> str | None:
    try:
        with attached(path, {}, {}) as connection:
            return str(connection.execute("SELECT sha256 FROM built_from").fetchall()[0][0])
    except (duckdb.Error, IndexError):
        return None


def attached(database: Path, beside: Mapping[str, Path], settings: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """An instance of its own over some databases, read-only; several can be open at once, each with its limits."""
    config = {**EXTENSIONS_OFF, "python_enable_replacements": False, **settings}
    connection = duckdb.connect(":memory:", config=config)
    try:
        for schema, path in {"gristmill": database, **beside}.items():
            connection.execute(f"ATTACH '{path}' AS {name(schema)} (READ_ONLY)")
    except duckdb.Error:
        connection.close()
        raise
    connection.execute("USE gristmill")
    return connection


@contextmanager
def _locked() -> Iterator[None]:
    """One builder at a time; a second one waits, then finds the work done."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / "database.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(path: Path, content: Content) -> None:
    """Write the database beside, from an older one where that pays, then rename it; readers of the old one keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".duckdb.tmp")
    try:
        if not any(_updated(old, beside, content) for old in dict.fromkeys([path, DATABASE]) if recorded(old)):
            beside.unlink(missing_ok=True)
            with _writing(beside) as connection:
                create(connection, content.tables)
                connection.execute("CREATE TABLE built_from (sha256 VARCHAR, form VARCHAR)")
                create_views(connection, older=content.older)
                _comment(connection)
                _finish(connection, content)
        _wal(path).unlink(missing_ok=True)
        beside.replace(path)
    except duckdb.Error as error:
        raise InputError(f"{path} cannot be built ({error}); run `gristmill verify catalog`") from None
    finally:
        beside.unlink(missing_ok=True)
        _wal(beside).unlink(missing_ok=True)


def _updated(old: Path, beside: Path, content: Content) -> bool:
    """Is `beside` now a copy of an older database, brought up to date? Not where too little of it can stay."""
    shutil.copyfile(old, beside)
    try:
        with _writing(beside) as connection:
            form = connection.execute("SELECT form FROM built_from").fetchall()[0][0]
            if form != content.form or share_held(connection, content.tables) < WORTH_UPDATING:
                return False
            update(connection, content.tables)
            _finish(connection, content)
    except (duckdb.Error, Mismatch):
        return False
    return True


@contextmanager
def _writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that writes to the database at `path`, in one transaction: each costs a log and a flush of it.

    Rows are kept in their order, so that a second thread mostly waits: a quarter more CPU for a tenth less time.
    """
    config = {**EXTENSIONS_OFF, "threads": 1, "temp_directory": str(LOCAL / "duckdb"), "memory_limit": "2GB"}
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute(f"ATTACH '{path}' AS gristmill (STORAGE_VERSION '{STORAGE}')")
        connection.execute("USE gristmill")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.execute("USE memory")
        connection.execute("DETACH gristmill")


def _finish(connection: duckdb.DuckDBPyConnection, content: Content) -> None:
    """The versions that git knows, and what all was built from."""
    rows = [] if content.older else versions_with("catalog", LISTED)
    given = pa.Table.from_pylist([vars(row) for row in rows], schema=VERSIONS.remove_metadata())
    made = pa.table({"sha256": [content.stamp], "form": [content.form]})
    for table, found in (("versions", given), ("built_from", made)):
        connection.execute(f"DELETE FROM {table}")
        connection.register("given", found)
        connection.execute(f"INSERT INTO {table} SELECT * FROM given")


def _comment(connection: duckdb.DuckDBPyConnection) -> None:
    """Say of each column of a table or view what it means."""
    found = [(table, column, unit) for table, schema in BESIDE.items() for column, _, unit in describe(schema)]
    found += connection.execute("SELECT table_name, column_name, unit FROM columns").fetchall()
    units = {(STORED.get(table, table), column): unit for table, column, unit in found}
    units |= meanings(connection, units)
    for table, column in connection.execute("SELECT table_name, column_name FROM duckdb_columns()").fetchall():
        if unit := units.get((table, column)):
            connection.execute(f"COMMENT ON COLUMN {name(table)}.{name(column)} IS {text(unit)}")


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with every table that this package declares, and every view; no row in any."""
    schemas = {table: schema for table, schema in CATALOG.items() if table not in STORED} | BESIDE
    schemas["judged_documents"] = schema_table(*CATALOG["documents"], *list(CATALOG["outcomes"])[1:])
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as connection:
        for table, schema in schemas.items():
            connection.register("form", schema.remove_metadata().empty_table())
            connection.execute(f"CREATE TABLE {name(table)} AS SELECT * FROM form")
        rows = [(table, column, unit) for table, schema in CATALOG.items() for column, _, unit in describe(schema)]
        connection.executemany("INSERT INTO columns (table_name, column_name, unit) VALUES (?, ?, ?)", rows)
        create_views(connection)
        _comment(connection)
        yield connection
