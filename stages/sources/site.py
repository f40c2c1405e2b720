"""The source kind `site`: a polite breadth-first crawl, recorded in the crawl log and replayed from it.

Reads   the website (or an archive folder served on loopback), robots.txt first; the crawl log, for what is known
Writes  the crawl log (stages/sources/log.py) in parts, and a frontier beside it while the crawl lasts
A crawl that was killed is taken up where it was. Equal answers of one host give equal logs but for their times.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from pathlib import Path

from catalog.errors import SourceError
from stages.sources.archive import members
from stages.sources.crawling import Crawl
from stages.sources.download import archive_path
from stages.sources.entries import Refused
from stages.sources.frontier import FRONTIERS, Frontier
from stages.sources.log import CrawlLog
from stages.sources.opening import Opener
from stages.sources.past import Past, past_of
from stages.sources.recording import Bounds, Recorder
from stages.sources.settings.archive import ArchiveLimits
from stages.sources.settings.site import Served, SiteSource, crawl_digest, utc_now
from stages.web.server import serving

SERVED_BYTES = 256 << 20  # bytes of an archive folder held in memory


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
        served = serving(served_files(source.serve)) if source.serve else None
        port = await stack.enter_async_context(served) if served else None
        opener = Opener(source, frontier, stack, port)
        crawl = Crawl(
            source=source, frontier=frontier, past=past, recorder=recorder, due=due, forgotten=forgotten,
            open_host=opener.open, recorded=past.recorded(recorder.run),
        )  # fmt: skip
        await crawl.run()


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
