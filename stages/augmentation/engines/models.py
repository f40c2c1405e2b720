"""Folders of translation models: how one is named in params.yaml, and what its version is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import ParameterError


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder, and the model's own codes of both languages where it knows many."""

    path: Path
    source: str | None
    target: str | None

    @classmethod
    def parse(cls, direction: str, engine: str, needs: str) -> ModelFolder:
        """`folder` or `folder:source:target`. Errors: ParameterError where the folder lacks the file `needs`."""
        path, *languages = direction.split(":")
        if len(languages) not in (0, 2):
            raise ParameterError(
                f"augment.back_translation: {direction!r} must be `folder` or `folder:source language:target language`"
            )
        if not (Path(path) / needs).is_file():
            raise ParameterError(
                f"augment.back_translation: {path} is no model of {engine}, {needs} is missing; put the model there "
                "(`dvc import` keeps it versioned), or set augment.back_translation to null in params.yaml"
            )
        return cls(Path(path), *(languages or (None, None)))

    def version(self, *libraries: str) -> str:
        """Names and digests of all files, the languages, and the versions of the libraries that read them."""
        digest = hashlib.sha256()
        for path in sorted(path for path in self.path.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(self.path).as_posix()}\0{file_sha256(path)}\n".encode())
        programs = " ".join(f"{name} {version(name)}" for name in libraries)
        return f"{programs} {self.source}-{self.target} {digest.hexdigest()}"


def by_length(lines: list[str], rows: int) -> list[list[int]]:
    """Positions of the lines in batches of `rows`, short lines first: a batch is as long as its longest line."""
    order = sorted(range(len(lines)), key=lambda place: (len(lines[place]), lines[place], place))
    return [order[start : start + rows] for start in range(0, len(order), rows)]
