"""What the database of the catalog is made from: its pieces by table, and a digest of all that decides it.

Reads   data/catalog/manifest.parquet, the fetch log, the accounts of web archives; of an earlier version its catalog,
        from DVC's store or its remote
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from catalog.digests import digest_of, file_sha256
from catalog.errors import InputError
from catalog.history.versions import entries_at, git_state, segments_at
from catalog.layout import CRAWL_LOG, MANIFEST, stage_root
from catalog.schema import FETCHES, VERSIONS, WARC_RECORDS
from catalog.segments import Segment, read_segments
from catalog.sql.pieces import Piece, Table
from catalog.views import views

STORAGE = "v1.4.0"  # DuckDB 1.4 and later open it; 2.0's own default shuts every 1.x client out
FORM = 1  # of the database: raise it when its tables are made in another way
BESIDE = {  # tables that no segment of the catalog holds
    "fetches": FETCHES.remove(FETCHES.get_field_index("headers")), "warc_records": WARC_RECORDS,
    "versions": VERSIONS,
}  # fmt: skip
STORED = {"documents": "judged_documents", "outcomes": "judged_documents"}  # table -> where the database has it


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a database is made from, and a digest of all that decides it."""

    stamp: str
    tables: Mapping[str, Table]
    form: str
    """Says which columns the tables have: a database of another form is not brought up to date."""
    older: bool = False
    """Of an earlier version, whose tables may lack what today's views ask for?"""


def stamp_here() -> str:
    """Digest of all that decides the database of today. Errors: InputError when the catalog was not built."""
    manifest = stage_root("catalog") / MANIFEST
    if not manifest.exists():
        raise InputError(
            f"there is no catalog ({manifest} is missing); run `dvc repro catalog`, or `dvc pull data/catalog`"
        )
    captured = stage_root("crawl") / MANIFEST
    return digest_of({
        "manifest": _digest(manifest), "captured": _digest(captured) if captured.exists() else None,
        "log": [_log_piece(path).name for path in _fetch_log()], "views": views(), "storage": STORAGE, "form": FORM,
        "git": git_state(),
    })  # fmt: skip


def content_here() -> Content:
    """The catalog's tables, the fetch log, the accounts of web archives."""
    tables = _tables(read_segments("catalog"), _fetch_log(), _warc_records())
    return Content(stamp=stamp_here(), tables=tables, form=_form(tables))


def _tables(segments: Iterable[Segment], fetches: list[Path], records: list[Segment]) -> dict[str, Table]:
    """What the database holds, table by table."""
    found: dict[str, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.table, []).append(segment)
    tables: dict[str, Table] = {}
    if "outcomes" in found:
        outcomes = {segment.key: segment for segment in found.pop("outcomes")}
        pairs = [(document, outcomes[document.key]) for document in found.pop("documents")]
        tables["judged_documents"] = Table(pieces=[_piece(*pair) for pair in pairs])
    tables |= {table: Table(pieces=[_piece(one) for one in parts]) for table, parts in found.items()}
    beside = {
        "fetches": [_log_piece(path) for path in fetches], "warc_records": [_piece(one) for one in records],
        "versions": [],
    }  # fmt: skip
    return tables | {table: Table(pieces=pieces, form=_empty(table)) for table, pieces in beside.items()}


def _piece(*segments: Segment) -> Piece:
    return Piece(" ".join(one.sha256 for one in segments), tuple(one.path for one in segments))


def _log_piece(path: Path) -> Piece:
    stat = path.stat()
    return Piece(f"{path.name} {stat.st_size} {stat.st_mtime_ns}", (path,))


def _empty(table: str) -> pa.Table:
    return BESIDE[table].remove_metadata().empty_table()


def _form(tables: Mapping[str, Table]) -> str:
    """The columns stand in the catalog's own table `columns`."""
    columns = [piece.name for piece in tables["columns"].pieces] if "columns" in tables else []
    return digest_of([FORM, STORAGE, views(), columns, sorted(tables), list(map(str, BESIDE.values()))])


def content_at(revision: str) -> tuple[str, Callable[[], Content]]:
    """The stamp of an earlier version's database, and what makes it, which is brought back when it is asked for.

    Errors: InputError when the version is not known, had no catalog, or its tables are nowhere to be had.
    """
    entries = entries_at(revision, "catalog")
    if not entries:
        raise InputError(f"{revision} has no catalog; `gristmill log` lists the versions that have one")
    decided = {"tables": [entry.sha256 for entry in entries], "views": views(), "storage": STORAGE, "form": FORM}
    stamp = digest_of(decided | {"older": True})

    def content() -> Content:
        tables = _tables(segments_at(revision, "catalog"), [], [])
        return Content(stamp=stamp, tables=tables, form=_form(tables), older=True)

    return stamp, content


def state(path: Path) -> tuple[int, int, int]:
    """What changes with a file: its inode, size and time of change."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> str:
    return _sha256(path, *state(path))


@lru_cache(maxsize=64)
def _sha256(path: Path, *_state: int) -> str:
    return file_sha256(path)


def _fetch_log() -> list[Path]:
    return sorted((CRAWL_LOG / "fetches").glob("*.parquet"))


def _warc_records() -> list[Segment]:
    """The accounts of web archives, where the crawl's output is at hand."""
    if not (stage_root("crawl") / MANIFEST).exists():
        return []
    return [segment for segment in read_segments("crawl", "warc_records") if segment.path.exists()]
