"""The source kind `warc`: web archives."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.digests import digest_of
from stages.sources.settings.archive import Pinned, check_pinned
from stages.sources.settings.naming import check_name

MEDIA_TYPES = (
    "text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown",
    "application/pdf", "application/x-pdf", "application/epub+zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/xml", "text/xml", "application/jats+xml", "application/vnd.jats+xml", "application/tei+xml",
    "application/x-tex", "application/x-latex", "text/x-tex", "text/x-latex",
)  # fmt: skip
"""Those that `clean` has a reader for (stages/documents/kinds.py), but for JSON, which holds data and no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexing:
    """What decides the account of a file, besides its bytes."""

    media_types: tuple[str, ...]
    quirks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcReading:
    """What decides the captures of a file, besides its bytes and what stands in it."""

    name: str
    licence: str
    media_types: tuple[str, ...]
    quirks: bool
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcSource:
    """WARC, ARC and WET files: exactly one of `path`, `url` and `paths`.

    `path`        a file, a folder or a glob of the repository;  `url` one download, pinned by `sha256`
    `paths`       a list of files in the repository, one a line, as Common Crawl publishes it (`warc.paths.gz`)
    `base`        what stands before each line of `paths`: a folder of the repository, or a URL
    `first`       how many lines of `paths` are read; None = all
    `media_types` those to keep, as the answer declares them
    `quirks`      also read headers that end in bare line feeds, as some old crawlers wrote them
    `limit`       bytes of a record, and of its body once its coding is undone
    """

    name: str
    licence: str
    path: str | None = None
    url: str | None = None
    sha256: str | None = None
    paths: str | None = None
    base: str = ""
    first: int | None = None
    media_types: tuple[str, ...] = MEDIA_TYPES
    quirks: bool = False
    limit: int = 64 << 20

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.paths and (self.path or self.url):
            raise ValueError("`paths` stands beside `path` or `url`; exactly one of them is needed")
        if not self.paths:
            _ = self.pinned
            if self.base or self.first is not None:
                raise ValueError("`base` and `first` belong to `paths`, which is missing")
        for name in ("path", "paths", "base"):
            value = getattr(self, name) or ""
            if not self.is_remote(value) and (value.startswith(("/", "~")) or ".." in value.split("/")):
                raise ValueError(f"`{name}` is {value!r}, must be relative to the repository and stay inside it")
        if self.limit < 1:
            raise ValueError(f"`limit` is {self.limit}, must be positive")
        if self.first is not None and self.first < 1:
            raise ValueError(f"`first` is {self.first}, must be >= 1")

    @property
    def pinned(self) -> Pinned:
        """Where the files come from. Errors: ValueError for none, several, or a download that is not pinned."""
        return check_pinned(Pinned(url=self.url, path=self.path, sha256=self.sha256))

    @property
    def indexing(self) -> Indexing:
        """What decides the accounts of its files."""
        return Indexing(media_types=self.media_types, quirks=self.quirks)

    @property
    def reading(self) -> WarcReading:
        """What decides the captures of its files."""
        return WarcReading(
            name=self.name, licence=self.licence, media_types=self.media_types, quirks=self.quirks, limit=self.limit
        )

    @property
    def listing(self) -> str:
        """Digest of the settings that decide which files are downloaded by a list."""
        return digest_of([self.paths, self.base, self.first])

    @staticmethod
    def is_remote(place: str) -> bool:
        """Is a place a URL?"""
        return place.startswith(("http://", "https://"))
