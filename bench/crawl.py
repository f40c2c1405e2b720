"""crawl: the fetch layer and the whole engine on a loopback site of real HTML pages, beside Scrapy in the same run.

Pages are those of Debian's documentation packages in 20 languages; `make bench-peers` first. The site runs in a process
of its own, which is not counted, and keeps the log (bench/support/pages_server.py) from which requests, bytes and
violations are counted. Speeds are pages per CPU second (user and system) of the client's process, imports not counted.

    pages_per_cpu_s     GET, decoding and checks of every page that robots.txt allows, by the fetch layer alone
    ratio_scrapy        the same over Scrapy's: the same list of URLs, 16 requests at once, lengths of bodies kept
    crawl_per_cpu_s, ratio_engine   the whole engine (links, frontier, log, segments) from the index on, over Scrapy's
                        from the index on with its LinkExtractor; both within two links
    recrawl_bytes       bytes the server sent when the site was crawled again with 1 % of the pages changed / bytes it
                        sent to the first crawl; `detail` has requests and CPU seconds of both
    robots_violations   by the server's log: requests for what robots.txt forbids, for anything while robots.txt answers
                        503, sooner than Crawl-delay, or beside another one; `detail` has Scrapy's
    hostile_bounded     of 15 misbehaving servers, those that a fetch left in time and memory (bench/support/hostile.py)
    conformance         suite of others -> [cases passed, cases], null without its data (bench/support/conformance.py);
                        `detail` has the misses
    kills, kills_clean  crawls killed by SIGKILL at so many instants; those that, continued, gave what an uninterrupted
                        crawl gives, with no body twice and no URL asked for more than twice (bench/support/kills.py)
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.support.conformance import conformance
from bench.support.crawling import finished, snapshot, started
from bench.support.debian import Page, pages
from bench.support.hostile import run_matrix
from bench.support.kills import killed
from bench.support.pages_server import Manner, Request, Site, is_forbidden, requests, serving
from bench.support.peers import run_peer
from bench.support.project import edited, ranked

QUICK, WHOLE = 1000, 12_000  # pages
KILLED_PAGES = 120  # pages of the site whose crawl is killed
KILLS = {True: 5, False: 50}
POLITE_PAGES, DELAY = 40, 0.1  # pages; seconds of Crawl-delay
EARLY = 0.005  # seconds that a request may seem too soon by, for the way to the server's clock
AT_ONCE = "16"


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    found = pages(QUICK if quick else WHOLE)
    site = Site(_paths(found))
    with tempfile.TemporaryDirectory(prefix="gristmill-crawl-") as name:
        folder = Path(name)
        fetched, zipped = _fetched(site, folder), _fetched(_as(site, Manner(zipped=True)), folder)
        crawled = _crawled(site, folder)
        polite = _polite(found[:POLITE_PAGES] + _forbidden(found), folder)
        kills = killed(_paths(found[:KILLED_PAGES]), KILLS[quick], folder)
    matrix, suites = run_matrix(), conformance()
    violations = crawled["violations"] + polite["ours"]["violations"] + polite["ours_503"]["violations"]
    return {
        "pages": len(site.allowed),
        "pages_per_cpu_s": fetched["pages_per_cpu_s"],
        "ratio_scrapy": fetched["ratio"],
        "crawl_per_cpu_s": crawled["pages_per_cpu_s"],
        "ratio_engine": crawled["ratio"],
        "recrawl_bytes": crawled["recrawl_bytes"],
        "robots_violations": violations,
        "hostile_bounded": sum(bounded for *_, bounded in matrix),
        "conformance": {name: [one["passed"], one["of"]] if one else None for name, one in suites.items()},
        "kills": kills["kills"],
        "kills_clean": kills["clean"],
        "detail": {
            "fetch": fetched, "fetch_gzip": zipped, "crawl": crawled, "polite": polite, "kills": kills,
            "hostile": [list(one) for one in matrix],
            "misses": {name: one["misses"] for name, one in suites.items() if one},
            "versions": {name: version(name) for name in ("aiohttp", "protego", "ada-url")},
        },
    }  # fmt: skip


def _paths(found: list[Page]) -> dict[str, bytes]:
    return {f"/{path}": body for path, body in found}


def _as(site: Site, manner: Manner) -> Site:
    return Site(site.pages, site.changed, manner)


def _forbidden(found: list[Page]) -> list[Page]:
    """A few pages that robots.txt forbids."""
    return [page for page in found if is_forbidden(f"/{page[0]}")][:5]


def _fetched(site: Site, folder: Path) -> dict[str, Any]:
    """The fetch layer and Scrapy over one list of URLs."""
    urls = folder / "urls"
    with serving(site, folder / "fetch.log") as port:
        urls.write_text("\n".join(f"http://127.0.0.1:{port}{path}" for path in site.allowed), encoding="utf-8")
        ours = finished(started(folder, "fetch", str(urls)))
        peer = run_peer("scrapy", "scrapy_pages", "list", str(urls), AT_ONCE)
    _check_same("the fetch layer and Scrapy", (ours["pages"], ours["bytes"]), (peer["pages"], peer["bytes"]))
    _say("fetch", ours, peer)
    return _beside(len(site.allowed), ours, peer)


def _crawled(site: Site, folder: Path) -> dict[str, Any]:
    """The engine and Scrapy from the index on, and the engine again with 1 % of the pages changed."""
    home = folder / "crawl"
    with serving(site, folder / "crawl.log") as port:
        base = f"http://127.0.0.1:{port}/"
        ours = finished(started(home, "crawl", base, str(len(site.pages))))
    with serving(site, folder / "scrapy.log", port):
        peer = run_peer("scrapy", "scrapy_pages", "follow", base + "index.html", AT_ONCE)
    _say("crawl", ours, peer)
    later = _edited(site)
    with serving(later, folder / "again.log", port):
        again = finished(started(home, "crawl", base, str(len(site.pages))))
    first, second = requests(folder / "crawl.log"), requests(folder / "again.log")
    _check_same("the first crawl and the site", _got(base, home, len(site.pages)), len(site.allowed) + len(site.lists))
    return {
        **_beside(len(site.allowed), ours, peer),
        "recrawl_bytes": round(_sent(second) / _sent(first), 4),
        "requests": [len(first), len(second)],
        "bytes": [_sent(first), _sent(second)],
        "cpu_s": [ours["cpu_s"], again["cpu_s"]],
        "wall_s": [ours["wall_s"], again["wall_s"]],
        "changed": len(later.changed),
        "sent_whole": sum(one.status == 200 for one in second),
        "violations": violations(first, 0) + violations(second, 0),
    }


def _beside(count: int, ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    ratio = round(peer["cpu_s"] / ours["cpu_s"], 1)
    return {"pages_per_cpu_s": round(count / ours["cpu_s"], 1), "ratio": ratio, "ours": ours, "scrapy": peer}


def _edited(site: Site) -> Site:
    """The site with 1 % of its pages changed."""
    chosen = set(ranked([(path, b"") for path in site.allowed], "changed")[: max(1, len(site.allowed) // 100)])
    changed = {path: edited(body) if path in chosen else body for path, body in site.pages.items()}
    return Site(changed, frozenset(chosen), site.manner)


def _got(base: str, home: Path, count: int) -> int:
    return len(snapshot(base, home, count))


def _sent(asked: list[Request]) -> int:
    return sum(one.sent for one in asked)


def violations(asked: list[Request], delay: float, *, closed: bool = False) -> int:
    """Requests that robots.txt forbids (all but those for it where the site is `closed`), too soon, or in parallel."""
    forbidden = sum(one.path != "/robots.txt" and (closed or is_forbidden(one.path)) for one in asked)
    soon = sum(later.arrived - one.arrived < delay - EARLY for one, later in pairwise(asked))
    return forbidden + soon + sum(one.beside > 0 for one in asked)


def _polite(found: list[Page], folder: Path) -> dict[str, Any]:
    """A site that asks for a pause, and one whose robots.txt cannot be had: crawled, and by Scrapy one at a time."""
    results: dict[str, Any] = {}
    for name, manner in (("", Manner(delay=DELAY, hold=0.01)), ("_503", Manner(robots_status=503, hold=0.01))):
        site = Site(_paths(found), manner=manner)
        closed = manner.robots_status != 200
        with serving(site, folder / f"ours{name}.log") as port:
            base = f"http://127.0.0.1:{port}/"
            process = started(folder / f"polite{name}", "crawl", base, str(len(found)))
            process.communicate()  # a closed site gives no page, which is an error
        with serving(site, folder / f"scrapy{name}.log", port):
            run_peer("scrapy", "scrapy_pages", "follow", base + "index.html", "1")
        for who in ("ours", "scrapy"):
            asked = requests(folder / f"{who}{name}.log")
            broken = violations(asked, manner.delay, closed=closed)
            results[who + name] = {"requests": len(asked), "violations": broken}
    return results


def _check_same(what: str, one: Any, other: Any) -> None:
    if one != other:
        raise SystemExit(f"{what} do not agree: {one} and {other}")


def _say(name: str, ours: dict[str, Any], peer: dict[str, Any]) -> None:
    print(f"{name:<8} {ours['cpu_s']:>8.2f} CPU-s, Scrapy {peer['cpu_s']:.2f}", file=sys.stderr, flush=True)
