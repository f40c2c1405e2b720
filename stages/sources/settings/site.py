"""The source kind `site`: where a crawl starts, how far it goes, and how politely."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from catalog.digests import digest_of
from stages.sources.settings.archive import MEGABYTE, Pinned
from stages.sources.settings.naming import check_name
from stages.web.credentials import Auth, holds_secret, redacted
from stages.web.egress import parse_networks
from stages.web.urls import UrlError, canonical_url

DECIDES = ("base", "seeds", "user_agent", "max_pages", "max_depth", "max_bytes", "allow_networks", "serve")
"""Settings that decide what a crawl gives; a change of another one replays the old crawl."""


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
    auth: Auth | None = None
    serve: Served | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
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
            raise ValueError(f"`base` is {redacted(self.base)!r}, must end with `/`")
        for url in (self.base, *self.seeds):
            try:
                found = canonical_url(url, self.base)
                secret = holds_secret(url, self.base)
            except UrlError as error:
                raise ValueError(str(error)) from None
            if secret:
                raise ValueError(f"{found} was given with a user name, password or token; secrets belong in `auth`")
            if not found.startswith(canonical_url(self.base)):
                raise ValueError(f"`seeds`: {url!r} is outside of base {self.base!r}")


def crawl_digest(source: SiteSource) -> str:
    """Digest of the settings that decide what a crawl gives."""
    values = asdict(source)
    return digest_of({name: values[name] for name in DECIDES})
