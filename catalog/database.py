"""The catalog as one DuckDB file: built from Parquet and views, opened locked down.

Reads   data/catalog/manifest.parquet and the tables it lists, data/crawl/log/fetches/*.parquet where there are some,
        catalog/views/*.sql (one view per file, named after it; its leading comment says what it shows)
Writes  data/catalog.duckdb, beside and then renamed. Its bytes are not reproducible: git and DVC ignore it, and it is
        built again whenever what it was built from has changed.

The safe profile of `query`: one statement whose syntax tree only reads (catalog/question.py); the file attached
read-only; no access to files or network, no extension, no Python variable, no temporary file; settings locked; memory
and time limited. tests/catalog/test_database.py attacks it.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from catalog.digests import digest_of, file_sha256
from catalog.errors import GristmillError, InputError
from catalog.layout import CRAWL_LOG, DATA, LOCAL, LOCKS, MANIFEST, stage_root
from catalog.question import check_question
from catalog.schema import FETCHES, WARC_RECORDS, describe
from catalog.segments import read_segments

DATABASE = DATA / "catalog.duckdb"
WAL = DATA / "catalog.duckdb.wal"
VIEWS = Path(__file__).parent / "views"
STORAGE = "v1.4.0"  # DuckDB 1.4 and later open it; 2.0's own default shuts every 1.x client out
THREADS = 2
BATCH_ROWS = 2048  # rows per batch of an answer
EXTENSIONS_OFF = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "allow_community_extensions": False,
}  # fmt: skip
FETCH_COLUMNS = [name for name in FETCHES.names if name != "headers"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query, streamed once: close it or read it to its end. No two columns share a name."""

    schema: pa.Schema
    batches: Generator[pa.RecordBatch, None, None]

    def table(self) -> pa.Table:
        """All rows in memory. Errors: GristmillError as in `query`."""
        return pa.Table.from_batches(self.batches, self.schema)


def query(sql: str, parameters: Sequence[Any] = (), *, seconds: float = 60, memory_mb: int = 1024) -> Answer:
    """The answer to one statement, in the safe profile; builds the database first when it is stale.

    `seconds` is wall time, reading the answer included; `parameters` are the values of `?` in the statement.

    Errors: GristmillError with DuckDB's message when the statement is wrong, refused, or over a limit, also while
    the answer is read; InputError when the catalog was not built.
    """
    connection = connect(seconds=seconds, memory_mb=memory_mb)
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
    return Answer(schema, _batches(connection, reader, schema))


def connect(*, seconds: float = 60, memory_mb: int = 1024) -> duckdb.DuckDBPyConnection:
    """A connection in the safe profile; builds the database first when it is stale."""
    for name, limit in (("seconds", seconds), ("memory_mb", memory_mb)):
        if limit <= 0:
            raise GristmillError(f"the limit {name} is {limit}, must be above 0")
    ensure_database()
    connection = _attached({"threads": THREADS, "memory_limit": f"{memory_mb}MB", "max_temp_directory_size": "0KiB"})
    connection.execute("SET temp_directory = ''")
    connection.execute(f"SET max_execution_time = {max(1, round(seconds * 1000))}")
    lock_down(connection)
    return connection


def lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on the connection sees no file, no network and no other setting."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _attached(settings: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """An instance of its own over the database, read-only; several can be open at once, each with its limits."""
    config = {**EXTENSIONS_OFF, "python_enable_replacements": False, **settings}
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(f"ATTACH '{DATABASE}' AS gristmill (READ_ONLY)")
    except duckdb.Error:
        connection.close()
        raise
    connection.execute("USE gristmill")
    return connection


def _batches(
    connection: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    except (duckdb.Error, OSError) as error:
        raise GristmillError(_explained(error)) from None
    finally:
        del reader
        connection.close()


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


def text_of(ids: Iterable[str]) -> dict[str, str]:
    """The text of each document that has one, by id; for the owner's own session, never for a server."""
    wanted = list(ids)
    paths = [str(segment.path) for segment in read_segments("clean", "text") if segment.rows]
    if not paths or not wanted:
        return {}
    with duckdb.connect(":memory:", config=EXTENSIONS_OFF) as connection:
        sql = "SELECT id, text FROM read_parquet(?) WHERE id IN (SELECT unnest(?))"
        try:
            return dict(connection.execute(sql, [paths, wanted]).fetchall())
        except duckdb.Error as error:
            raise InputError(f"data/clean/text cannot be read ({error}); run `gristmill verify clean`") from None


def ensure_database() -> Path:
    """The path of the database, built when it is missing or older than what it is built from.

    Errors: InputError when the stage `catalog` was not built or one of its tables cannot be read.
    """
    wanted = built_from()
    if _recorded() != wanted:
        with _locked():
            if _recorded() != wanted:
                _build(wanted)
    return DATABASE


def built_from() -> str:
    """sha256 over everything that decides the database: the catalog's manifest, the fetch log, the views."""
    manifest = stage_root("catalog") / MANIFEST
    if not manifest.exists():
        raise InputError(
            f"there is no catalog ({manifest} is missing); run `dvc repro catalog`, or `dvc pull data/catalog`"
        )
    log = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in (*_fetch_log(), *_warc_records())]
    return digest_of({"manifest": file_sha256(manifest), "log": log, "views": _views(), "storage": STORAGE})


def _recorded() -> str | None:
    """What the database at hand says it was built from; None when there is none that can be read.

    A database is built whole: a write-ahead log beside it was put there by somebody else, and is not trusted.
    """
    if not DATABASE.exists() or WAL.exists():
        return None
    try:
        with _attached({}) as connection:
            return str(connection.execute("SELECT sha256 FROM built_from").fetchall()[0][0])
    except (duckdb.Error, IndexError):
        return None


@contextmanager
def _locked() -> Iterator[None]:
    """One builder at a time; a second one waits, then finds the work done."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / "database.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(stamp: str) -> None:
    """Write the database beside, then rename it; readers of the old one keep it."""
    beside = DATABASE.with_suffix(".duckdb.tmp")
    beside.unlink(missing_ok=True)
    config = {**EXTENSIONS_OFF, "threads": THREADS, "temp_directory": str(LOCAL / "duckdb"), "memory_limit": "2GB"}
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute(f"ATTACH '{beside}' AS gristmill (STORAGE_VERSION '{STORAGE}')")
            connection.execute("USE gristmill")
            _create_tables(connection)
            _create_views(connection)
            connection.execute("CREATE TABLE built_from AS SELECT ? AS sha256", [stamp])
            connection.execute("USE memory")
            connection.execute("DETACH gristmill")
        WAL.unlink(missing_ok=True)
        beside.replace(DATABASE)
    except duckdb.Error as error:
        raise InputError(f"{DATABASE} cannot be built ({error}); run `gristmill verify catalog`") from None
    finally:
        beside.unlink(missing_ok=True)


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Every table of the catalog, the fetch log, the accounts of web archives, and what each column means."""
    paths: dict[str, list[Path]] = {}
    for segment in read_segments("catalog"):
        paths.setdefault(segment.table, []).append(segment.path)
    for table, files in paths.items():
        connection.execute(f"CREATE TABLE {_name(table)} AS SELECT * FROM read_parquet({_list(files)})")
    _create_beside(connection, "fetches", FETCHES, FETCH_COLUMNS, _fetch_log())
    _create_beside(connection, "warc_records", WARC_RECORDS, WARC_RECORDS.names, _warc_records())
    beside = {"fetches": FETCHES, "warc_records": WARC_RECORDS}
    found = {(table, name): unit for table, schema in beside.items() for name, _, unit in describe(schema)}
    del found["fetches", "headers"]
    found |= {(table, name): unit for table, name, unit in connection.execute(
        "SELECT table_name, column_name, unit FROM columns "
        "SEMI JOIN (SELECT table_name, column_name FROM duckdb_columns()) USING (table_name, column_name)"
    ).fetchall()}  # fmt: skip
    for (table, name), unit in found.items():
        connection.execute(f"COMMENT ON COLUMN {_name(table)}.{_name(name)} IS {_text(unit)}")


def _create_beside(
    connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, columns: Sequence[str], files: list[Path]
) -> None:
    """A table of `crawl`, which is there even without files; older ones of the log may lack columns."""
    connection.register(f"no_{name}", schema.remove_metadata().empty_table().select(columns))
    rows = f"SELECT * FROM no_{name}"
    if files:
        rows += f" UNION ALL BY NAME SELECT * FROM read_parquet({_list(files)}, union_by_name = true)"
    connection.execute(f"CREATE TABLE {name} AS SELECT {', '.join(map(_name, columns))} FROM ({rows})")


def _create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Every view, after those it names."""
    views = _views()
    mentioned = {name: set(re.findall(r"\w+", sql)) & views.keys() - {name} for name, sql in views.items()}
    for name in TopologicalSorter(mentioned).static_order():
        meaning, _, sql = views[name].partition("\n")
        connection.execute(f"CREATE VIEW {_name(name)} AS {sql}")
        connection.execute(f"COMMENT ON VIEW {_name(name)} IS {_text(meaning.removeprefix('-- '))}")


def _views() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(VIEWS.glob("*.sql"))}


def _fetch_log() -> list[Path]:
    return sorted((CRAWL_LOG / "fetches").glob("*.parquet"))


def _warc_records() -> list[Path]:
    """The accounts of web archives, where the crawl's output is at hand."""
    if not (stage_root("crawl") / MANIFEST).exists():
        return []
    return [segment.path for segment in read_segments("crawl", "warc_records") if segment.path.exists()]


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(paths: Iterable[Path]) -> str:
    return "[" + ", ".join(_text(str(path)) for path in paths) + "]"
