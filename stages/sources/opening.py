"""The hosts of a crawl: a client each, which keeps its own pace, and what a host allows and says before any page.

Reads   robots.txt and the well-known files about rights, once a day and crawl; the frontier keeps them in between
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from stages.sources.crawling import Host
from stages.sources.frontier import Frontier, Spent
from stages.sources.settings.site import SiteSource
from stages.web.credentials import Credential, origin_of
from stages.web.egress import parse_networks
from stages.web.fetch import REDIRECTS, Fetcher, FetchError, HostState, Manners, OneHost
from stages.web.refusals import Signal
from stages.web.rights import WELL_KNOWN, robots_signals, well_known_signals
from stages.web.robots import MAX_BYTES, MAX_REDIRECTS, Rules, is_due, is_readable, rules_from, still_stands
from stages.web.urls import UrlError, canonical_url

LOOPBACK = parse_networks(("127.0.0.0/8",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a host said: status and body of robots.txt, the well-known files it has, and when it said so."""

    status: int | None
    body: bytes
    files: dict[str, bytes]
    since: float = 0.0

    def text(self) -> str:
        """As the frontier keeps it."""
        files = {path: b64encode(body).decode() for path, body in self.files.items()}
        return json.dumps([self.status, b64encode(self.body).decode(), files, self.since])

    @classmethod
    def of(cls, text: str) -> Opened:
        """From what the frontier kept."""
        status, body, files, since = json.loads(text)
        found = {path: b64decode(content) for path, content in files.items()}
        return cls(status=status, body=b64decode(body), files=found, since=since)

    def rules(self, agent: str) -> Rules:
        """What robots.txt allows."""
        return rules_from(self.status, self.body, agent)

    def signals(self, agent: str, url: str) -> tuple[Signal, ...]:
        """What the host says of the use of a page."""
        robots = robots_signals(self.body, agent, url) if self.status == 200 else ()
        return robots + tuple(
            signal for path, body in self.files.items() for signal in well_known_signals(path, body, url)
        )


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens the hosts of a site; `port` is that of an archive served on loopback."""

    source: SiteSource
    frontier: Frontier
    stack: AsyncExitStack
    port: int | None

    async def open(self, place: str) -> Host:
        """A host that may be asked, by what an earlier process of this crawl knew of it."""
        spent, agent = self.frontier.spent(place), self.source.agent
        fetcher = await self.stack.enter_async_context(self._fetcher(place, spent))
        if is_due(spent.opened_at, time.time()):
            opened = await self._asked(fetcher, place, Opened.of(spent.opened) if spent.opened else None)
            held = is_readable(opened.status)  # what failed is asked for again by the next process
            spent = replace(spent, opened=opened.text(), opened_at=time.time() if held else 0.0)
            self.frontier.spend(place, spent)
        opened = Opened.of(spent.opened)
        rules = opened.rules(agent)
        fetcher.delay = max(self.source.delay, rules.delay())
        age = time.time() - spent.opened_at if spent.opened_at else 0.0
        return Host(
            fetcher=fetcher, rules=rules, rights=lambda url: opened.signals(agent, url),
            opened_at=time.monotonic() - age,
        )  # fmt: skip

    async def _asked(self, fetcher: Fetcher, place: str, before: Opened | None) -> Opened:
        """What a host says now; where its robots.txt cannot be read, what it said within the last month."""
        status, body = await fetch_robots(fetcher, place)
        now = time.time()
        if before and still_stands(status, before.status, now - before.since):
            return before
        opened = Opened(status=status, body=body[:MAX_BYTES], files={}, since=now)
        rules = opened.rules(self.source.agent)
        fetcher.delay = max(self.source.delay, rules.delay())
        if not self.source.well_known or self.source.serve or rules.refused:
            return opened
        return replace(opened, files=await fetch_well_known(fetcher, place, rules))

    def _fetcher(self, place: str, spent: Spent) -> Fetcher:
        """The client of a host; a served one reaches nothing but its own loopback port."""
        source = self.source
        manners = Manners(
            user_agent=source.agent, delay=source.delay, timeout=source.timeout, attempts=source.attempts,
            max_bytes=source.max_bytes, **source.client.bounds,
        )  # fmt: skip
        if self.port is not None:
            return Fetcher(manners, LOOPBACK, OneHost(urlsplit(source.base).hostname or "", self.port))
        options: dict[str, Any] = {"ports": source.client.ports}
        if source.auth and place == origin_of(source.base):
            options["credential"] = Credential(source.auth, source.base)
        left = spent.frozen_until - time.time()
        if left > 0:
            options["hosts"] = {place: HostState(refusals=spent.refusals, frozen_until=time.monotonic() + left)}
        return Fetcher(manners, parse_networks(source.allow_networks), **options)


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


async def fetch_well_known(fetcher: Fetcher, place: str, rules: Rules) -> dict[str, bytes]:
    """Path -> body of the files about rights that a host has, where robots.txt lets us ask."""
    files = {}
    for path in WELL_KNOWN:
        if rules.refusal(place + path):
            continue
        try:
            answer = await fetcher.get(place + path, html_only=False)
        except FetchError:
            continue
        if answer.status == 200:
            files[path] = answer.body[:MAX_BYTES]
    return files
