"""Segment: one immutable file of a stage's output, and the manifest that lists them.

Writes  data/<stage>/manifest.parquet, last of all: a manifest that exists is complete.
A manifest holds no times, hosts or absolute paths, so equal results give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa

from catalog import schema
from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.parquet import conform, read_parquet, write_parquet

MANIFEST_SCHEMA = schema.table(
    schema.column("path", pa.string(), "file, relative to the stage's folder"),
    schema.column("table", pa.string(), "table, or name of a build"),
    schema.column("key", pa.string(), "the root segment it derives from; equal across the tables of one chain"),
    schema.column("rows", pa.int64(), "rows; 0 for files that are not tables"),
    schema.column("bytes", pa.int64(), "size of the file in bytes"),
    schema.column("sha256", pa.string(), "digest of the bytes"),
    schema.column("md5", pa.string(), "name of the object in DVC's store"),
    schema.column("logical", pa.string(), "digest of the rows, whatever the bytes"),
    schema.column("operator", pa.string(), "what made it"),
    schema.column("action", pa.string(), "name of the action: a source, a build, or the key"),
    schema.column("fingerprint", pa.string(), "sha256 of the recipe"),
    schema.column("part", pa.int32(), "position among the results of one action"),
    schema.column("recipe", pa.string(), "canonical JSON of all that decided the result; on part 0 only", null=True),
)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One file of a stage's output, as its manifest says."""

    stage: str
    path: Path
    table: str
    key: str
    rows: int
    bytes: int
    sha256: str
    md5: str
    logical: str

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows (or some columns), each column in one chunk."""
        return read_parquet(self.path, columns)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of a manifest; see MANIFEST_SCHEMA for the meaning of each field."""

    path: str
    table: str
    key: str
    rows: int
    bytes: int
    sha256: str
    md5: str
    logical: str
    operator: str
    action: str
    fingerprint: str
    part: int
    recipe: str | None

    def segment(self, stage: str) -> Segment:
        """The segment it describes."""
        return Segment(
            stage=stage, path=stage_root(stage) / self.path, table=self.table, key=self.key, rows=self.rows,
            bytes=self.bytes, sha256=self.sha256, md5=self.md5, logical=self.logical,
        )  # fmt: skip


def write_manifest(path: Path, entries: Iterable[Entry]) -> None:
    """Write beside, then rename; a recipe is kept on part 0 of its action only."""
    rows = [asdict(entry if entry.part == 0 else replace(entry, recipe=None)) for entry in entries]
    table = pa.Table.from_pylist(rows, schema=pa.schema([field.remove_metadata() for field in MANIFEST_SCHEMA]))
    beside = path.with_suffix(".tmp")
    write_parquet(conform(table, MANIFEST_SCHEMA, MANIFEST), beside)
    beside.replace(path)


def read_manifest(path: Path) -> list[Entry]:
    """Every entry of a manifest, in order. Errors: InputError when it is missing or broken."""
    return [Entry(**row) for row in read_parquet(path).to_pylist()]


def read_segments(stage: str, table: str | None = None) -> list[Segment]:
    """The segments of a stage's table (or of all its tables), in the order of its manifest.

    Errors: InputError when the stage was not built.
    """
    path = stage_root(stage) / MANIFEST
    if not path.exists():
        raise InputError(f"the stage `{stage}` has no {path}; run `dvc repro {stage}` (or `dvc pull {path.parent}`)")
    return [entry.segment(stage) for entry in read_manifest(path) if table in (None, entry.table)]
