"""The source kind `site`: a polite breadth-first crawl, recorded in the crawl log and replayed from it.

Reads   the website (or an archive folder served on loopback), robots.txt first; the crawl log, for what is known
Writes  the crawl log (stages/sources/log.py) in parts, and a frontier beside it while the crawl lasts
A crawl that was killed is taken up where it was. Equal answers of one host give equal logs but for their times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from catalog.errors import SourceError
from stages.sources.archive import Refused, members
from stages.sources.crawling import MAX_AGE, Crawl, Host
from stages.sources.download import archive_path
from stages.sources.frontier import FRONTIERS, Frontier
from stages.sources.log import CrawlLog
from stages.sources.past import Past, past_of
from stages.sources.recording import Bounds, Recorder
from stages.sources.settings.archive import ArchiveLimits
from stages.sources.settings.site import Served, SiteSource, crawl_digest, utc_now
from stages.web.credentials import Credential, origin_of
from stages.web.egress import parse_networks
from stages.web.fetch import REDIRECTS, Fetcher, FetchError, HostState, Manners, OneHost
from stages.web.robots import MAX_BYTES, MAX_REDIRECTS, rules_from
from stages.web.server import serving
from stages.web.urls import UrlError, canonical_url

SERVED_BYTES = 256 << 20  # bytes of an archive folder held in memory
LOOPBACK = parse_networks(("127.0.0.0/8",))
SITEMAP = re.compile(rb"(?im)^[ \t]{0,9}sitemap[ \t]{0,9}:[ \t]{0,9}(\S{1,2083})")


def record_site(
    source: SiteSource,
    log: CrawlLog,
    forgotten: frozenset[str] = frozenset(),
    *,
    due: bool = False,
    root: Path = FRONTIERS,
    bounds: Bounds = Bounds(),  # noqa: B008, frozen
) -> str:
    """Crawl a site and add its answers to the log; the crawl's name in the log, `run`.

    A crawl that was cut off goes on. Pages that the log holds are asked for conditionally, with `due` only those that
    are due. A page whose id is `forgotten` is not asked for.
    Errors: SourceError when not one page could be had; nothing is recorded then. BusyError.
    """
    with Frontier(source.name, root) as frontier:
        frontier.forget(forgotten)
        past = past_of(source, log)
        run, due = taken_up(frontier, source, past, due=due)
        recorder = Recorder(source=source, log=log, frontier=frontier, run=run, bounds=bounds)
        recorded = past.recorded(run)
        recorder.good = bool(recorded) or bool(sum(frontier.pages().values()))
        if recorder.good:
            recorder.flush(known={row["fetched_at"] for row in past.rows})
            past = past_of(source, log)
        asyncio.run(_crawl(source, frontier, past, recorder, forgotten, due=due))
        if not recorder.good and not due:
            said = [f"{one.fetch['uri']} {one.fetch['outcome']}" for one in itertools.islice(frontier.held(), 3)]
            frontier.remove()
            raise SourceError(
                f"source {source.name}: no page could be captured ({'; '.join(said)}); nothing was recorded: "
                "check `base` and `seeds` in crawl.sources, then `dvc repro crawl`"
            )
        recorder.end()
        frontier.remove()
    return run


def taken_up(frontier: Frontier, source: SiteSource, past: Past, *, due: bool) -> tuple[str, bool]:
    """The crawl to go on with, or a new one: its name, and whether it asks only for what is due."""
    crawl, left = crawl_digest(source), frontier.run
    if left.get("crawl") == crawl and left["run"] not in past.ended:
        return left["run"], bool(left["due"])
    frontier.drop()
    run = past.open or utc_now()
    due = due and past.open is None
    frontier.begin({"crawl": crawl, "run": run, "due": "1" if due else ""})
    return run, due


async def _crawl(
    source: SiteSource, frontier: Frontier, past: Past, recorder: Recorder, forgotten: frozenset[str], *, due: bool
) -> None:
    async with AsyncExitStack() as stack:
        opener = Opener(source, frontier, stack, await stack.enter_async_context(_served_port(source)))
        crawl = Crawl(
            source=source, frontier=frontier, past=past, recorder=recorder, due=due, forgotten=forgotten,
            open_host=opener.open, recorded=past.recorded(recorder.run),
        )  # fmt: skip
        await crawl.run()


@asynccontextmanager
async def _served_port(source: SiteSource) -> AsyncIterator[int | None]:
    """The loopback port of a served archive; None for a real site."""
    if source.serve is None:
        yield None
        return
    async with serving(served_files(source.serve)) as port:
        yield port


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens the hosts of a site: a client each, which keeps its own pace, and their robots.txt."""

    source: SiteSource
    frontier: Frontier
    stack: AsyncExitStack
    port: int | None

    async def open(self, place: str) -> Host:
        """A host that may be asked, by what an earlier process of this crawl knew of it."""
        spent = self.frontier.spent(place)
        fetcher = await self.stack.enter_async_context(self._fetcher(place))
        if time.time() - spent.opened_at > MAX_AGE:
            status, body = await fetch_robots(fetcher, place)
            opened = json.dumps({"status": status, "body": b64encode(body[:MAX_BYTES]).decode()})
            holds = status is not None and status < 500  # what failed is asked for again by the next process
            spent = replace(spent, opened=opened, opened_at=time.time() if holds else 0.0)
            self.frontier.spend(place, spent)
        known = json.loads(spent.opened)
        body = b64decode(known["body"])
        rules = rules_from(known["status"], body, self.source.agent)
        fetcher.delay = max(self.source.delay, rules.delay())
        return Host(fetcher=fetcher, rules=rules, sitemaps=robots_sitemaps(body))

    def _fetcher(self, place: str) -> Fetcher:
        """The client of a host; a served one reaches nothing but its own loopback port."""
        source, spent = self.source, self.frontier.spent(place)
        manners = Manners(
            user_agent=source.agent, delay=source.delay, timeout=source.timeout, attempts=source.attempts,
            max_bytes=source.max_bytes,
        )  # fmt: skip
        if self.port is not None:
            return Fetcher(manners, LOOPBACK, OneHost(urlsplit(source.base).hostname or "", self.port))
        mine = source.auth and place == origin_of(source.base)
        left = spent.frozen_until - time.time()
        state = HostState(refusals=spent.refusals, frozen_until=time.monotonic() + left)
        return Fetcher(
            manners, parse_networks(source.allow_networks), hosts={place: state} if left > 0 else None,
            credential=Credential(source.auth, source.base) if source.auth and mine else None,
        )  # fmt: skip


async def fetch_robots(fetcher: Fetcher, place: str) -> tuple[int | None, bytes]:
    """Status and body of a host's robots.txt after redirects; None where no answer came, 3xx where they do not end."""
    url, status = f"{place}/robots.txt", None
    for _ in range(MAX_REDIRECTS + 1):
        try:
            answer = await fetcher.get(url, html_only=False)
        except FetchError:
            return None, b""
        status = answer.status
        if status not in REDIRECTS:
            return status, answer.body
        try:
            url = canonical_url(answer.location or "", url)
        except UrlError:
            break
    return status, b""


def robots_sitemaps(body: bytes) -> tuple[str, ...]:
    """What the `Sitemap` lines of a robots.txt name."""
    return tuple(found.decode("utf-8", "replace") for found in SITEMAP.findall(body[:MAX_BYTES]))


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
