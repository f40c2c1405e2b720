"""The source kind `api`: an interface asked page by page, recorded in the crawl log and replayed from it.

Reads   the interface, by one request at a time (stages/web/fetch.py): only on the origin of `base`
Writes  the crawl log (stages/sources/log.py), every FLUSH rows, so that a killed run goes on where it was
Limits  delay, Retry-After and the interface's own headers (limits.py); max_pages, max_records, max_total_bytes
robots.txt is for crawlers of pages and is not asked: what an interface allows is in its terms (presets/*.yaml).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from catalog.erasure.forget import is_forgotten
from catalog.errors import SourceError
from stages.sources.api.asking import Asker, Failed, Got, Sleep
from stages.sources.api.ledger import FLUSH, Ledger
from stages.sources.api.log import END, LIMIT, LIST, NEXT, RECORDS, START, STOPPED, Version
from stages.sources.api.paging import NoWayOn, Page, first_url, item_urls, next_url
from stages.sources.api.progress import progress_of
from stages.sources.api.records import record_trees
from stages.sources.log import CrawlLog
from stages.sources.notes import note
from stages.sources.rows import sha256_hex
from stages.sources.settings.api import ApiSource
from stages.web.credentials import Credential, public_url
from stages.web.egress import parse_networks
from stages.web.fetch import Fetcher, Manners

MOST_KEYS = 1_000_000  # keys of one answer of a list


@dataclass(slots=True)
class Run:
    """One run under way; `problem` says why it did not come to the end of the list."""

    source: ApiSource
    asker: Asker
    ledger: Ledger
    seen: set[Version] = field(default_factory=set)
    records: int = 0
    problem: str | None = None

    async def run(self) -> None:
        """Ask from where the log says the list stands to its end, a limit, or an answer that cannot be had."""
        url = self.asker.before.goes_on_at
        if url is None:
            url = public_url(first_url(self.source, self.asker.before.since))
            self.ledger.record(url, START)
        while True:
            if self.spent():
                return self.halt(url, LIMIT, "a limit of crawl.sources was reached")
            try:
                following = await self.turn(url)
            except Failed as error:
                return self.halt(url, STOPPED, f"{url}: {error}")
            if following is None:
                return self.ledger.record(f"api:{self.source.name}", END)
            url = public_url(following)
            self.ledger.save(waits=url, least=FLUSH)

    def halt(self, url: str, mark: str, problem: str) -> None:
        """End the run before the end of the list, which goes on at `url`."""
        self.problem = problem
        self.ledger.record(url, mark)

    def spent(self) -> bool:
        """Has the run reached one of its limits?"""
        source, asker = self.source, self.asker
        pages, size = asker.asked >= source.max_pages, asker.size >= source.max_total_bytes
        return pages or size or self.records >= source.max_records

    async def turn(self, url: str) -> str | None:
        """Ask for one answer of the list, and for its items; the URL of the next. Errors: Failed."""
        got = await self.asker.ask(url, self.source.listing, LIST if self.source.items else RECORDS)
        version = (url, sha256_hex(got.body))
        if version in self.seen:
            raise self._no_way(url, "the list repeats itself")
        self.seen.add(version)
        if self.source.items is None:
            number = self._counted(got)
        else:
            keys = self._keys(url, got)
            number = len(keys)
            if not await self._ask_items(keys, url):
                return url  # a limit ended the run: the list goes on here
        try:
            return next_url(self.source, Page(url=url, tree=got.tree, headers=got.headers, number=number))
        except NoWayOn as error:
            raise self._no_way(url, str(error)) from None

    def _counted(self, got: Got) -> int:
        """The number of records of an answer, added to those of the run."""
        reading = self.source.records
        number = 1 if reading.format == "page" else len(record_trees(got.tree, reading))
        self.records += number
        return number

    def _no_way(self, url: str, reason: str) -> Failed:
        """A good answer that does not lead on: what would have come next has failed."""
        self.ledger.record(url + NEXT, f"failed:{reason}")
        return Failed(reason)

    def _keys(self, url: str, got: Got) -> list[str]:
        """The keys of a list's answer. Errors: Failed for one that cannot stand in a URL."""
        items = self.source.items
        assert items is not None
        keys = list(dict.fromkeys(got.tree.texts(items.keys)))
        if items.descend and keys and keys[0].isdigit():
            newest = int(keys[0][:18])
            keys = [str(number) for number in range(newest, max(0, newest - self.source.max_pages), -1)]
        if len(keys) > MOST_KEYS or any(not key.isprintable() or ".." in key.split("/") for key in keys):
            raise self._no_way(url, "the list holds keys that cannot be asked for")
        return keys

    async def _ask_items(self, keys: list[str], url: str) -> bool:
        """Ask for the items; one that cannot be had is recorded. False where a limit ended the run before the last."""
        items, before = self.source.items, self.asker.before
        assert items is not None
        for item in map(public_url, item_urls(self.source, keys)):
            known = item in before.done or (items.once and item in before.good)
            if known or is_forgotten(item, self.asker.forgotten):
                continue
            if self.spent():
                return False
            try:
                self._counted(await self.asker.ask(item, self.source.records.format, RECORDS))
            except Failed as error:
                self.problem = f"{item}: {error}"
            self.ledger.save(waits=url, least=FLUSH)
        return True


def record_api(
    source: ApiSource, log: CrawlLog, forgotten: frozenset[str] = frozenset(), sleep: Sleep = asyncio.sleep
) -> None:
    """Ask an interface and append its answers to the log, from where its list stands.

    Records of `forgotten` documents are taken out of the answers before they are written.
    Errors: SourceError when not one answer could be had; the first run of a source records nothing then.
    """
    run = asyncio.run(_run(source, log, forgotten, sleep))
    ledger = run.ledger
    if ledger.good or ledger.flushed or run.asker.before.begun:
        ledger.save()
    if not ledger.good:
        raise SourceError(
            f"source {source.name}: no answer could be had ({run.problem}); check `base`, `path` and `params` "
            "in crawl.sources, then `dvc repro crawl`"
        )
    if run.problem:
        again = f"`gristmill recrawl {source.name}` asks again"
        note(source.name, f"incomplete: {run.problem}; {again}")


async def _run(source: ApiSource, log: CrawlLog, forgotten: frozenset[str], sleep: Sleep) -> Run:
    manners = Manners(
        user_agent=source.agent, delay=source.delay, timeout=source.timeout, attempts=source.attempts,
        max_bytes=source.max_bytes, **source.client.bounds,
    )  # fmt: skip
    credential = Credential(source.auth, source.filled(source.base)) if source.auth else None
    before = progress_of(source, log)
    ledger = Ledger(source, log, set(before.versions))
    allowed = parse_networks(source.allow_networks)
    ports = source.client.ports
    async with Fetcher(manners, allowed, sleep=sleep, credential=credential, ports=ports) as fetcher:
        run = Run(source, Asker(source, fetcher, before, ledger, forgotten, sleep), ledger)
        await run.run()
    return run
