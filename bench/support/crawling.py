"""Gristmill's side of the bench `crawl`, in a process that can be measured alone and killed.

Run     python -m bench.support.crawling fetch FILE         the URLs in a file, by the fetch layer alone
        python -m bench.support.crawling crawl BASE PAGES [ROWS]   the whole engine, its log ./log, written every ROWS
Prints  a line when it begins, and at the end one JSON object: CPU seconds of the process and its children from the
        first line on (imports are not counted), wall seconds, peak memory in MiB, and what it got
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.support.alone import peak
from stages.sources.log import CrawlLog
from stages.sources.settings.site import SiteSource, crawl_digest
from stages.web.egress import parse_networks

AGENT = "gristmill-bench/0.1"
NETWORKS = ("127.0.0.0/8",)
READY = "ready"
ROOT = Path(__file__).parents[2]


def source(base: str, pages: int) -> SiteSource:
    """The site of the bench: the index, the lists it links, and the pages they link; no more, as all stand there."""
    return SiteSource(
        name="pages", licence="various", base=base, seeds=("index.html",), sitemaps=(), feeds=(), user_agent=AGENT,
        max_pages=2 * pages + 100, max_depth=2, delay=0, attempts=1, allow_networks=NETWORKS,
    )  # fmt: skip


async def fetch(path: Path) -> dict[str, Any]:
    """Get every URL of a file."""
    from stages.web.fetch import Fetcher, Manners

    urls = path.read_text(encoding="utf-8").splitlines()
    manners = Manners(user_agent=AGENT, delay=0, timeout=30, attempts=1)
    begin = _begun()
    pages = size = 0
    async with Fetcher(manners, parse_networks(NETWORKS)) as fetcher:
        for url in urls:
            answer = await fetcher.get(url)
            pages += answer.status == 200
            size += len(answer.body)
    return _ended(begin, pages=pages, bytes=size)


def crawl(base: str, pages: int, rows: int | None = None) -> dict[str, Any]:
    """Crawl the site into ./log, or crawl it again."""
    from stages.sources.recording import Bounds
    from stages.sources.site import record_site

    begin = _begun()
    record_site(source(base, pages), CrawlLog(Path("log")), bounds=Bounds(rows=rows) if rows else Bounds())
    return _ended(begin)


def snapshot(base: str, home: Path, count: int) -> dict[str, str]:
    """URL -> digest of its body, as the log in `home` has the site."""
    place = source(base, count)
    snapshot = CrawlLog(home / "log").snapshot(place.name, crawl_digest(place))
    return dict(snapshot.good) if snapshot else {}


def _begun() -> tuple[float, float]:
    print(READY, flush=True)
    return _cpu(), time.monotonic()


def _ended(begin: tuple[float, float], **found: Any) -> dict[str, Any]:
    return {
        "cpu_s": round(_cpu() - begin[0], 2),
        "wall_s": round(time.monotonic() - begin[1], 2),
        "mib": peak() >> 20,
        **found,
    }


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """This module as a process in `folder`, once it has begun. Errors: SystemExit where it ends before."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bench.support.crawling", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY:
        raise SystemExit(f"{' '.join(arguments)} ended with status {process.wait()} before it began")
    return process


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a started process found. Errors: SystemExit where it failed."""
    output, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"a crawling process ended with status {process.returncode}:\n{errors[-2000:]}")
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def main() -> None:
    """Run one of the two, and print."""
    way, *given = sys.argv[1:]
    found = asyncio.run(fetch(Path(given[0]))) if way == "fetch" else crawl(given[0], *map(int, given[1:]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
