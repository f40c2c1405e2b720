"""Partial: which files hold the documents of a split, a language or a source, found in the catalog.

Reads   data/catalog, the manifests of clean, dedup and label
Texts are cut into segments as they arrived, so that a split is in many of them and a language in few; a segment that
holds one document that was asked for is brought whole. `gristmill export` then writes exactly what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_manifest, read_segments
from catalog.sql.asking import query

TABLES = {"clean": "text", "dedup": "cuts", "label": "labels"}
"""What an export reads beside the catalog."""
FIRST = (stage_root("catalog").as_posix(), *((stage_root(stage) / MANIFEST).as_posix() for stage in TABLES))
"""What must be here before the rest can be chosen."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Documents by their properties; an empty field asks for all."""

    splits: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.splits or self.languages or self.sources)

    def condition(self) -> str:
        """In SQL, on kept_documents."""
        named = {"split": self.splits, "language": self.languages, "source": self.sources}
        parts = [f"{column} IN ({', '.join(map(_quoted, values))})" for column, values in named.items() if values]
        return " AND ".join(parts)


def files_with(wanted: Wanted) -> list[str]:
    """The files that hold such documents. Errors: InputError where there is no such document."""
    keys = _keys(wanted)
    if not keys:
        raise InputError(f"no document is {wanted.condition()}; `gristmill sql 'from sources'` shows what there is")
    return list(_files(keys))


def _keys(wanted: Wanted) -> set[str]:
    """The keys of the segments that hold such documents."""
    found = query(f"SELECT id FROM kept_documents WHERE {wanted.condition()}").table()["id"].combine_chunks()
    return {
        segment.key
        for segment in read_segments("catalog", "documents")
        if pc.any(pc.is_in(segment.read(["id"])["id"], value_set=found)).as_py()
    }


def _files(keys: set[str]) -> Iterator[str]:
    for stage, table in TABLES.items():
        for entry in read_manifest(stage_root(stage) / MANIFEST):
            if entry.table == table and entry.key in keys:
                yield (stage_root(stage) / entry.path).as_posix()


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
