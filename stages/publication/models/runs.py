"""Runs: the folder of a model that this project trained, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_manifest
from stages.model.runs import checked, models_among

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
    """The run of finetune or pretrain that is called so.

    Errors: InputError naming those there are, or a file that is not what its manifest says.
    """
    manifests = {stage: stage_root(stage) / MANIFEST for stage in TRAINING}
    found = {
        run: (stage, files)
        for stage, path in manifests.items() if path.exists()
        for run, files in models_among(read_manifest(path)).items()
    }  # fmt: skip
    if name not in found:
        raise InputError(
            f"no run is called {name}; there are {', '.join(sorted(found)) or 'none: `dvc repro finetune`'}"
        )
    stage, files = found[name]
    checked(stage, files.values())
    sha256 = {path: entry.sha256 for path, entry in files.items()}
    return Run(stage=stage, name=name, folder=stage_root(stage) / name, files=sha256)
