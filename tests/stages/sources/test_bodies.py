"""Bodies stand in the crawl log once, whichever addresses have them: replayed, forgotten, lost, and asked for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from catalog.digests import document_id
from catalog.schema import CAPTURES
from stages.sources.captures import Origin
from stages.sources.log import CrawlLog, read_log, snapshot_of
from stages.sources.replay import replay_site
from stages.sources.settings.site import utc_now
from tests.stages.sources.crawled import link, record_site, source
from tests.stages.websites import hosted


def declared(charset: str, **headers: str) -> Any:
    """A page whose body says `same`."""
    given = {"Content-Type": f"text/html; charset={charset}", **headers}
    return lambda _: web.Response(body=b"same", headers=given)


def replayed(log: CrawlLog, as_of: str | None = None) -> dict[str, tuple[bytes, str | None]]:
    """Path -> (body, charset) of the captures that the log gives; what is quarantined has its error in their place."""
    snapshot = snapshot_of(log.fetches("site"), as_of)
    assert snapshot
    tables = list(replay_site(snapshot, log.files("pages"), params=Origin(source="site", licence="MIT")))
    rows = [row for _, _, table in tables for row in table.to_pylist() if "uri" in row]
    pages = {row["uri"]: (row["body"], row["charset"]) if "body" in row else (row["error"], None) for row in rows}
    return {uri.rpartition("/")[2]: page for uri, page in pages.items()}


def kinds(log: CrawlLog, name: str, column: str) -> list[Any]:
    """A column of the rows of a path, oldest first."""
    return [row[column] for row in log.fetches("site") if row["uri"].endswith(f"/docs/{name}")]


def test_a_body_is_stored_once_whoever_has_it(tmp_path: Path) -> None:
    """Each address keeps its capture, with its own charset; forgetting one passes the body on; the past stays right."""
    log, names = CrawlLog(tmp_path), ("a", "b", "c")
    replies = {"/docs/": link(*names), "/docs/a": declared("utf-8"), "/docs/b": declared("latin-1"), "/docs/c": "own"}
    with hosted(replies) as host:
        record_site(source(host.port), log)
        between = utc_now()
        assert [kinds(log, name, "revisit") for name in names] == [[None], ["identical-digest"], [None]]
        stored = [row["body"] for path in log.files("pages") for row in read_log(path, CAPTURES).to_pylist()]
        assert sorted(stored) == sorted([link(*names).encode(), b"own", b"same"])
        first = replayed(log)
        assert [first[name] for name in names] == [(b"same", "utf-8"), (b"same", "latin-1"), (b"own", "utf-8")]
        replies["/docs/c"] = declared("utf-8")
        record_site(source(host.port), log)
        assert (replayed(log, between), replayed(log)) == (first, first | {"c": (b"same", "utf-8")})
        holder = frozenset([document_id(f"http://127.0.0.1:{host.port}/docs/a")])
        assert log.forget(holder) == 3, "a body, which passed on, and two fetches"
        left = {name: page for name, page in first.items() if name != "a"}
        assert (replayed(log, between), replayed(log)) == (left, left | {"c": (b"same", "utf-8")})
        assert log.forget(holder) == 0 and "/docs/a" not in str([log.fetches("site"), replayed(log)])
        record_site(source(host.port), log, forgotten=holder)
        assert kinds(log, "b", "outcome") == ["captured", "unchanged", "unchanged"]
        assert replayed(log)["b"] == (b"same", "latin-1")


def test_a_page_whose_body_is_gone_is_seen_and_asked_for_again(tmp_path: Path) -> None:
    """It stands in the quarantine with the next command, which stores its body, whatever validator the log has."""
    with hosted({"/docs/": declared("utf-8", ETag='"1"')}) as host:
        record_site(source(host.port), log := CrawlLog(tmp_path))
        for path in log.files("pages"):
            path.unlink()
        assert "no body of it any more; `gristmill recrawl` asks" in str(replayed(log)[""][0])
        record_site(source(host.port), log)
        assert replayed(log)[""] == (b"same", "utf-8") and "If-None-Match" not in host.headers[-1]
