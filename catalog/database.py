"""The catalog as one DuckDB file, built from Parquet and views; and that of an earlier version.

Reads   data/catalog/manifest.parquet and the tables it lists, data/crawl/log/fetches/*.parquet where there are some,
        catalog/views/*.sql (one view per file, named after it; its leading comment says what it shows)
Writes  data/catalog.duckdb, beside and then renamed. Its bytes are not reproducible: git and DVC ignore it, and it is
        built again whenever what it was built from has changed.
        .gristmill/versions/<digest>.duckdb: the same of versions that were asked about. A version has no fetch log, and
        lacks the views that its tables were not made for.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from catalog.digests import digest_of, file_sha256
from catalog.errors import InputError
from catalog.layout import CRAWL_LOG, DATA, LOCAL, LOCKS, MANIFEST, stage_root
from catalog.schema import FETCHES, WARC_RECORDS, describe
from catalog.segments import Segment, read_segments
from catalog.versions import entries_at, segments_at

DATABASE = DATA / "catalog.duckdb"
VERSIONS = LOCAL / "versions"
VIEWS = Path(__file__).parent / "views"
STORAGE = "v1.4.0"  # DuckDB 1.4 and later open it; 2.0's own default shuts every 1.x client out
THREADS = 2
EXTENSIONS_OFF = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "allow_community_extensions": False,
}  # fmt: skip
FETCH_COLUMNS = [name for name in FETCHES.names if name != "headers"]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a database is made from: files by table, and a digest of all that decides it."""

    stamp: str
    tables: Mapping[str, list[Path]]
    fetches: list[Path] = field(default_factory=list)
    warc_records: list[Path] = field(default_factory=list)
    older: bool = False
    """Of an earlier version, whose tables may lack what today's views ask for?"""


def ensure_database() -> Path:
    """The path of the database, built when it is missing or older than what it is built from.

    Errors: InputError when the stage `catalog` was not built or one of its tables cannot be read.
    """
    return _ensure(DATABASE, content_here)


def database_at(revision: str) -> Path:
    """The path of the database of an earlier version, built when it is missing.

    Errors: InputError when the version is not known, had no catalog, or its tables are nowhere to be had.
    """
    entries = entries_at(revision, "catalog")
    if not entries:
        raise InputError(f"{revision} has no catalog; `gristmill log` lists the versions that have one")
    stamp = digest_of(
        {"tables": [entry.sha256 for entry in entries], "views": _views(), "storage": STORAGE, "older": True}
    )

    def content() -> Content:
        return Content(stamp=stamp, tables=_by_table(segments_at(revision, "catalog")), older=True)

    return _ensure(VERSIONS / f"{stamp}.duckdb", content, stamp)


def content_here() -> Content:
    """The catalog's tables, the fetch log, the views. Errors: InputError when the catalog was not built."""
    manifest = stage_root("catalog") / MANIFEST
    if not manifest.exists():
        raise InputError(
            f"there is no catalog ({manifest} is missing); run `dvc repro catalog`, or `dvc pull data/catalog`"
        )
    fetches, records = _fetch_log(), _warc_records()
    log = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in (*fetches, *records)]
    stamp = digest_of({"manifest": file_sha256(manifest), "log": log, "views": _views(), "storage": STORAGE})
    return Content(
        stamp=stamp, tables=_by_table(read_segments("catalog")), fetches=fetches, warc_records=records
    )  # fmt: skip


def _by_table(segments: Iterable[Segment]) -> dict[str, list[Path]]:
    paths: dict[str, list[Path]] = {}
    for segment in segments:
        paths.setdefault(segment.table, []).append(segment.path)
    return paths


def _ensure(path: Path, content: Callable[[], Content], stamp: str | None = None) -> Path:
    """The path, once the database at it is made from what it should be; `stamp` saves asking for its content."""
    if _recorded(path) != (stamp or content().stamp):
        with _locked():
            wanted = content()
            if _recorded(path) != wanted.stamp:
                _build(path, wanted)
    return path


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _recorded(path: Path) -> str | None:
    """What the database at hand says it was built from; None when there is none that can be read.

    A database is built whole: a write-ahead log beside it was put there by somebody else, and is not trusted.
    """
    if not path.exists() or _wal(path).exists():
        return None
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
        for name, path in {"gristmill": database, **beside}.items():
            connection.execute(f"ATTACH '{path}' AS {_name(name)} (READ_ONLY)")
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
    """Write the database beside, then rename it; readers of the old one keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".duckdb.tmp")
    beside.unlink(missing_ok=True)
    config = {**EXTENSIONS_OFF, "threads": THREADS, "temp_directory": str(LOCAL / "duckdb"), "memory_limit": "2GB"}
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute(f"ATTACH '{beside}' AS gristmill (STORAGE_VERSION '{STORAGE}')")
            connection.execute("USE gristmill")
            _create_tables(connection, content)
            _create_views(connection, content.older)
            connection.execute("CREATE TABLE built_from AS SELECT ? AS sha256", [content.stamp])
            connection.execute("USE memory")
            connection.execute("DETACH gristmill")
        _wal(path).unlink(missing_ok=True)
        beside.replace(path)
    except duckdb.Error as error:
        raise InputError(f"{path} cannot be built ({error}); run `gristmill verify catalog`") from None
    finally:
        beside.unlink(missing_ok=True)


def _create_tables(connection: duckdb.DuckDBPyConnection, content: Content) -> None:
    """Every table of the catalog, the fetch log, the accounts of web archives, and what each column means."""
    for table, files in content.tables.items():
        connection.execute(f"CREATE TABLE {_name(table)} AS SELECT * FROM read_parquet({_list(files)})")
    _create_beside(connection, "fetches", FETCHES, FETCH_COLUMNS, content.fetches)
    _create_beside(connection, "warc_records", WARC_RECORDS, WARC_RECORDS.names, content.warc_records)
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


def _create_views(connection: duckdb.DuckDBPyConnection, older: bool) -> None:
    """Every view, after those it names; over an `older` version's tables those that can be."""
    views = _views()
    mentioned = {name: set(re.findall(r"\w+", sql)) & views.keys() - {name} for name, sql in views.items()}
    for name in TopologicalSorter(mentioned).static_order():
        meaning, _, sql = views[name].partition("\n")
        try:
            connection.execute(f"CREATE VIEW {_name(name)} AS {sql}")
        except duckdb.Error:
            if not older:
                raise
            continue
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
