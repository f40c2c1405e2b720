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
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from aiohttp import web

from catalog.schema import CAPTURES
from stages.sources.log import CrawlLog, read_log, read_pages
from stages.sources.settings.site import SiteSource, crawl_digest, utc_now
from tests.stages.websites import Website, hosted

PAGES = 20
Good = frozenset[tuple[str, str]]
Whole = tuple[Website, Path, Good]
Lose = Callable[[Path], None]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["stages.sources.site", "tests.stages.sources.test_kill"])


def tagged(page: str) -> Callable[[web.Request], web.Response]:
    """A page with a validator."""

    def answer(request: web.Request) -> web.Response:
        etag = {"ETag": '"1"'}
        if request.headers.get("If-None-Match") == etag["ETag"]:
            return web.Response(status=304, headers=etag)
        return web.Response(text=page, content_type="text/html", headers=etag)

    return answer


def site_pages() -> dict[str, object]:
    """A tree of pages with links across, half of them with validators; a redirect, a dead link, an image, twins, and a
    sitemap that alone names a page.
    """
    pages: dict[str, object] = {}
    for number in range(PAGES):
        links = {2 * number + 1, 2 * number + 2, (number * 7) % PAGES}
        text = "".join(f'<a href="p{target}.html">x</a>' for target in sorted(links))
        page = f"<p>page {number}{text}<a href='old'>o</a><a href='i.png'>i</a>"
        pages[f"/p{number}.html"] = tagged(page) if number % 2 else page
    pages["/old"] = lambda _: web.Response(status=302, headers={"Location": "/moved.html"})
    pages["/moved.html"] = pages["/alone.html"] = "the same"
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
    return frozenset(snapshot.good.items() if snapshot else ())


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


def check(log: CrawlLog, port: int, expected: Good, first: Good = frozenset()) -> None:
    """The log holds what an uninterrupted crawl would have written (after one that gave `first`), and no body twice."""
    assert good(log, port) == expected
    stored = [digest for path in log.files("pages") for digest in read_log(path, CAPTURES)["body_digest"].to_pylist()]
    wanted = {digest for _, digest in expected | first}
    assert sorted(stored) == sorted(wanted), "a body is in the log twice, or one is missing"
    assert len(read_pages(log.files("pages"), "site", dict(expected))) == len(expected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """A site, and a crawl of it that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    with hosted(site_pages()) as host:
        finish(host.port, folder)
        yield host, folder, good(CrawlLog(folder / "log"), host.port)


def run_kill(
    host: Website, folder: Path, expected: Good, draw: random.Random, lose: Lose, first: Good = frozenset()
) -> None:
    """Kill a crawl at a random moment, or a recrawl after one that gave `first`; continue it, and compare."""
    before = {row["fetched_at"] for row in CrawlLog(folder / "log").fetches("site")}
    host.asked.clear()
    killed_at(host.port, folder, host, draw.randint(1, PAGES + 4), draw.random() * 0.01)
    lose(folder)
    rows = [row for row in CrawlLog(folder / "log").fetches("site") if row["fetched_at"] not in before]
    asked = len(host.asked)
    finish(host.port, folder)
    again = {f"http://127.0.0.1:{host.port}{path}" for path in host.asked[asked:]}
    assert not {row["uri"] for row in rows} & again, "the log had the answer"
    check(CrawlLog(folder / "log"), host.port, expected, first)
    most = Counter(host.asked).most_common(1)[0]
    assert most[1] <= 2, most


def lost(folder: Path) -> None:
    """The frontier is deleted: the log alone tells where the crawl was."""
    shutil.rmtree(folder / "frontier", ignore_errors=True)


def kept(folder: Path) -> None:
    """The frontier stays."""


@pytest.mark.parametrize("lose", [kept, lost])
def test_a_killed_crawl_goes_on_where_it_was(whole: Whole, tmp_path: Path, lose: Lose) -> None:
    """At a random request; the set of (URI, digest) is that of an uninterrupted crawl, and no answer is asked again."""
    host, _, expected = whole
    assert len(expected) == PAGES + 2
    run_kill(host, tmp_path, expected, random.Random(1), lose)


def test_pages_without_their_fetches_are_not_written_twice(whole: Whole, tmp_path: Path) -> None:
    """Killed between the two files of one write, and the frontier lost: the bodies that got there are known."""
    host, folder, expected = whole
    shutil.copytree(folder / "log/pages", tmp_path / "log/pages")
    finish(host.port, tmp_path)
    check(CrawlLog(tmp_path / "log"), host.port, expected)


def test_a_crawl_that_is_killed_again_and_again_ends(whole: Whole, tmp_path: Path) -> None:
    """Killed three times in a row, and still no page is asked for more than twice; half a crawl is no snapshot."""
    host, _, expected = whole
    host.asked.clear()
    for _ in range(3):
        killed_at(host.port, tmp_path, host, 7, 0.001)
    log = CrawlLog(tmp_path / "log")
    assert log.fetches("site") and log.snapshot("site", crawl_digest(source(host.port))) is None
    finish(host.port, tmp_path)
    check(log, host.port, expected)
    assert max(Counter(host.asked).values()) <= 2


@pytest.mark.nightly
@pytest.mark.parametrize("lose", [kept, lost])
def test_fifty_kills(whole: Whole, tmp_path: Path, lose: Lose) -> None:
    """Fifty random moments."""
    host, _, expected = whole
    draw = random.Random(3)
    for kill in range(50):
        run_kill(host, tmp_path / str(kill), expected, draw, lose)


@pytest.mark.nightly
@pytest.mark.parametrize("lose", [kept, lost])
def test_fifty_kills_of_a_recrawl(tmp_path: Path, lose: Lose) -> None:
    """A site that was crawled, changed, and is crawled again: killed, the next snapshot is that of a whole recrawl, the
    earlier one stays what it was, and what has not changed is stored by the first crawl alone.
    """
    draw, pages = random.Random(5), site_pages()
    with hosted(pages) as host:
        finish(host.port, tmp_path / "first")
        first, as_of = good(CrawlLog(tmp_path / "first/log"), host.port), utc_now()
        pages |= {f"/p{number}.html": f"changed {number} <a href='new.html'>n</a>" for number in (PAGES - 1, PAGES - 2)}
        pages |= {"/new.html": "new", "/alone.html": "no longer the same"}
        shutil.copytree(tmp_path / "first", tmp_path / "whole")
        finish(host.port, tmp_path / "whole")
        expected = good(CrawlLog(tmp_path / "whole/log"), host.port)
        assert len(expected - first) == 4 and len(expected) == PAGES + 3
        for kill in range(50):
            folder = tmp_path / str(kill)
            shutil.copytree(tmp_path / "first", folder)
            run_kill(host, folder, expected, draw, lose, first)
            snapshot = CrawlLog(folder / "log").snapshot("site", crawl_digest(source(host.port)), as_of)
            assert snapshot and snapshot.good.items() == first
