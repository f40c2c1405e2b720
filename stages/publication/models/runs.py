"""Runs: the folder of a model that this project trained, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.layout import stage_root
from stages.model.runs import checked, find_run

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


def run_to_export(name: str) -> Run:
    """The run of finetune or pretrain that is called so.

    Errors: InputError naming those there are, or a file that is not what its manifest says.
    """
    stage, files = find_run(name, TRAINING)
    checked(stage, files.values())
    sha256 = {path: entry.sha256 for path, entry in files.items()}
    return Run(stage=stage, name=name, folder=stage_root(stage) / name, files=sha256)
