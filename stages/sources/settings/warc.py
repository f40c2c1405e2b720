"""The source kind `warc`: web archives."""

from __future__ import annotations

from dataclasses import dataclass

from stages.sources.settings.archive import Pinned
from stages.sources.settings.naming import check_name

MEDIA_TYPES = ("text/html", "application/xhtml+xml", "text/plain", "application/pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcSource:
    """WARC, ARC and WET files: a file, a folder or a glob of the repository, or one download pinned by sha256.

    `media_types` those to keep, as the answer declares them
    `quirks`      also read headers that end in bare line feeds, as some old crawlers wrote them
    `limit`       bytes of a record, and of its body once its coding is undone
    """

    name: str
    licence: str
    path: str | None = None
    url: str | None = None
    sha256: str | None = None
    media_types: tuple[str, ...] = MEDIA_TYPES
    quirks: bool = False
    limit: int = 64 << 20

    def __post_init__(self) -> None:
        check_name(self.name)
        _ = self.pinned
        if self.path and (self.path.startswith(("/", "~")) or ".." in self.path.split("/")):
            raise ValueError(f"`path` is {self.path!r}, must be relative to the repository and stay inside it")
        if self.limit < 1:
            raise ValueError(f"`limit` is {self.limit}, must be positive")

    @property
    def pinned(self) -> Pinned:
        """Where the files come from. Errors: ValueError for none, several, or a download that is not pinned."""
        return Pinned(url=self.url, path=self.path, sha256=self.sha256)
