"""The source kind `site`: a polite breadth-first crawl, recorded in the crawl log and replayed from it.

Reads   the website (or an archive folder served on loopback), robots.txt first
Writes  the crawl log (stages/sources/log.py), once per crawl and when every page of it was fetched
One site is crawled by one request at a time, in the order in which links stand in the pages, so that equal
answers give equal logs but for their times.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from catalog.digests import document_id
from catalog.errors import SourceError
from stages.sources.archive import Refused, members
from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.download import archive_path
from stages.sources.log import CrawlLog, read_pages
from stages.sources.rows import Row, sha256_hex
from stages.sources.settings.archive import ArchiveLimits
from stages.sources.settings.site import Served, SiteSource, crawl_digest
from stages.web.credentials import Credential
from stages.web.egress import Network, parse_networks
from stages.web.fetch import HTML, Answer, Fetcher, FetchError, Manners, OneHost
from stages.web.links import links
from stages.web.robots import MAX_REDIRECTS, Rules, rules_from
from stages.web.server import serving
from stages.web.urls import UrlError, canonical_url, in_scope, is_page, origin

REDIRECTS = frozenset((301, 302, 303, 307, 308))
SERVED_BYTES = 256 << 20  # bytes of an archive folder held in memory
REQUESTS_PER_PAGE = 3  # a site may spend so many requests per page it may give, on redirects and errors
LOOPBACK = parse_networks(("127.0.0.0/8",))
PROGRESS = 50  # requests between two lines of progress


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier version of a page: its validators and its body."""

    fetch: Mapping[str, Any]
    body: bytes


@dataclass(slots=True)
class Crawl:
    """One crawl under way: what waits, what was seen, and what was recorded."""

    source: SiteSource
    fetcher: Fetcher
    rules: Rules
    known: Mapping[str, Known]
    forgotten: frozenset[str]
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    fetches: list[dict[str, Any]] = field(default_factory=list)
    pages: list[Located] = field(default_factory=list)
    requests: int = 0
    captured: int = 0

    @property
    def budget(self) -> int:
        """Requests the crawl may make."""
        return self.source.max_pages * REQUESTS_PER_PAGE + 10

    async def run(self) -> None:
        """Visit every page in scope, breadth first, within the limits."""
        for seed in self.source.seeds:
            self.add(canonical_url(seed, self.source.base), 0)
        while self.waiting:
            url, depth = self.waiting.popleft()
            if self.requests % PROGRESS == 0 and self.requests:
                print(f"crawl: {self.source.name}: {self.captured} pages, {len(self.waiting)} URLs wait", flush=True)
            if self.captured >= self.source.max_pages or self.requests >= self.budget:
                self.record(url, "skipped:limit of pages")
            elif reason := self.rules.refusal(url):
                self.record(url, f"failed:{reason}")
            else:
                self.requests += 1
                await self.visit(url, depth)

    def add(self, url: str, depth: int) -> None:
        """Queue a URL that is new, in scope and perhaps a page."""
        if url in self.seen or depth > self.source.max_depth or not in_scope(url, canonical_url(self.source.base)):
            return
        self.seen.add(url)
        if document_id(url) in self.forgotten:
            return
        if is_page(url):
            self.waiting.append((url, depth))
        else:
            self.record(url, "skipped:extension")

    async def visit(self, url: str, depth: int) -> None:
        """Fetch one page, record the answer, queue its links."""
        known = self.known.get(url)
        try:
            answer = await self.fetcher.get(url, _conditions(known))
        except FetchError as error:
            self.record(url, f"failed:{error}")
            return
        if answer.status in REDIRECTS:
            self.redirect(url, depth, answer)
        elif answer.status == 304 and known:
            self.record(url, "unchanged", answer, known.fetch["body_digest"])
            self.follow(known.body, url, depth, answer.charset)
        elif answer.status != 200:
            self.record(url, f"failed:status {answer.status}", answer)
        elif answer.mime not in HTML:
            self.record(url, f"skipped:{answer.mime}", answer)
        else:
            self.capture(url, depth, answer, known)

    def redirect(self, url: str, depth: int, answer: Answer) -> None:
        """Treat a redirect as a link: the target passes scope, robots.txt and limits like any other."""
        self.record(url, "skipped:redirect", answer)
        try:
            self.add(canonical_url(answer.location or "", url), depth)
        except UrlError:
            return

    def capture(self, url: str, depth: int, answer: Answer, known: Known | None) -> None:
        """Keep a page, unless the log has this very version of it."""
        digest = sha256_hex(answer.body)
        self.record(url, "captured", answer, digest)
        if known is None or known.fetch["body_digest"] != digest:
            row = Row(body=answer.body, key=None, mime=answer.mime, charset=answer.charset)
            self.pages.append(Located(url, row, answer.status))
        self.follow(answer.body, url, depth, answer.charset)

    def follow(self, body: bytes, url: str, depth: int, charset: str | None) -> None:
        """Queue the links of a page."""
        self.captured += 1
        for link in links(_decoded(body, charset), url):
            self.add(link, depth + 1)

    def record(self, url: str, outcome: str, answer: Answer | None = None, digest: str | None = None) -> None:
        """Add a row to the log of this crawl."""
        self.fetches.append(
            {
                "uri": url,
                "source": self.source.name,
                "crawl": crawl_digest(self.source),
                "fetched_at": now(),
                "status": answer.status if answer else None,
                "outcome": outcome,
                "headers": answer.headers if answer else None,
                "etag": answer.etag if answer else None,
                "last_modified": answer.last_modified if answer else None,
                "body_digest": digest,
            }
        )


def now() -> str:
    """The time as the log writes it: UTC, ISO 8601, microseconds so that rows keep their order."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _conditions(known: Known | None) -> dict[str, str]:
    names = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
    return {header: known.fetch[name] for header, name in names.items() if known.fetch[name]} if known else {}


def _decoded(body: bytes, charset: str | None) -> str:
    """A page as text, well enough to find its links."""
    try:
        return body.decode(charset or "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def record_site(source: SiteSource, log: CrawlLog, forgotten: frozenset[str] = frozenset()) -> None:
    """Crawl a site and append the answers to the log; pages it already holds are asked for conditionally.

    A page whose id is `forgotten` is not asked for.
    Errors: SourceError when not one page could be captured; nothing is recorded then.
    """
    crawl = asyncio.run(_crawl(source, _known(source, log), forgotten))
    if not crawl.captured:
        problems = "; ".join(f"{row['uri']} {row['outcome']}" for row in crawl.fetches[:3])
        raise SourceError(
            f"source {source.name}: no page could be captured ({problems}); nothing was recorded: "
            "check `base` and `seeds` in crawl.sources, then `dvc repro crawl`"
        )
    origin_of = Origin(source=source.name, licence=source.licence)
    pages = sorted(crawl.pages, key=lambda page: page.uri)
    tables = [table for name, _, table in capture_tables(pages, origin_of) if name == "captures" and table.num_rows]
    log.append(crawl.fetches, tables)


def _known(source: SiteSource, log: CrawlLog) -> dict[str, Known]:
    fetches = log.validators(source.name, crawl_digest(source))
    good = {uri: row["body_digest"] for uri, row in fetches.items()}
    pages: pa.Table = read_pages(log.files("pages"), source.name, good)
    bodies = dict(zip(pages["uri"].to_pylist(), pages["body"].to_pylist(), strict=True))
    return {uri: Known(fetches[uri], body) for uri, body in bodies.items()}


async def _crawl(source: SiteSource, known: Mapping[str, Known], forgotten: frozenset[str]) -> Crawl:
    async with _fetcher(source) as fetcher:
        rules = await fetch_rules(fetcher, source)
        fetcher.delay = max(source.delay, rules.delay())
        crawl = Crawl(source, fetcher, rules, known, forgotten)
        await crawl.run()
        return crawl


@asynccontextmanager
async def _fetcher(source: SiteSource) -> AsyncIterator[Fetcher]:
    """The client of a site; a served one reaches nothing but its own loopback port."""
    manners = Manners(
        user_agent=source.user_agent, delay=source.delay, timeout=source.timeout,
        attempts=source.attempts, max_bytes=source.max_bytes,
    )  # fmt: skip
    allowed: tuple[Network, ...] = parse_networks(source.allow_networks)
    if source.serve is None:
        credential = Credential(source.auth, source.base) if source.auth else None
        async with Fetcher(manners, allowed, credential=credential) as fetcher:
            yield fetcher
        return
    host = urlsplit(source.base).hostname or ""
    async with serving(served_files(source.serve)) as port, Fetcher(manners, LOOPBACK, OneHost(host, port)) as fetcher:
        yield fetcher


def served_files(serve: Served) -> dict[str, bytes]:
    """Files of an archive folder by their path below it."""
    limits = ArchiveLimits(total=SERVED_BYTES, member=SERVED_BYTES)
    files = {}
    with archive_path(serve.archive).open("rb") as stream:
        for member in members(stream, serve.archive.uri, (serve.prefix + "**",), limits):
            if not isinstance(member, Refused):
                files[member.path.removeprefix(serve.prefix)] = member.stream.read()
    if not files:
        raise SourceError(f"{serve.archive.uri} has no member below `prefix: {serve.prefix}`; edit crawl.sources")
    return files


async def fetch_rules(fetcher: Fetcher, source: SiteSource) -> Rules:
    """The rules of a site's robots.txt, by the states of RFC 9309."""
    url = origin(canonical_url(source.base)) + "/robots.txt"
    for _ in range(MAX_REDIRECTS + 1):
        try:
            answer = await fetcher.get(url, html_only=False)
        except FetchError:
            return rules_from(None, b"", source.user_agent)
        if answer.status not in REDIRECTS:
            return rules_from(answer.status, answer.body, source.user_agent)
        try:
            url = canonical_url(answer.location or "", url)
        except UrlError:
            break
    return rules_from(answer.status, b"", source.user_agent)
