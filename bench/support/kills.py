"""Crawls killed by SIGKILL and continued: does the log say what that of an uninterrupted crawl says?

A killed crawl is clean when, continued, it gave the same body for each URL as an uninterrupted one, stored no body
twice, and asked for no URL more than twice over both lives, by the server's own log. Answers go into the crawl log
every ROWS rows, so that instants before, in and after a write are met; of every LOST crawls one loses its frontier too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
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


def killed(pages: Mapping[str, bytes], kills: int, folder: Path) -> dict[str, Any]:
    """Crawls of `pages` killed at `kills` instants, evenly spread over the time that one takes, and continued."""
    site = Site(pages, manner=Manner(hold=0.002))
    with serving(site, folder / "whole.log") as port:
        base = f"http://127.0.0.1:{port}/"
        whole = finished(started(folder / "whole", "crawl", base, str(len(pages)), ROWS))
    wanted = snapshot(base, folder / "whole", len(pages))
    problems, landed = [], 0
    for number in range(kills):
        home, log = folder / f"killed-{number}", folder / f"killed-{number}.log"
        with serving(site, log, port):
            seconds = whole["wall_s"] * (number + 0.5) / kills
            landed += _kill(home, base, len(pages), seconds)
            if number % LOST == LOST - 1:
                shutil.rmtree(home / ".gristmill/frontier", ignore_errors=True)
            finished(started(home, "crawl", base, str(len(pages)), ROWS))
        problems += [f"after {seconds:.3f} s: {one}" for one in _problems(home, log, base, len(pages), wanted)]
        print(f"kill {number + 1}/{kills}: {len(problems)} problems", file=sys.stderr, flush=True)
    return {"kills": kills, "landed": landed, "clean": kills - len({one.partition(":")[0] for one in problems}),
            "wall_s": whole["wall_s"], "pages": len(wanted), "problems": problems[:20]}  # fmt: skip


def _kill(home: Path, base: str, count: int, seconds: float) -> bool:
    """Start a crawl and kill it after `seconds`; False where it had ended by itself."""
    process = started(home, "crawl", base, str(count), ROWS)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def _problems(home: Path, log: Path, base: str, count: int, wanted: dict[str, str]) -> list[str]:
    """What a killed and continued crawl did not keep of its promises."""
    problems = []
    if (got := snapshot(base, home, count)) != wanted:
        problems.append(f"{len(got)} pages, not {len(wanted)}" if len(got) != len(wanted) else "other pages")
    stored = Counter(row for path in CrawlLog(home / "log").files("pages") for row in _bodies(path))
    if twice := [uri for (uri, _), times in stored.items() if times > 1]:
        problems.append(f"{len(twice)} bodies stored twice, as of {twice[0]}")
    asked = Counter(one.path for one in requests(log) if one.path != "/robots.txt")
    if often := [path for path, times in asked.items() if times > 2]:
        problems.append(f"{len(often)} URLs asked for more than twice, as {often[0]}")
    return problems


def _bodies(path: Path) -> list[tuple[str, str]]:
    table = pq.read_table(path, columns=["uri", "body_digest"])
    return list(zip(table["uri"].to_pylist(), table["body_digest"].to_pylist(), strict=True))
