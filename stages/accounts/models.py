"""The models that were trained, one row each, by what their files and their recipe say.

Writes  models (catalog/schema)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from catalog.digests import canonical_json, digest_of, sha256_of
from catalog.incremental.stage import Action
from catalog.layout import stage_root
from catalog.schema import CATALOG
from catalog.segments import Entry, recipes_of

DOCUMENTS = "documents.txt"  # of a model: the id of each document that it was trained on
WEIGHTS = ".safetensors"
LONGEST_HEADER = 1 << 26  # bytes


class Trained(NamedTuple):
    """What the manifest says of one model."""

    stage: str
    run: str
    fingerprint: str
    data: str
    settings: dict[str, Any]
    files: tuple[Path, ...]


def trained_in(stage: str, entries: Sequence[Entry]) -> Iterator[Action]:
    """An action for each model among the entries of a manifest."""
    recipes = recipes_of(entries)
    for run, group in groupby(sorted(entries, key=lambda entry: (entry.table, entry.part)), lambda entry: entry.table):
        files = list(group)
        first = files[0]
        if not any(entry.path.endswith((WEIGHTS, DOCUMENTS)) for entry in files):
            continue
        definition = json.loads(recipes[first.recipe])
        one = Trained(
            stage=stage, run=run, fingerprint=first.fingerprint, data=sha256_of(first.inputs or ""),
            settings=_flat(definition["params"]), files=tuple(stage_root(stage) / entry.path for entry in files),
        )  # fmt: skip
        inputs = {"model": first.fingerprint, "files": digest_of([entry.logical for entry in files])}
        yield Action(name=f"{stage}/{run}", inputs=inputs, args=(one,))


def models(one: Trained) -> Iterator[tuple[str, None, pa.Table]]:
    """The row of one model."""
    weights = [path for path in one.files if path.suffix == WEIGHTS]
    documents = [path for path in one.files if path.name == DOCUMENTS]
    row = {
        "stage": one.stage, "run": one.run, "fingerprint": one.fingerprint, "data": one.data,
        "settings": canonical_json(one.settings), "documents": sum(map(_lines, documents)) if documents else None,
        "tokens": one.settings.get("tokens"), "epochs": one.settings.get("epochs"), "seed": one.settings.get("seed"),
        "weights": sum(map(_weights, weights)), "bytes": sum(path.stat().st_size for path in one.files),
    }  # fmt: skip
    yield "models", None, pa.Table.from_pylist([row], schema=CATALOG["models"].remove_metadata())


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting by its last name; those of a block within a block too."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        flat |= _flat(value) if isinstance(value, dict) else {name.rpartition(".")[2]: value}
    return flat


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").split())


def _weights(path: Path) -> int:
    """Numbers in a file of weights, by its header; 0 for what is no such file."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        try:
            header = json.loads(stream.read(size)) if size <= LONGEST_HEADER else {}
        except ValueError:
            return 0
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
