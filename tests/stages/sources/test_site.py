"""Crawling: scope, limits, robots.txt, the log, its replay and refetches; over real HTTP on loopback."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiohttp import web

from catalog.errors import SourceError
from stages.sources.captures import Origin
from stages.sources.log import CrawlLog
from stages.sources.replay import replay_site
from stages.sources.settings.archive import Pinned
from stages.sources.settings.site import Served, SiteSource, crawl_digest
from stages.sources.site import served_files
from tests.stages.sources.crawled import link, outcomes, record_site, source
from tests.stages.websites import hosted, redirect


def replayed(log: CrawlLog, site: SiteSource) -> dict[str, pa.Table]:
    """The tables that the stage gets from the log."""
    snapshot = log.snapshot(site.name, crawl_digest(site))
    assert snapshot
    origin = Origin(source=site.name, licence=site.licence)
    return {name: table for name, _, table in replay_site(snapshot, log.files("pages"), params=origin)}


def test_a_crawl_visits_what_is_in_scope(tmp_path: Path) -> None:
    """Breadth first; other hosts and folders, images and repeated links are not fetched; every URL has an outcome."""
    replies = {
        "/docs/": link("a", "b#part", "b", "pic.png", "/other/", "http://elsewhere.test/", "old", "gone", "data"),
        "/docs/a": link("c", "a"),
        "/docs/b": "b",
        "/docs/c": "c",
        "/docs/old": redirect("/docs/new"),
        "/docs/new": "new",
        "/docs/data": lambda _: web.json_response({}),
    }
    log = CrawlLog(tmp_path)
    with hosted(replies) as host:
        record_site(site := source(host.port), log)
        names = ("", "a", "b", "old", "gone", "data", "c", "new")
        assert host.asked == ["/robots.txt", *(f"/docs/{name}" for name in names)]
    assert outcomes(log, host.port) == {
        "": "captured", "a": "captured", "b": "captured", "c": "captured", "new": "captured", "old": "skipped:redirect",
        "pic.png": "skipped:extension", "gone": "failed:status 404", "data": "skipped:application/json",
    }  # fmt: skip
    tables = replayed(log, site)
    prefix = f"http://127.0.0.1:{host.port}/docs/"
    assert tables["captures"]["uri"].to_pylist() == [prefix + name for name in ("", "a", "b", "c", "new")]
    assert set(tables["captures"]["status"].to_pylist()) == {200}
    assert tables["quarantine"]["uri"].to_pylist() == [prefix + "gone"]
    assert tables["quarantine"]["error"].to_pylist() == ["status 404"]


@pytest.mark.parametrize(
    ("robots", "error"),
    [
        (503, "answers 503"),
        ("User-agent: *\nDisallow: /docs", "forbids it"),
        (redirect("http://127.0.0.1:1/"), "cannot be reached"),
    ],
)
def test_forbidden_sites_are_not_fetched(tmp_path: Path, robots: object, error: str) -> None:
    """A robots.txt that forbids, fails or cannot be reached stops the crawl, and nothing is recorded."""
    with hosted({"/robots.txt": robots, "/docs/": "secret"}) as host:
        with pytest.raises(SourceError, match=error):
            record_site(source(host.port), CrawlLog(tmp_path))
        assert set(host.asked) == {"/robots.txt"}
    assert CrawlLog(tmp_path).files("fetches") == []


@pytest.mark.parametrize("robots", [404, 403, redirect("/robots2.txt"), "User-agent: *\nDisallow: /docs/private"])
def test_allowed_sites_are(tmp_path: Path, robots: object) -> None:
    """No robots.txt allows all; one that forbids a part forbids that part."""
    rules = "User-agent: *\nDisallow: /docs/private"
    replies = {"/robots.txt": robots, "/robots2.txt": rules, "/docs/": link("private")}
    with hosted(replies) as host:
        record_site(source(host.port), CrawlLog(tmp_path))
    expected = "failed:status 404" if isinstance(robots, int) else "failed:robots.txt forbids it"
    assert outcomes(CrawlLog(tmp_path), host.port) == {"": "captured", "private": expected}


def test_limits_hold_against_a_trap(tmp_path: Path) -> None:
    """An endless calendar ends at max_pages, an endless depth at max_depth; what was left out is recorded."""

    def calendar(request: Any) -> str:
        day = int(request.query.get("day", 0))
        return link(*(f"?day={day * 10 + next_day}" for next_day in range(1, 10)))

    class Endless(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
            return calendar if key.startswith("/docs/") else default

    log = CrawlLog(tmp_path)
    with hosted(Endless()) as host:
        record_site(source(host.port, max_pages=12), log)
        assert len(host.asked) == 13
    counts = list(outcomes(log, host.port).values())
    assert counts.count("captured") == 12 and counts.count("skipped:limit of pages") > 50
    with hosted(Endless()) as host:
        record_site(source(host.port, max_depth=1), CrawlLog(tmp_path / "deep"))
        assert len(host.asked) == 1 + 1 + 9


def test_a_refetch_asks_conditionally_and_changes_only_what_changed(tmp_path: Path) -> None:
    """Unchanged pages cost a 304, links are still followed, the snapshot has the latest good version of each page."""
    versions = {"a": "one", "b": "two"}

    def page(name: str) -> Any:
        def reply(request: Any) -> Any:
            body, etag = versions.get(name), f'"{versions.get(name)}"'
            if body is None:
                return web.Response(status=500)
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers={"ETag": etag})
            headers = {"ETag": etag, **({"Content-Language": "de-AT, en"} if name == "b" else {})}
            return web.Response(text=body, content_type="text/html", headers=headers)

        return reply

    log = CrawlLog(tmp_path)
    with hosted({"/docs/": link("a", "b"), "/docs/a": page("a"), "/docs/b": page("b")}) as host:
        site = source(host.port)
        record_site(site, log)
        before = log.snapshot(site.name, crawl_digest(site))
        record_site(site, log)
        assert log.snapshot(site.name, crawl_digest(site)) == before
        assert outcomes(log, host.port) == {"": "unchanged", "a": "unchanged", "b": "unchanged"}
        assert len(log.files("pages")) == 1
        versions["a"], versions["b"] = "one, revised", None  # type: ignore[assignment]
        record_site(site, log)
    tables = replayed(log, site)
    assert tables["captures"]["body"].to_pylist() == [link("a", "b").encode(), b"one, revised", b"two"]
    assert tables["captures"]["content_language"].to_pylist() == [None, None, "de-AT, en"], "a 304 need not repeat it"
    assert "quarantine" not in tables and len(log.files("pages")) == 2


def test_equal_answers_give_equal_pages(tmp_path: Path) -> None:
    """Two crawls of one site into two logs give page files of the same name and bytes."""
    with hosted({"/docs/": link("b", "a"), "/docs/a": "a", "/docs/b": "b"}) as host:
        for name in ("one", "two"):
            record_site(source(host.port), CrawlLog(tmp_path / name))
    one, two = (CrawlLog(tmp_path / name).files("pages") for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert one[0].read_bytes() == two[0].read_bytes()


def test_settings_that_decide_the_content_start_a_new_crawl() -> None:
    """More pages, another user agent: a new crawl; another pause or licence: the same."""
    base = source(1)
    assert crawl_digest(base) == crawl_digest(source(1, delay=9.0, timeout=1.0, attempts=9))
    for change in ({"max_pages": 7}, {"user_agent": "other"}, {"seeds": ("x",)}, {"max_depth": 1}):
        assert crawl_digest(base) != crawl_digest(source(1, **change))


@pytest.fixture
def manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """An archive with a small website in a folder."""
    monkeypatch.chdir(tmp_path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("pkg/help/index.html", link("sub/page.html", "style.css", "search.html?q=1"))
        archive.writestr("pkg/help/sub/page.html", link("../index.html"))
        archive.writestr("pkg/help/style.css", "css")
        archive.writestr("pkg/secret.html", "outside of the folder")
    Path("pkg.zip").write_bytes(out.getvalue())
    return Served(archive=Pinned(path="pkg.zip"), prefix="pkg/help/")


def test_an_archive_folder_is_crawled_as_a_website(manual: Served) -> None:
    """URIs are those of the virtual base, whatever port was used, so two crawls agree."""
    site = SiteSource(
        name="manual", licence="MIT", base="http://manual.test/", seeds=("index.html",), delay=0.0, serve=manual
    )
    captures = []
    for name in ("one", "two"):
        record_site(site, CrawlLog(Path(name)))
        captures.append(replayed(CrawlLog(Path(name)), site)["captures"])
    assert captures[0].equals(captures[1])
    assert captures[0]["uri"].to_pylist() == ["http://manual.test/index.html", "http://manual.test/sub/page.html"]


def test_a_folder_that_is_not_there_is_a_clear_error(manual: Served) -> None:
    """The message names the prefix."""
    assert set(served_files(manual)) == {"index.html", "sub/page.html", "style.css"}
    with pytest.raises(SourceError, match="no member below `prefix: nowhere/`"):
        served_files(Served(archive=manual.archive, prefix="nowhere/"))
