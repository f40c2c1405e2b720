"""What params.yaml may say about a source, as frozen records that cannot be built wrong.

Built by stages/sources/parse.py from the list `crawl.sources` of params.yaml. The records are plain values: they are
pickled to workers and enter fingerprints by value.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import asdict, dataclass
from typing import Literal

from catalog.digests import digest_of
from stages.web.egress import parse_networks
from stages.web.urls import UrlError, canonical_url

Format = Literal["text", "html", "lines", "jsonl", "csv", "tsv", "tab", "parquet"]
Name = str | int
TABLES = ("jsonl", "csv", "tsv", "tab", "parquet")
PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
SHA256 = re.compile(r"[0-9a-f]{64}")
MEGABYTE = 1 << 20
DECIDES = ("base", "seeds", "user_agent", "max_pages", "max_depth", "max_bytes", "allow_networks", "serve")
"""Settings that decide what a crawl gives; a change of another one replays the old crawl."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a table holds what; a name, or a position from 0 where the file has no header."""

    text: Name
    id: Name | None = None
    title: Name | None = None
    author: Name | None = None
    published_at: Name | None = None
    label: Name | None = None
    target_text: Name | None = None
    meta: tuple[Name, ...] = ()

    def used(self) -> tuple[Name, ...]:
        """Every column to read, each once, in the order of the fields."""
        single = (self.text, self.id, self.title, self.author, self.published_at, self.label, self.target_text)
        return tuple(dict.fromkeys([name for name in single if name is not None] + list(self.meta)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """A second member that holds one list of whole numbers per row, joined by id.

    `member` is (part of the text member's path, what to write instead); `id` and `values` are positions from 0.
    """

    member: tuple[str, str]
    id: int = 0
    values: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files that match a pattern become captures.

    `match`    glob over the path inside the archive or folder: `*` stays in a folder, `**` does not; `!` enters
               an archive inside the archive
    `format`   by default decided by the file name
    `header`   the first row of csv and tsv holds the column names
    `quoting`  csv and tsv: cells may be quoted with "
    `encoding` declared charset; by default undeclared, and decided by `clean`
    `media_type` of the texts in a table: `text/html` for pages; `text/plain` by default
    `label`    given label of every row
    `replace`  (regular expression, replacement) applied to every text, compiled once
    """

    match: str = "**"
    format: Format | None = None
    columns: Columns | None = None
    header: bool = True
    quoting: bool = True
    encoding: str | None = None
    media_type: str | None = None
    label: str | None = None
    replace: tuple[str, str] | None = None
    ratings: Ratings | None = None

    def __post_init__(self) -> None:
        if self.format in TABLES and self.columns is None:
            raise ValueError(f"`columns` is missing: a {self.format} file needs at least `columns: {{text: NAME}}`")
        if self.replace:
            _check_pattern(self.replace)
        if self.encoding:
            _check_encoding(self.encoding)
        if self.ratings and (self.columns is None or self.columns.id is None):
            raise ValueError("`ratings` are joined by id, so `columns` needs `id`")


def _check_pattern(replace: tuple[str, str]) -> None:
    try:
        re.sub(replace[0], replace[1], "")
    except (re.error, IndexError) as error:
        raise ValueError(f"`replace` is not a regular expression and a replacement: {error}") from None


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"`encoding` is {encoding!r}, which Python does not know") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """One archive file: exactly one of `package` (name==version), `url` or `path`; the first two pinned by sha256."""

    package: str | None = None
    url: str | None = None
    path: str | None = None
    sha256: str | None = None
    distribution: Literal["sdist", "wheel"] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("package", "url", "path") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"exactly one of `package`, `url`, `path` is needed, found {', '.join(given) or 'none'}")
        if self.package and not PACKAGE.fullmatch(self.package):
            raise ValueError(f"`package` is {self.package!r}, must be NAME==VERSION")
        if self.url and not self.url.startswith(("http://", "https://", "file://")):
            raise ValueError(f"`url` is {self.url!r}, must start with http://, https:// or file://")
        if self.sha256 is None and not self.path:
            raise ValueError("`sha256` is missing: a downloaded archive must be pinned")
        if self.sha256 is not None and not SHA256.fullmatch(self.sha256):
            raise ValueError(f"`sha256` is {self.sha256!r}, must be 64 lower-case hex digits")

    @property
    def uri(self) -> str:
        """Where members come from, as it is written in front of their path."""
        return f"pypi:{self.package}" if self.package else self.url or f"file:{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Bounds that a bomb runs into, in bytes; `ratio` is bytes out / bytes in."""

    member: int = 512 * MEGABYTE
    total: int = 4096 * MEGABYTE
    ratio: int = 200

    def __post_init__(self) -> None:
        if min(self.member, self.total, self.ratio) < 1:
            raise ValueError("`limits` must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSource:
    """Members of one archive."""

    name: str
    licence: str
    archive: Pinned
    members: tuple[Reading, ...]
    limits: ArchiveLimits = ArchiveLimits()

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.members:
            raise ValueError("`members` is empty; list what to read, for instance `members: [{match: '**/*.txt'}]`")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """Files of the repository: a file, a folder or a glob, relative to its root."""

    name: str
    licence: str
    path: str
    reading: Reading = Reading()

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.path.startswith(("/", "~")) or ".." in self.path.split("/"):
            raise ValueError(f"`path` is {self.path!r}, must be relative to the repository and stay inside it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A folder of an archive to crawl as if it were a website; `prefix` is the folder's path, with its last `/`."""

    archive: Pinned
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSource:
    """A website: every HTML page below `base` that links lead to, breadth first from `seeds`.

    `delay` seconds between requests (robots.txt may ask for more); `timeout` seconds per request; `max_bytes` per page.
    """

    name: str
    licence: str
    base: str
    seeds: tuple[str, ...] = ("",)
    user_agent: str = "gristmill/0.1"
    max_pages: int = 1000
    max_depth: int = 10
    max_bytes: int = 5 * MEGABYTE
    delay: float = 1.0
    timeout: float = 30.0
    attempts: int = 3
    allow_networks: tuple[str, ...] = ()
    serve: Served | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        for name, low in (("max_pages", 1), ("max_depth", 0), ("max_bytes", 1), ("delay", 0), ("attempts", 1)):
            if getattr(self, name) < low:
                raise ValueError(f"`{name}` is {getattr(self, name)}, must be >= {low}")
        if self.timeout <= 0:
            raise ValueError(f"`timeout` is {self.timeout}, must be > 0 seconds")
        if not self.user_agent.strip() or not self.user_agent.isprintable():
            raise ValueError("`user_agent` is empty; say who crawls: `gristmill/0.1 (+mailto:you@example.org)`")
        parse_networks(self.allow_networks)
        self._check_urls()

    def _check_urls(self) -> None:
        if not self.base.endswith("/"):
            raise ValueError(f"`base` is {self.base!r}, must end with `/`")
        for url in (self.base, *self.seeds):
            try:
                found = canonical_url(url, self.base)
            except UrlError as error:
                raise ValueError(str(error)) from None
            if not found.startswith(canonical_url(self.base)):
                raise ValueError(f"`seeds`: {url!r} is outside of base {self.base!r}")


def crawl_digest(source: SiteSource) -> str:
    """Digest of the settings that decide what a crawl gives."""
    values = asdict(source)
    return digest_of({name: values[name] for name in DECIDES})


Source = ArchiveSource | FilesSource | SiteSource


def _check_name(name: str) -> None:
    if not SOURCE_NAME.fullmatch(name):
        raise ValueError(f"`name` is {name!r}, must be lower-case letters, digits, `-` and `_`")
