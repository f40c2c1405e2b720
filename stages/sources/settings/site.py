"""The source kind `site`: where a crawl starts, how far it goes, how politely, and when it asks again."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from catalog.digests import digest_of
from stages.sources.settings.archive import MEGABYTE, Pinned, check_pinned
from stages.sources.settings.client import Client
from stages.sources.settings.naming import check_name
from stages.web.auth import Auth
from stages.web.credentials import holds_secret, redacted
from stages.web.egress import parse_networks
from stages.web.urls import UrlError, canonical_url

DECIDES = ("base", "seeds", "user_agent", "max_pages", "max_depth", "max_bytes", "allow_networks", "serve")
"""Settings that decide what a crawl gives; a change of another one replays the old crawl."""
DECIDE_TOO = ("also", "include", "exclude", "sitemaps", "feeds", "budget", "domain_pages")
"""As above, but counted only where they are set, so that logs from before they existed stand."""
CONTACT = re.compile(r"mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+\.\S+")
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A folder of an archive to crawl as if it were a website; `prefix` is the folder's path, with its last `/`."""

    archive: Pinned
    prefix: str = ""

    def __post_init__(self) -> None:
        check_pinned(self.archive)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBudget:
    """What one crawl may take from each host: pages, bytes of bodies, seconds at work; None = no bound of its own."""

    pages: int | None = None
    bytes: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and value <= 0:
                raise ValueError(f"`{one.name}` is {value}, must be > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a page is asked for again (Nutch's adaptive schedule): days between two requests.

    A page begins at `days`; each time it is found unchanged they grow by `grow`, each time changed by `shrink`.
    """

    days: float = 30.0
    shortest: float = 1.0
    longest: float = 365.0
    grow: float = 1.4
    shrink: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.days <= self.longest:
            raise ValueError("must have 0 < `shortest` <= `days` <= `longest`")
        if not (self.grow >= 1 and 0 < self.shrink <= 1):
            raise ValueError("must have `grow` >= 1 and 0 < `shrink` <= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSource:
    """A website: every HTML page below `base` that links, sitemaps and feeds lead to, breadth first from `seeds`.

    `also`      further places in scope, on this host or others; each ends with `/`
    `include`, `exclude`   globs over whole URLs (`*` is any text): a page matches one of the first, none of the second
    `sitemaps`, `feeds`    None = found (robots.txt, /sitemap.xml; links in pages); a list = these, [] = none
    `delay`     seconds between requests to a host (robots.txt may ask for more); `timeout` seconds per request
    `max_pages`, `max_depth`, `max_bytes`   pages, links from a seed, bytes per page
    `budget`    per host;  `domain_pages`   pages per registrable domain (example.co.uk)
    `well_known`   ask each host for what it says of its rights (/.well-known/tdmrep.json, /ai.txt)
    `client`    bounds of a request, and the ports that are dialled
    `contact`   whom to write to (`mailto:you@example.org` or a URL); sent with `user_agent`
    `as_of`     ISO 8601: the site as the last crawl that had ended by then; by default that of the block `crawl`
    """

    name: str
    licence: str
    base: str
    seeds: tuple[str, ...] = ("",)
    also: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] | None = None
    feeds: tuple[str, ...] | None = None
    well_known: bool = True
    user_agent: str = "gristmill/0.1"
    contact: str | None = None
    max_pages: int = 1000
    max_depth: int = 10
    max_bytes: int = 5 * MEGABYTE
    budget: HostBudget = HostBudget()
    domain_pages: int | None = None
    delay: float = 1.0
    timeout: float = 30.0
    attempts: int = 3
    schedule: Schedule = Schedule()
    as_of: str | None = None
    allow_networks: tuple[str, ...] = ()
    client: Client = field(default_factory=Client)
    auth: Auth | None = None
    serve: Served | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        for name, low in (("max_pages", 1), ("max_depth", 0), ("max_bytes", 1), ("delay", 0), ("attempts", 1)):
            if getattr(self, name) < low:
                raise ValueError(f"`{name}` is {getattr(self, name)}, must be >= {low}")
        if self.timeout <= 0:
            raise ValueError(f"`timeout` is {self.timeout}, must be > 0 seconds")
        if self.domain_pages is not None and self.domain_pages < 1:
            raise ValueError(f"`domain_pages` is {self.domain_pages}, must be >= 1")
        moment(self.as_of)
        parse_networks(self.allow_networks)
        self._check_urls()
        self._check_agent()

    @property
    def agent(self) -> str:
        """The User-Agent header."""
        return f"{self.user_agent} (+{self.contact})" if self.contact else self.user_agent

    @property
    def bases(self) -> tuple[str, ...]:
        """The places in scope, canonical."""
        return tuple(canonical_url(url, self.base) for url in (self.base, *self.also))

    def _check_agent(self) -> None:
        if not self.user_agent.strip() or not self.agent.isprintable():
            raise ValueError("`user_agent` is empty; say who crawls: `gristmill/0.1 (+mailto:you@example.org)`")
        if self.contact is not None and not CONTACT.fullmatch(self.contact):
            raise ValueError(f"`contact` is {self.contact!r}, must be mailto:NAME@HOST or a URL")
        hosts = {urlsplit(url).hostname or "" for url in self.bases}
        local = self.serve is not None or all(LOOPBACK.fullmatch(host) for host in hosts)
        if not local and not CONTACT.search(self.agent):
            raise ValueError(
                "`contact` is missing: a site must learn whom to write to; add `contact: mailto:you@example.org`"
            )

    def _check_urls(self) -> None:
        for name, url in [("base", self.base), *(("also", url) for url in self.also)]:
            if not url.endswith("/"):
                raise ValueError(f"`{name}` is {redacted(url)!r}, must end with `/`")
        for url in (self.base, *self.also, *self.seeds, *(self.sitemaps or ()), *(self.feeds or ())):
            try:
                found = canonical_url(url, self.base)
                secret = holds_secret(url, self.base)
            except UrlError as error:
                raise ValueError(str(error)) from None
            if secret:
                raise ValueError(f"{found} was given with a user name, password or token; secrets belong in `auth`")
            if url in self.seeds and not found.startswith(self.bases):
                raise ValueError(f"`seeds`: {url!r} is outside of base {self.base!r}")


def moment(text: str | None) -> str | None:
    """A time as the log writes it (UTC, microseconds). Errors: ValueError for what is no time."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`as_of` is {text!r}, must be a time as in '2026-11-26T08:00:00Z'") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def utc_now() -> str:
    """Now, as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@lru_cache(64)  # a crawl writes it into each of its rows
def crawl_digest(source: SiteSource) -> str:
    """Digest of the settings that decide what a crawl gives."""
    values: dict[str, Any] = asdict(source)
    if values["serve"]:
        del values["serve"]["archive"]["auth"]  # who asks decides nothing of an archive that is pinned
    counted = {name: values[name] for name in DECIDES}
    for one in fields(source):
        if one.name in DECIDE_TOO and getattr(source, one.name) != one.default:
            counted[one.name] = values[one.name]
    return digest_of(counted)
