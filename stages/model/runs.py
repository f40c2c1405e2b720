"""Runs: the models among the files of a stage, each file checked against what the stage's manifest says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.segments import Entry

WEIGHTS = ".safetensors"


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
