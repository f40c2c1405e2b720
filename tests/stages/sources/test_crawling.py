"""The engine of a crawl: sitemaps and feeds, scope, budgets, hosts side by side, versions, and what is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from catalog.errors import SourceError
from stages.sources.kinds.site import outcome_lines
from stages.sources.log import CrawlLog, snapshot_of
from stages.sources.settings.site import HostBudget, Schedule
from stages.sources.visiting import Visitor
from tests.stages.sources.crawled import link, outcomes, record_site, source
from tests.stages.websites import Website, hosted, redirect

NOW = {"schedule": Schedule(days=1e-9, shortest=1e-9)}  # every page is due at once
RSS = '<rss version="2.0"><channel><title>t</title>{}</channel></rss>'


def xml(text: str) -> Any:
    """A reply of XML, with the site's own address where `{host}` stands."""
    return lambda request: web.Response(text=text.replace("{host}", request.host), content_type="text/xml")


def sitemap(*entries: str, root: str = "urlset", item: str = "url") -> Any:
    """A sitemap of paths, each perhaps with a lastmod after a blank."""
    named = [(entry.partition(" ")[0], entry.partition(" ")[2]) for entry in entries]
    dated = [(path, f"<lastmod>{date}</lastmod>" if date else "") for path, date in named]
    places = "".join(f"<{item}><loc>http://{{host}}{path}</loc>{date}</{item}>" for path, date in dated)
    return xml(f"<{root}>{places}</{root}>")


def rows(log: CrawlLog, name: str) -> list[dict[str, Any]]:
    """The rows of the log for one path, oldest first."""
    return [row for row in log.fetches("site") if row["uri"].endswith(f"/docs/{name}")]


@pytest.mark.parametrize(
    ("robots", "extra", "asked"),
    [
        ("", {}, {"/sitemap.xml"}),
        ("Sitemap: /maps/one.xml\nUser-agent: *\n", {}, {"/sitemap.xml", "/maps/one.xml"}),
        ("Sitemap: http://elsewhere.test/s.xml", {}, {"/sitemap.xml"}),
        ("User-agent: *\nDisallow: /sitemap.xml", {}, set()),
        ("Sitemap: /maps/one.xml", {"sitemaps": ()}, set()),
        ("", {"sitemaps": ("/listed.xml",)}, {"/listed.xml"}),
    ],
)
def test_sitemaps_are_found_or_listed(tmp_path: Path, robots: str, extra: dict[str, Any], asked: set[str]) -> None:
    """robots.txt and the usual place, or params.yaml alone; only on the site's own hosts, and robots.txt holds."""
    with hosted({"/robots.txt": robots, "/docs/": "x"}) as host:
        record_site(source(host.port, **{"sitemaps": None, **extra}), log := CrawlLog(tmp_path))
    assert set(host.asked) - {"/robots.txt", "/docs/"} == asked
    assert snapshot_of(log.fetches("site")).failed == {}, "a sitemap is no document, so it is none that failed"  # type: ignore[union-attr]


def test_pages_of_sitemaps_are_crawled(tmp_path: Path) -> None:
    """Through an index, also gzipped ones; what lies out of scope is not asked for; a broken one costs nothing else."""
    replies = {
        "/docs/": "x",
        "/docs/deep": "d",
        "/docs/a": "a",
        "/sitemap.xml": sitemap("/one.xml", "/broken.xml", "/gone.xml", root="sitemapindex", item="sitemap"),
        "/one.xml": sitemap("/docs/a", "/docs/deep", "/outside", "/docs/pic.png"),
        "/broken.xml": xml("<urlset><url>"),
    }
    with hosted(replies) as host:
        record_site(source(host.port, sitemaps=None), log := CrawlLog(tmp_path))
    found = outcomes(log, host.port)
    assert {found[name] for name in ("", "a", "deep")} == {"captured"} and found["pic.png"] == "skipped:extension"
    assert "/outside" not in host.asked
    lists = [row["outcome"] for row in log.fetches("site") if row["uri"].endswith(".xml")]
    assert sorted(lists) == [
        "skipped:sitemap", "skipped:sitemap", "skipped:sitemap: not well-formed XML", "skipped:sitemap: status 404",
    ]  # fmt: skip


@pytest.mark.parametrize("feeds", [None, ("/docs/news.xml",), ()])
def test_feeds_are_announced_by_pages_or_listed(tmp_path: Path, feeds: tuple[str, ...] | None) -> None:
    """Their items are pages of the site; with `[]` no feed is asked for."""
    item = "<item><link>http://{host}/docs/item</link></item>"
    replies = {
        "/docs/": '<link rel="alternate" type="application/rss+xml" href="news.xml">',
        "/docs/news.xml": xml(RSS.format(item)),
        "/docs/item": "i",
    }
    with hosted(replies) as host:
        record_site(source(host.port, feeds=feeds), log := CrawlLog(tmp_path))
    found = outcomes(log, host.port)
    assert found == (
        {"": "captured"} if feeds == () else {"": "captured", "news.xml": "skipped:feed", "item": "captured"}
    )


@pytest.mark.parametrize(
    ("scope", "taken"),
    [
        ({}, {"", "a.html", "b.html", "b.html?q=1"}),
        ({"include": ("*/docs/", "*a.html")}, {"", "a.html"}),
        ({"exclude": ("*[?]*", "*?q=*")}, {"", "a.html", "b.html"}),
        ({"include": ("*.html", "*/"), "exclude": ("*/b*",)}, {"", "a.html"}),
    ],
)
def test_globs_bound_the_scope(tmp_path: Path, scope: dict[str, Any], taken: set[str]) -> None:
    """A page matches an include glob, if there are any, and no exclude glob; others are not asked for."""
    replies = {"/docs/": link("a.html", "b.html", "b.html?q=1")} | {f"/docs/{name}": "x" for name in taken - {""}}
    with hosted(replies) as host:
        record_site(source(host.port, **scope), log := CrawlLog(tmp_path))
    assert set(outcomes(log, host.port)) == taken == {path.removeprefix("/docs/") for path in host.asked[1:]}


@pytest.mark.parametrize(
    ("bounds", "pages", "reason"),
    [
        ({"budget": HostBudget(pages=2)}, 2, "pages of the host"),
        ({"budget": HostBudget(bytes=150)}, 2, "bytes of the host"),
        ({"budget": HostBudget(seconds=1e-6)}, 1, "seconds of the host"),
        ({"domain_pages": 3}, 3, "pages of the domain"),
        ({"max_pages": 4}, 4, "pages"),
    ],
)
def test_budgets_end_a_crawl_and_say_so(tmp_path: Path, bounds: dict[str, Any], pages: int, reason: str) -> None:
    """What was not asked for is in the log with the budget that was used up."""
    replies = {"/docs/": link(*"abcde")} | {f"/docs/{name}": "x" * 100 for name in "abcde"}
    with hosted(replies) as host:
        record_site(source(host.port, **bounds), log := CrawlLog(tmp_path))
    found = list(outcomes(log, host.port).values())
    assert found.count("captured") == pages == len(host.asked) - 1
    assert found.count(f"skipped:limit of {reason}") == 6 - pages


def test_a_limit_of_requests_holds_over_interruptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What processes before this one asked for counts: 13 requests for the one page that is wanted, and no more."""
    replies: dict[str, object] = {"/docs/": link(*map(str, range(40)))}
    asked, most = [0], 5
    visit = Visitor.visit

    async def dying(self: Visitor, *rest: Any) -> None:
        asked[0] += 1
        if asked[0] > most:
            raise RuntimeError("killed")
        await visit(self, *rest)

    with hosted(replies) as host:
        site, log = source(host.port, max_pages=1, seeds=tuple(map(str, range(40)))), CrawlLog(tmp_path)
        for _ in range(2):
            asked[0] = 0
            with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed"):
                patched.setattr(Visitor, "visit", dying)
                record_site(site, log)
        with pytest.raises(SourceError, match="no page could be captured"):
            record_site(site, log)
    assert sum(path != "/robots.txt" for path in host.asked) == 13


def test_hosts_are_crawled_side_by_side(tmp_path: Path) -> None:
    """Each at its own pace and by its own robots.txt: a slow host delays no other."""

    def slow(name: str) -> Website:
        return Website({"/robots.txt": f"User-agent: *\nCrawl-delay: 0.2\nDisallow: /docs/{name}"})

    with hosted({}) as one, hosted({}) as two:
        for host, other, closed in ((one, two, "x"), (two, one, "y")):
            host.replies = {
                "/docs/": link("x", "y", "z", f"http://127.0.0.1:{other.port}/docs/"), "/docs/x": "x", "/docs/y": "y",
                "/docs/z": "z", **slow(closed).replies,
            }  # fmt: skip
        site = source(one.port, also=(f"http://127.0.0.1:{two.port}/docs/",))
        record_site(site, log := CrawlLog(tmp_path))
    assert sorted(one.asked) == ["/docs/", "/docs/y", "/docs/z", "/robots.txt"]
    assert sorted(two.asked) == ["/docs/", "/docs/x", "/docs/z", "/robots.txt"]
    rows = [row for row in log.fetches("site") if row["status"] == 200]
    times = [[row["fetched_at"] for row in rows if f":{host.port}/" in row["uri"]] for host in (one, two)]
    assert max(map(min, times)) < min(map(max, times)), "one after the other"


def test_redirects_are_in_the_rows(tmp_path: Path) -> None:
    """Where each leads, and for the page at the end the whole way there; ten are followed, not eleven."""
    replies = {"/docs/": link("a", "r0"), "/docs/a": redirect("b"), "/docs/b": redirect("/docs/c"), "/docs/c": "end"}
    replies |= {f"/docs/r{number}": redirect(f"r{number + 1}") for number in range(12)}
    with hosted(replies) as host:
        record_site(source(host.port), log := CrawlLog(tmp_path))
    base = f"http://127.0.0.1:{host.port}/docs/"
    (end,) = rows(log, "c")
    assert (end["outcome"], end["chain"], end["depth"]) == ("captured", [base + "a", base + "b"], 1)
    assert rows(log, "a")[0]["location"] == base + "b"
    assert outcomes(log, host.port)["r10"] == "failed:too many redirects" and "/docs/r11" not in host.asked


def test_versions_and_revisits_are_rows_not_copies(tmp_path: Path) -> None:
    """Unchanged by 304 or by digest, changed, changed back: the log tells which, and holds each body once."""
    bodies = {"plain": "one", "tagged": "two"}

    def tagged(request: Any) -> web.Response:
        etag = f'"{bodies["tagged"]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(text=bodies["tagged"], content_type="text/html", headers={"ETag": etag})

    replies = {"/docs/": link("plain", "tagged"), "/docs/plain": lambda _: bodies["plain"], "/docs/tagged": tagged}
    log = CrawlLog(tmp_path)
    runs = []
    with hosted(replies) as host:
        for body in ("one", "one", "other", "one"):
            bodies["plain"] = body
            runs.append(record_site(source(host.port), log))
    plain, marked = rows(log, "plain"), rows(log, "tagged")
    assert [row["outcome"] for row in plain] == ["captured", "unchanged", "captured", "captured"]
    assert [row["revisit"] for row in plain] == [None, "same-digest", None, "identical-digest"]
    assert [row["revisit"] for row in marked] == [None, "not-modified", "not-modified", "not-modified"]
    first = plain[0]["body_digest"]
    assert [row["previous_digest"] for row in plain] == [None, None, first, plain[2]["body_digest"]]
    assert plain[3]["body_digest"] == first
    assert len(log.files("pages")) == 2, "the version that came back is there already"
    lines = outcome_lines(log.fetches("site"), runs[2])
    assert lines[0] == "1 captured, 2 unchanged" and lines[1].startswith(f"changed: {plain[0]['uri']} was {first[:12]}")


def test_only_what_is_due_is_asked_for(tmp_path: Path) -> None:
    """`due`: nothing on the same day; what a sitemap says has changed since; every page once its time has come."""
    dates = {"a": "2001-01-01", "b": ""}
    replies = {
        "/docs/": link("a", "b"), "/docs/a": lambda _: f"a {dates['a']}" + link("new"), "/docs/b": "b",
        "/docs/new": "n", "/sitemap.xml": lambda request: sitemap(f"/docs/a {dates['a']}")(request),
    }  # fmt: skip
    log = CrawlLog(tmp_path)
    with hosted(replies) as host:
        record_site(source(host.port, sitemaps=None), log)

        def asked(**options: Any) -> list[str]:
            host.asked.clear()
            record_site(source(host.port, sitemaps=None, **options), log, due=True)
            return sorted(path for path in host.asked if "docs" in path)

        assert asked() == []
        dates["a"] = "2999-01-01"
        assert asked() == ["/docs/a"]
        assert asked(**NOW) == ["/docs/", "/docs/a", "/docs/b", "/docs/new"]


def test_a_failed_recrawl_changes_nothing(tmp_path: Path) -> None:
    """A host that is down: the error says so, the log has no row of it, and the snapshot stays."""
    log = CrawlLog(tmp_path)
    with hosted({"/docs/": "x"}) as host:
        record_site(site := source(host.port), log)
        before = log.fetches("site")
        host.replies = {"/robots.txt": 503}
        with pytest.raises(SourceError, match=r"robots.txt answers 503"):
            record_site(site, log)
    assert log.fetches("site") == before and not list((tmp_path / "frontier").glob("*.sqlite*"))


def test_a_host_that_asks_to_be_left_alone_is(tmp_path: Path) -> None:
    """After a Retry-After of an hour no further request is made; what waits is recorded."""
    replies = {
        "/docs/": link("a", "b"),
        "/docs/a": lambda _: web.Response(status=503, headers={"Retry-After": "3600"}),
        "/docs/b": "b",
    }
    with hosted(replies) as host:
        record_site(source(host.port), log := CrawlLog(tmp_path))
    assert "/docs/b" not in host.asked
    assert outcomes(log, host.port)["b"] == "failed:host asks to be left alone"


def test_traps_are_refused_with_their_reason(tmp_path: Path) -> None:
    """A path that repeats itself is no new page."""
    with hosted({"/docs/": link("x/x/x/x/", "b"), "/docs/b": "b"}) as host:
        record_site(source(host.port), log := CrawlLog(tmp_path))
    assert outcomes(log, host.port) == {
        "": "captured", "b": "captured", "x/x/x/x/": "skipped:trap: repeated path segments",
    }  # fmt: skip


def test_what_a_site_says_of_its_rights_is_kept_with_its_time(tmp_path: Path) -> None:
    """From robots.txt, well-known file, header and page; what changes later is seen though the body stayed."""

    def reserved(request: Any) -> web.Response:
        if request.headers.get("If-None-Match"):
            return web.Response(status=304, headers={"ETag": '"1"'})
        headers = {"ETag": '"1"', "X-Robots-Tag": "noai", "Content-Type": "text/html"}
        return web.Response(text='<link rel="license" href="/mit">', headers=headers)

    replies: dict[str, object] = {"/docs/": reserved, "/robots.txt": "User-agent: GPTBot\nAllow: /"}
    log = CrawlLog(tmp_path)
    found = []
    with hosted(replies) as host:
        for robots in ("Allow", "Disallow"):
            replies["/robots.txt"] = f"User-agent: GPTBot\n{robots}: /"
            replies["/.well-known/tdmrep.json"] = web.json_response([{"location": "/", "tdm-reservation": 1}])
            record_site(source(host.port, well_known=True), log)
            snapshot = snapshot_of(log.fetches("site"))
            assert snapshot
            (rights,) = snapshot.rights.values()
            found.append({(one["signal"], one["value"], one["where"]) for one in rights})
    always = {
        ("x-robots-tag", "noai", "header"), ("licence", "/mit", "link"),
        ("tdm-reservation", "1", "/.well-known/tdmrep.json"),
    }  # fmt: skip
    assert found[0] == always | {("robots", "GPTBot: allow", "robots.txt")}
    assert found[1] == always | {("robots", "GPTBot: disallow", "robots.txt")}
    assert [row["revisit"] for row in rows(log, "")] == [None, "not-modified"]
