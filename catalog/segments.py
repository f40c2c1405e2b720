"""Segment: one immutable file of a stage's output, and the manifest that lists them.

Writes  data/<stage>/manifest.parquet, last of all: a manifest that exists is complete.
A manifest holds no times, hosts or absolute paths, so equal results give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from catalog import schema
from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.parquet import conform, read_parquet, write_parquet

MANIFEST_SCHEMA = schema.table(
    schema.column("path", pa.string(), "file, relative to the stage's folder"),
    schema.column("table", pa.string(), "table, or name of a build; after a dot where other files stand in its place"),
    schema.column("key", pa.string(), "the root segment it derives from; equal across the tables of one chain"),
    schema.column("rows", pa.int64(), "rows; 0 for files that are not tables"),
    schema.column("bytes", pa.int64(), "size of the file in bytes"),
    schema.column("sha256", pa.string(), "digest of the bytes"),
    schema.column("md5", pa.string(), "name of the object in DVC's store"),
    schema.column("logical", pa.string(), "digest of the rows, whatever the bytes"),
    schema.column("operator", pa.string(), "what made it"),
    schema.column("action", pa.string(), "name of the action: a source, a build, or the key"),
    schema.column("fingerprint", pa.string(), "sha256 over recipe and inputs"),
    schema.column("part", pa.int32(), "position among the results of one action"),
    schema.column("recipe", pa.string(), "sha256 of the recipe, which all actions of one operator share"),
    schema.column("inputs", pa.string(), "canonical JSON: table -> logical digests; on part 0 only", null=True),
    schema.column("definition", pa.string(), "the recipe as canonical JSON; on its first row only", null=True),
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


def for_each(one: Segment, segments: Iterable[Segment]) -> list[Segment]:
    """The same segment as a partner of each of `segments` in a map, under their keys."""
    return [replace(one, key=segment.key) for segment in segments]


WITHHELD = "."  # before the name of a table: the file is found again, but no reader of the table sees it


class Entry(NamedTuple):
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
    recipe: str
    inputs: str | None
    definition: str | None = None

    @property
    def made(self) -> Entry:
        """The entry as its operator made it, withheld or not."""
        return self._replace(table=self.table.removeprefix(WITHHELD))

    def segment(self, stage: str) -> Segment:
        """The segment it describes."""
        return Segment(
            stage=stage, path=stage_root(stage) / self.path, table=self.table, key=self.key, rows=self.rows,
            bytes=self.bytes, sha256=self.sha256, md5=self.md5, logical=self.logical,
        )  # fmt: skip


def write_manifest(path: Path, entries: Sequence[Entry], recipes: Mapping[str, str]) -> None:
    """Write beside, then rename. `recipes` maps the digest of every recipe in `entries` to its canonical JSON."""
    columns = dict(zip(Entry._fields, map(list, zip(*entries, strict=True)), strict=True)) if entries else {}
    unsaid = dict(recipes)
    columns["definition"] = [unsaid.pop(entry.recipe, None) for entry in entries]
    arrays = [pa.array(columns.get(field.name, []), field.type) for field in MANIFEST_SCHEMA]
    table = pa.table(arrays, schema=MANIFEST_SCHEMA.remove_metadata())
    beside = path.with_suffix(".tmp")
    write_parquet(conform(table, MANIFEST_SCHEMA, MANIFEST), beside)
    beside.replace(path)


def read_manifest(path: Path) -> list[Entry]:
    """Every entry of a manifest, in order. Errors: InputError when it is missing or broken."""
    table = read_parquet(path)
    if table.column_names != list(Entry._fields):
        raise InputError(f"{path} is no manifest of this version of Gristmill; delete it and run `dvc repro`")
    return list(map(Entry._make, zip(*(column.to_pylist() for column in table.columns), strict=True)))


def recipes_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Digest of a recipe -> its canonical JSON, for all recipes of a manifest."""
    return {entry.recipe: entry.definition for entry in entries if entry.definition is not None}


def read_segments(stage: str, table: str | None = None) -> list[Segment]:
    """The segments of a stage's table (or of all its tables), in the order of its manifest.

    Errors: InputError when the stage was not built.
    """
    path = stage_root(stage) / MANIFEST
    if not path.exists():
        raise InputError(f"the stage `{stage}` has no {path}; run `dvc repro {stage}` (or `dvc pull {path.parent}`)")
    return [entry.segment(stage) for entry in read_manifest(path) if table in (None, entry.table)]
