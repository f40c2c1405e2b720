"""What the manifest of a stage says, as rows: its files, and what each action read.

Writes  segments, lineage (catalog/schema)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from catalog.layout import MANIFEST, stage_root
from catalog.schema import CATALOG
from catalog.segments import read_manifest


def manifest_tables(stage: str) -> Iterator[tuple[str, None, pa.Table]]:
    """The segments and the lineage that the manifest of one stage records."""
    entries = read_manifest(stage_root(stage) / MANIFEST)
    segments, lineage = CATALOG["segments"], CATALOG["lineage"]
    found = [
        {"stage": stage, "table_name": entry.table, "path": (stage_root(stage) / entry.path).as_posix()}
        | {name: getattr(entry, name) for name in segments.names[4:]} | {"key": entry.key}
        for entry in entries
    ]  # fmt: skip
    yield "segments", None, pa.Table.from_pylist(found, schema=segments.remove_metadata())
    edges = {
        (entry.fingerprint, *edge)
        for entry in entries if entry.inputs
        for name, value in json.loads(entry.inputs).items()
        for edge in _edges(name, value)
    }  # fmt: skip
    rows = [dict(zip(lineage.names, edge, strict=True)) for edge in sorted(edges, key=lambda edge: [*map(str, edge)])]
    yield "lineage", None, pa.Table.from_pylist(rows, schema=lineage.remove_metadata())


def _edges(name: str, value: Any) -> Iterator[tuple[str, str | None, str]]:
    """(input, key, digest) of one input of a recipe: a digest, or a list of key:digest."""
    if not isinstance(value, list):
        yield name, None, str(value)
        return
    for item in value:
        key, _, digest = item.rpartition(":")
        yield name, key, digest
