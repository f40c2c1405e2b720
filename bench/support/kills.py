"""Crawls killed by SIGKILL and continued: does the log say what that of an uninterrupted crawl says?

A killed crawl is clean when, continued, it gave the same body for each URL as an uninterrupted one, stored no body
twice, and asked for no URL more than twice over both lives, by the server's own log. Answers go into the crawl log
every ROWS rows, so that instants before, in and after a write are met; of every LOST crawls one loses its frontier too.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.support.crawling import finished, snapshot, started
from bench.support.pages_server import Manner, Site, requests, serving
from stages.sources.log import CrawlLog

ROWS = "20"
LOST = 5
LOOK = 0.0005  # seconds between two looks at the server's log


def killed(pages: Mapping[str, bytes], kills: int, folder: Path) -> dict[str, Any]:
    """Crawls of `pages` killed at `kills` instants, evenly spread over the requests that one makes, and continued.

    `landed` are the crawls that were still there to be killed; no other counts as clean.
    """
    site = Site(pages, manner=Manner(hold=0.002))
    with serving(site, folder / "whole.log") as port:
        base = f"http://127.0.0.1:{port}/"
        finished(started(folder / "whole", "crawl", base, str(len(pages)), ROWS))
    total = len(requests(folder / "whole.log"))
    wanted = snapshot(base, folder / "whole", len(pages))
    problems, landed = [], 0
    for number in range(kills):
        home, log = folder / f"killed-{number}", folder / f"killed-{number}.log"
        with serving(site, log, port):
            after = round(total * (number + 1) / kills)
            landed += _kill(home, base, len(pages), log, after)
            if number % LOST == LOST - 1:
                shutil.rmtree(home / ".gristmill/frontier", ignore_errors=True)
            finished(started(home, "crawl", base, str(len(pages)), ROWS))
        problems += [f"after {after} requests: {one}" for one in _problems(home, log, base, len(pages), wanted)]
        print(f"kill {number + 1}/{kills}: {len(problems)} problems", file=sys.stderr, flush=True)
    return {"kills": kills, "landed": landed, "clean": landed - len({one.partition(":")[0] for one in problems}),
            "requests": total, "pages": len(wanted), "problems": problems[:20]}  # fmt: skip


def _kill(home: Path, base: str, count: int, log: Path, asked: int) -> bool:
    """Start a crawl and kill it once `asked` requests have come; False where it had ended by itself."""
    process = started(home, "crawl", base, str(count), ROWS)
    while process.poll() is None and log.read_bytes().count(b"\n") < asked:
        time.sleep(LOOK)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _problems(home: Path, log: Path, base: str, count: int, wanted: dict[str, str]) -> list[str]:
    """What a killed and continued crawl did not keep of its promises."""
    problems = []
    if (got := snapshot(base, home, count)) != wanted:
        problems.append(f"{len(got)} pages, not {len(wanted)}" if len(got) != len(wanted) else "other pages")
    stored = Counter(row for path in CrawlLog(home / "log").files("pages") for row in _digests(path))
    if twice := [digest for digest, times in stored.items() if times > 1]:
        problems.append(f"{len(twice)} bodies stored twice, as {twice[0]}")
    asked = Counter(one.path for one in requests(log) if one.path != "/robots.txt")
    if often := [path for path, times in asked.items() if times > 2]:
        problems.append(f"{len(often)} URLs asked for more than twice, as {often[0]}")
    return problems


def _digests(path: Path) -> list[str]:
    return pq.read_table(path, columns=["body_digest"])["body_digest"].to_pylist()  # type: ignore[no-any-return]
