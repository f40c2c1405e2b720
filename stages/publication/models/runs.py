"""Runs: the folder of a model that this project trained, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_segments

TRAINING = ("finetune", "pretrain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A model: `name` among those of its stage, its folder, and the sha256 of each of its files, by path within."""

    stage: str
    name: str
    folder: Path
    files: Mapping[str, str]

    @property
    def system(self) -> str:
        """What it is one seed of, as evaluate calls it: `pretrained` of `pretrained-seed-1`."""
        return self.name.partition("-seed-")[0]


def find_run(name: str) -> Run:
    """The run of finetune or pretrain that is called so. Errors: InputError naming those there are."""
    found: dict[str, Run] = {}
    for stage in TRAINING:
        if (stage_root(stage) / MANIFEST).exists():
            found |= {run.name: run for run in _runs(stage)}
    if name not in found:
        raise InputError(
            f"no run is called {name}; there are {', '.join(sorted(found)) or 'none: `dvc repro finetune`'}"
        )
    return found[name]


def _runs(stage: str) -> list[Run]:
    files: dict[str, dict[str, str]] = {}
    for segment in read_segments(stage):
        inside = segment.path.relative_to(stage_root(stage) / segment.table).as_posix()
        files.setdefault(segment.table, {})[inside] = segment.sha256
    return [
        Run(stage=stage, name=name, folder=stage_root(stage) / name, files=given)
        for name, given in files.items()
        if any(path.endswith(".safetensors") for path in given)  # tables of the stage are no models
    ]
