"""The source kind `files`: paths of the repository."""

from __future__ import annotations

from dataclasses import dataclass, field

from stages.sources.settings.naming import check_name
from stages.sources.settings.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """Files of the repository: a file, a folder or a glob, relative to its root."""

    name: str
    licence: str
    path: str
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.path.startswith(("/", "~")) or ".." in self.path.split("/"):
            raise ValueError(f"`path` is {self.path!r}, must be relative to the repository and stay inside it")
