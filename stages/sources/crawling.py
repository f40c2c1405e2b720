"""One crawl under way: which URL is asked for when, within scope, robots.txt and budgets.

Reads   the hosts of a site, by one request at a time each, in the order in which links stand in the pages
Writes  through the frontier and the recorder, after each answer
A URL that the log has an answer of from this same crawl is not asked for: its answer is gone through again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from catalog.erasure.forget import is_forgotten
from stages.sources.frontier import DONE, MOST_ATTEMPTS, WAITS, Frontier, Waiting
from stages.sources.log import Fetch
from stages.sources.notes import note
from stages.sources.past import Past
from stages.sources.recording import Recorder
from stages.sources.settings.site import SiteSource, utc_now
from stages.sources.visiting import Visitor
from stages.web.domains import registrable_domain
from stages.web.fetch import Fetcher
from stages.web.refusals import Signal
from stages.web.robots import Rules, is_due
from stages.web.scope import Scope
from stages.web.traps import Traps
from stages.web.urls import UrlError, canonical_url, is_page, origin

REQUESTS_PER_PAGE = 3  # a site may spend so many requests per page it may give, on redirects and errors
MAX_LISTS = 1000  # sitemaps and feeds of one crawl
PROGRESS = 50  # requests between two lines of progress
LOOK = 0.1  # seconds between two looks whether a resting host has work again


@dataclass(slots=True, kw_only=True)
class Host:
    """One host at work: its client, what it allows, and what it says of the use of a page."""

    fetcher: Fetcher
    rules: Rules
    rights: Callable[[str], tuple[Signal, ...]]
    opened_at: float = field(default_factory=time.monotonic)

    @property
    def expired(self) -> bool:
        """Must robots.txt be asked for again?"""
        return is_due(self.opened_at, time.monotonic())


@dataclass(slots=True, kw_only=True)
class Crawl:
    """A crawl of a source; `due` asks of known pages only those that are due."""

    source: SiteSource
    frontier: Frontier
    past: Past
    recorder: Recorder
    due: bool
    forgotten: frozenset[str]
    open_host: Callable[[str], Awaitable[Host]]
    recorded: Mapping[str, Fetch] = field(default_factory=dict)
    requests: int = 0
    lists: int = 0
    pages: int = 0
    hosts: dict[str, Host] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    now: str = field(default_factory=utc_now)
    traps: Traps = field(default_factory=Traps)
    scope: Scope = field(init=False)
    origins: frozenset[str] = field(init=False)
    visitor: Visitor = field(init=False)

    def __post_init__(self) -> None:
        source = self.source
        self.scope = Scope(bases=source.bases, include=source.include, exclude=source.exclude)
        self.origins = frozenset(map(origin, source.bases))
        self.visitor = Visitor(
            recorder=self.recorder, past=self.past, traps=self.traps, add=self.add, find_feeds=source.feeds is None
        )
        self.requests = self.frontier.requests()
        for host, pages in self.frontier.pages().items():
            self._count(host, pages)

    async def run(self) -> None:
        """Visit all that is in scope, every host at its own pace."""
        self._begin()
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while self._start(tasks) or tasks:
                await self._wait(tasks)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _start(self, tasks: dict[str, asyncio.Task[None]]) -> bool:
        """Set every host to work that rests though URLs of it wait; is there one?"""
        resting = [place for place in self.frontier.origins() if place not in tasks]
        tasks |= {place: asyncio.create_task(self._work(place)) for place in resting}
        return bool(resting)

    async def _wait(self, tasks: dict[str, asyncio.Task[None]]) -> None:
        """Until a host has no more work, or it is time to look whether a resting one has. Errors: those of the work."""
        look = LOOK if len(self.origins) > len(tasks) else None
        done, _ = await asyncio.wait(tasks.values(), timeout=look, return_when=asyncio.FIRST_COMPLETED)
        for place in [place for place, task in tasks.items() if task in done]:
            tasks.pop(place).result()

    def _begin(self) -> None:
        """Queue where the crawl starts; what is queued already stays where it is."""
        for kind, urls in (("sitemap", self.source.sitemaps), ("feed", self.source.feeds)):
            for url in urls or ():
                self.add(canonical_url(url, self.source.base), 0, kind)
        for seed in self.source.seeds:
            self.add(canonical_url(seed, self.source.base), 0)
        for place in sorted(self.origins) if self.source.sitemaps is None else ():
            self.add(f"{place}/sitemap.xml", 0, "sitemap")
        for url in sorted(self.past.known) if self.due else ():
            if self.past.is_due(url, self.now):
                self.add(url, self.past.known[url]["depth"] or 0)
        self.frontier.commit()

    def add(
        self, url: str, depth: int, kind: str = "page", *, chain: tuple[str, ...] = (), changed_at: str | None = None
    ) -> None:
        """Queue a URL that is new, in scope and perhaps a page; `changed_at` is what a sitemap or feed says of it."""
        if depth > self.source.max_depth or (url in self.seen and not changed_at):
            return
        self.seen.add(url)
        if not self._wants(url, kind):
            return
        one = Waiting(url=url, kind=kind, depth=depth, chain=chain)
        if kind == "page" and not is_page(url):
            if self.frontier.add(one, origin(url), DONE) and url not in self.recorded:
                self.recorder.record(url, "skipped:extension", one=one)
            return
        asked = kind != "page" or not self.due or self.past.is_due(url, self.now, changed_at)
        if not self.frontier.add(one, origin(url), WAITS if asked else DONE) and asked and changed_at:
            self.frontier.wake(url)

    def _wants(self, url: str, kind: str) -> bool:
        """Is a URL part of this crawl? Lists are, on its hosts and in number."""
        if kind != "page":
            self.lists += 1
            return origin(url) in self.origins and self.lists <= MAX_LISTS
        return self.scope.holds(url) and not is_forgotten(url, self.forgotten)

    async def _work(self, place: str) -> None:
        """Ask one host for all that waits of it, one URL after the other."""
        host = await self._host(place)
        while one := self.frontier.take(place):
            began = time.monotonic()
            try:
                asked = await self._turn(one, place, host)
            except asyncio.CancelledError:
                self.frontier.untake(one.url)
                raise
            self.frontier.done(one.url)
            self._spend(place, host, time.monotonic() - began, asked)
            self.recorder.flush_when_due()
            if host.expired:
                self.hosts.pop(place)
                host = await self._host(place)

    async def _host(self, place: str) -> Host:
        """A host that may be asked, with its sitemaps queued."""
        if place not in self.hosts:
            host = self.hosts[place] = await self.open_host(place)
            if self.source.sitemaps is None:
                for url in host.rules.sitemaps:
                    self._add_found(url, place)
        return self.hosts[place]

    def _add_found(self, url: str, place: str) -> None:
        try:
            self.add(canonical_url(url, f"{place}/"), 0, "sitemap")
        except UrlError:
            return

    async def _turn(self, one: Waiting, place: str, host: Host) -> bool:
        """One URL: its answer from this crawl, the reason why it is not asked for, or its answer from the network.

        Was the network asked?
        """
        self.visitor.had = None
        if row := self.recorded.get(one.url):
            self.visitor.repeat(one, row)
            return False
        if reason := self._refusal(one, place, host):
            self.recorder.record(one.url, reason, one=one)
            return False
        self.requests += 1
        if self.requests % PROGRESS == 0:
            waiting = self.frontier.waiting()
            note(self.source.name, f"{self.pages} pages, {waiting} URLs wait", pages=self.pages, waiting=waiting)
        await self.visitor.visit(one, host.fetcher, host.rights)
        return True

    def _refusal(self, one: Waiting, place: str, host: Host) -> str | None:
        """The outcome of a URL that is not asked for; None = it is."""
        if one.attempts >= MOST_ATTEMPTS:
            return "failed:the crawl died twice while it asked for it"
        if limit := self._limit(one.url, place):
            return f"skipped:limit of {limit}"
        if reason := host.rules.refusal(one.url):
            return f"failed:{reason}" if one.kind == "page" else f"skipped:{one.kind}: {reason}"
        trap = self.traps.refusal(one.url) if one.kind == "page" else None
        return f"skipped:{trap}" if trap else None

    def _limit(self, url: str, place: str) -> str | None:
        """The budget that is used up; None where none is."""
        source, spent = self.source, self.frontier.spent(place)
        budget = source.budget
        limits = (
            ("pages", self.pages, source.max_pages),
            ("requests", self.requests, source.max_pages * REQUESTS_PER_PAGE + 10),
            ("pages of the domain", self._of_domain(url), source.domain_pages),
            ("pages of the host", spent.pages, budget.pages),
            ("bytes of the host", spent.bytes, budget.bytes),
            ("seconds of the host", spent.seconds, budget.seconds),
        )
        return next((name for name, used, most in limits if most is not None and used >= most), None)

    def _of_domain(self, url: str) -> int:
        return self.domains.get(registrable_domain(url), 0) if self.source.domain_pages else 0

    def _count(self, place: str, pages: int) -> None:
        self.pages += pages
        if self.source.domain_pages:
            domain = registrable_domain(place)
            self.domains[domain] = self.domains.get(domain, 0) + pages

    def _spend(self, place: str, host: Host, seconds: float, asked: bool) -> None:
        """Note what a turn took, and until when the host is to be left alone."""
        spent, state, had = self.frontier.spent(place), host.fetcher.host(place), self.visitor.had
        frozen = state.seconds_left(time.monotonic())
        pages = 0 if had is None else 1
        self._count(place, pages)
        self.frontier.spend(
            place,
            replace(
                spent, pages=spent.pages + pages, bytes=spent.bytes + (had or 0), seconds=spent.seconds + seconds,
                requests=spent.requests + asked, refusals=state.refusals,
                frozen_until=time.time() + frozen if frozen else 0.0,
            ),
        )  # fmt: skip
