"""Runs: the models that stages trained, found by name, each file checked against what the stage's manifest says.

Reads   the manifests of the stages, in the working tree or of an older version
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.history.versions import entries_at
from catalog.layout import MANIFEST, stage_root
from catalog.segments import Entry, read_manifest

WEIGHTS = ".safetensors"


def find_run(name: str, stages: Sequence[str], revision: str = "") -> tuple[str, dict[str, Entry]]:
    """(stage, files by path in its folder) of the run that is called so, of the working tree or of a revision.

    Errors: InputError naming those there are.
    """
    found = {run: (stage, files) for stage in stages for run, files in models_among(_entries(stage, revision)).items()}
    if name not in found:
        at = f" at {revision}" if revision else ""
        none = f"none: run `dvc repro {stages[0]}`, or `dvc pull {stage_root(stages[0])}`"
        raise InputError(f"there is no run {name}{at}; there are {', '.join(sorted(found)) or none}")
    return found[name]


def _entries(stage: str, revision: str) -> list[Entry]:
    """The manifest of a stage; empty where it was not built."""
    if revision:
        return entries_at(revision, stage)
    path = stage_root(stage) / MANIFEST
    return read_manifest(path) if path.exists() else []


def models_among(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    """Name of a run -> its files, by path in its folder. A table of the stage, which has no weights, is none."""
    files: dict[str, list[Entry]] = {}
    for entry in entries:
        files.setdefault(entry.table, []).append(entry)
    return {
        name: {Path(entry.path).relative_to(name).as_posix(): entry for entry in found}
        for name, found in files.items()
        if any(entry.path.endswith(WEIGHTS) for entry in found)
    }


def checked(stage: str, entries: Iterable[Entry]) -> list[Path]:
    """Where the files lie in the working tree. Errors: InputError for one that is not what the manifest says."""
    segments = [entry.segment(stage) for entry in entries]
    for one in segments:
        if not one.path.exists() or file_sha256(one.path) != one.sha256:
            raise InputError(
                f"{one.path} is not what its manifest says; run `gristmill fsck --repair`, or `dvc checkout`"
            )
    return [one.path for one in segments]
