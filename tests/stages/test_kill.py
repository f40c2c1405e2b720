"""A crawl that is killed and continued: nothing lost, no body twice, no URL asked for more than twice; over real HTTP.

The crawl runs in a process of its own and is killed by SIGKILL; the server, in this one, counts what it was asked.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from aiohttp import web

from catalog.schema import CAPTURES
from stages.sources.log import CrawlLog, read_log, read_pages
from stages.sources.settings.site import SiteSource, crawl_digest
from tests.stages.websites import Website, hosted

PAGES = 40
Good = set[tuple[str, str]]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["stages.sources.site", "tests.stages.test_kill"])


def site_pages() -> dict[str, object]:
    """A tree of pages with links across, a redirect, a dead link, an image, and a sitemap that alone names a page."""
    pages: dict[str, object] = {}
    for number in range(PAGES):
        links = {2 * number + 1, 2 * number + 2, (number * 7) % PAGES}
        text = "".join(f'<a href="p{target}.html">x</a>' for target in sorted(links))
        pages[f"/p{number}.html"] = f"<p>page {number}{text}<a href='old'>o</a><a href='i.png'>i</a>"
    pages["/old"] = lambda _: web.Response(status=302, headers={"Location": "/moved.html"})
    pages["/moved.html"] = "moved"
    pages["/alone.html"] = "alone"
    pages["/sitemap.xml"] = lambda request: web.Response(
        content_type="text/xml", text=f"<urlset><url><loc>http://{request.host}/alone.html</loc></url></urlset>"
    )
    return pages


def source(port: int) -> SiteSource:
    """The site, without pauses."""
    return SiteSource(
        name="site", licence="MIT", base=f"http://127.0.0.1:{port}/", seeds=("p0.html",), delay=0.0,
        allow_networks=("127.0.0.0/8",),
    )  # fmt: skip


def crawl(port: int, folder: str, rows: int) -> None:
    """One process of a crawl that writes to the log often."""
    from stages.sources.recording import Bounds
    from stages.sources.site import record_site

    root = Path(folder)
    record_site(source(port), CrawlLog(root / "log"), root=root / "frontier", bounds=Bounds(rows=rows))


def good(log: CrawlLog, port: int) -> Good:
    """(URI, digest) of what the snapshot holds."""
    site = source(port)
    snapshot = log.snapshot("site", crawl_digest(site))
    return set(snapshot.good.items()) if snapshot else set()


def process(port: int, folder: Path, rows: int = 9) -> Any:
    """A crawl under way."""
    started = FORKS.Process(target=crawl, args=(port, str(folder), rows))
    started.start()
    return started


def killed_at(port: int, folder: Path, host: Website, request: int, wait: float) -> None:
    """A crawl that dies some time after the server was asked for the n-th time; it may have ended before."""
    before = len(host.asked)
    started = process(port, folder)
    while started.is_alive() and len(host.asked) - before < request:
        sleep(0.001)
    sleep(wait)
    os.kill(started.pid, signal.SIGKILL)
    started.join()


def finish(port: int, folder: Path, rows: int = 9) -> None:
    """Crawl to the end."""
    last = process(port, folder, rows)
    last.join()
    assert last.exitcode == 0


def check(log: CrawlLog, port: int, expected: Good) -> None:
    """The log holds what an uninterrupted crawl would have written, and no body twice."""
    assert good(log, port) == expected
    tables = [read_log(path, CAPTURES) for path in log.files("pages")]
    versions = [one for table in tables for one in zip(*map(table.column, ("uri", "body_digest")), strict=True)]
    versions = [(uri.as_py(), digest.as_py()) for uri, digest in versions]
    assert sorted(versions) == sorted(expected), "a body is in the log twice, or one is missing"
    assert read_pages(log.files("pages"), "site", dict(expected)).num_rows == len(expected)


def uninterrupted(port: int, folder: Path) -> Good:
    """What the site gives to a crawl that nobody kills."""
    finish(port, folder)
    return good(CrawlLog(folder / "log"), port)


def run_kills(tmp_path: Path, kills: int, seed: int, lose: Callable[[Path], None] = lambda folder: None) -> None:
    """Kill a crawl at random moments, each in a folder of its own, continue it, and compare."""
    draw = random.Random(seed)
    with hosted(site_pages()) as host:
        expected = uninterrupted(host.port, tmp_path / "whole")
        assert len(expected) == PAGES + 2
        for kill in range(kills):
            folder = tmp_path / str(kill)
            host.asked.clear()
            killed_at(host.port, folder, host, draw.randint(1, PAGES + 4), draw.random() * 0.01)
            lose(folder)
            logged = {row["uri"] for row in CrawlLog(folder / "log").fetches("site")}
            before = len(host.asked)
            finish(host.port, folder)
            again = {f"http://127.0.0.1:{host.port}{path}" for path in host.asked[before:]}
            assert not logged & again, "the log had the answer"
            check(CrawlLog(folder / "log"), host.port, expected)
            most = Counter(host.asked).most_common(1)[0]
            assert most[1] <= 2, most


def test_a_killed_crawl_goes_on_where_it_was(tmp_path: Path) -> None:
    """Four kills at random requests; the set of (URI, digest) is that of an uninterrupted crawl."""
    run_kills(tmp_path, 4, seed=1)


def test_a_lost_frontier_loses_nothing_that_the_log_has(tmp_path: Path) -> None:
    """Kill, delete the frontier, continue: the log alone tells where the crawl was, and its pages are not asked for."""
    run_kills(tmp_path, 2, seed=2, lose=lambda folder: shutil.rmtree(folder / "frontier", ignore_errors=True))


def test_pages_without_their_fetches_are_not_written_twice(tmp_path: Path) -> None:
    """Killed between the two files of one write, and the frontier lost: the bodies that got there are known."""
    with hosted(site_pages()) as host:
        expected = uninterrupted(host.port, tmp_path)
        shutil.rmtree(tmp_path / "log/fetches")
        finish(host.port, tmp_path, rows=5)
        check(CrawlLog(tmp_path / "log"), host.port, expected)


def test_a_crawl_that_is_killed_again_and_again_ends(tmp_path: Path) -> None:
    """Killed six times in a row, and still no page is asked for more than twice."""
    with hosted(site_pages()) as host:
        expected = uninterrupted(host.port, tmp_path / "whole")
        host.asked.clear()
        for _ in range(6):
            killed_at(host.port, tmp_path / "again", host, 6, 0.001)
        finish(host.port, tmp_path / "again")
        check(CrawlLog(tmp_path / "again/log"), host.port, expected)
        assert max(Counter(host.asked).values()) <= 2


def test_half_a_crawl_is_no_snapshot(tmp_path: Path) -> None:
    """Rows that are in the log do not count until the crawl has ended."""
    with hosted(site_pages()) as host:
        killed_at(host.port, tmp_path, host, 30, 0.0)
        log = CrawlLog(tmp_path / "log")
        assert log.fetches("site") and log.snapshot("site", crawl_digest(source(host.port))) is None


@pytest.mark.nightly
def test_fifty_kills(tmp_path: Path) -> None:
    """Fifty random moments."""
    run_kills(tmp_path, 50, seed=3)


@pytest.mark.nightly
def test_fifty_kills_that_lose_the_frontier(tmp_path: Path) -> None:
    """Fifty random moments, and each time the frontier is gone."""
    run_kills(tmp_path, 50, seed=4, lose=lambda folder: shutil.rmtree(folder / "frontier", ignore_errors=True))
