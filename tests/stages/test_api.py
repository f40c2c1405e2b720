"""Interfaces: paths and bounds, paging, limits, what a second run asks for, secrets, forgetting; over real HTTP."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree  # type: ignore[import-untyped]

from catalog.digests import document_id
from catalog.errors import SourceError
from catalog.layout import TRACES
from stages.crawl import main
from stages.sources.api.answers import Tree, UnreadableAnswer, parsed
from stages.sources.api.asking import Asker
from stages.sources.api.forget import forget_records
from stages.sources.api.limits import exhausted_for, headers_of, pause_between
from stages.sources.api.paging import NoWayOn, Page, next_url
from stages.sources.api.records import Deleted, read_records
from stages.sources.formats import Broken
from stages.sources.log import CrawlLog
from stages.sources.parse import parse_sources
from stages.sources.rows import Row
from stages.sources.settings.records import Column, Gone, Records
from tests.stages.api_answers import DELETED, EN, GITHUB, STACKEXCHANGE, ZH, dublin, oai, oai_record
from tests.stages.interfaces import Reply, answers_kept, api_source, ask, broken, documents, outcomes, served

TREE = {"a": {"b": [{"c": 1}, {"c": None}, {"c": "x"}], "odd.key": True}, "list": [[1, 2], [3]], "none": None}
NOTES = {"licence": "CC0-1.0", "path": "/notes", "records": {"path": "notes", "id": "id", "text": "text"}}


def notes(*numbers: int, **more: Any) -> dict[str, Any]:
    """A page of a made-up interface."""
    return {"notes": [{"id": f"note:{number}", "text": f"note {number}"} for number in numbers]} | more


def numbered(*numbers: int) -> dict[str, str]:
    """The documents of those notes."""
    return {f"note:{number}": f"note {number}" for number in numbers}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[*].c", [1, "x"]), ("a.b[-1].c", ["x"]), ("a.b[0]", [{"c": 1}]), ("a.b[9].c", []), ("a[0]", []),
        ("none", []), ('a["odd.key"]', [True]), ("list[*]", [1, 2, 3]), ("list[1]", [3]), ("x | a.b[2].c", ["x"]),
        ("a.b.c", []),
        ("", [TREE]),
    ],
)  # fmt: skip
def test_a_path_finds_what_stands_there(path: str, found: list[Any]) -> None:
    """Keys, positions from either end, `*`, quoted keys and alternatives; what is not there is nothing."""
    assert Tree(TREE).at(path) == found


def test_xml_is_walked_by_xpath_with_namespaces() -> None:
    """Elements, attributes and counts."""
    tree = parsed(b'<a xmlns="u:1"><b c="2">x<i>y</i></b></a>', "xml", {"n": "u:1"})
    assert tree.texts("//n:b") == ["xy"] and tree.texts("//n:b/@c") == ["2"] and tree.texts("count(//n:b)") == ["1"]


BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"[" * 101 + b"]" * 101, "json", "nested more than 100 deep"),
        (b"[" * 5_000_000, "json", "nested more than 100 deep"),
        (b'{"a":' * 200_000, "json", "nested more than 100 deep"),
        (b'"' + b"\\" * 3_000_001, "json", "not JSON"),
        (b'"\\"' * 500_000, "json", "not JSON"),
        (b"<html>Service Unavailable</html>", "json", "not JSON"),
        (b"[NaN]", "json", "NaN is no number"),
        (b'{"a": "\xff"}', "json", "not JSON"),
        (b"[" + b"9" * 100_000 + b"]", "json", "not JSON"),
        (b"{}", "xml", "not XML"),
        (BOMB, "xml", "declares entities"),
        (FILE, "xml", "declares entities"),
        (b"<a>" * 1000 + b"</a>" * 1000, "xml", "not XML"),
        (b"<a " + b"".join(b'b%d="" ' % n for n in range(20_000)) + b"/>", "xml", "a tag of more than"),
    ],
)
def test_bombs_are_unreadable_answers(body: bytes, kind: Any, error: str) -> None:
    """Depth, entities, huge numbers and huge tags end at once, with a reason."""
    with pytest.raises(UnreadableAnswer, match=error):
        parsed(body, kind, {})


READING = Records(
    path="r", id="id", uri="x:{id}", text=Column(path="text", transform="plain"), licence="rights",
    meta={"n": Column(path="n[*]", join="+"), "v": Column(path="id", match="v([0-9]+)$")},
    gone=Gone(path="state", values=("gone", "true")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("record", "uri", "outcome"),
    [
        ({"id": "av2", "text": "a<p>b &lt; c</p>", "rights": "CC0", "n": [1, 2]}, "x:av2", "a\nb < c"),
        ({"id": 7, "text": "t"}, "x:7", "t"),
        ({"id": "a", "text": "  "}, "x:a", "no text at text"),
        ({"id": "a", "text": None}, "x:a", "no text at text"),
        ({"text": "t"}, None, "no id at id"),
        ({"id": "a b", "text": "t"}, None, "not printable"),
        ({"id": "a" * 3000, "text": "t"}, None, "longer than 2048"),
        ({"id": "a", "text": "\ud800"}, "x:a", "surrogates not allowed"),
        ({"id": "\ud800", "text": "t"}, None, ""),
        ({"id": "a", "state": "gone"}, "x:a", None),
        ({"id": "a", "state": True, "text": "t"}, "x:a", None),
        ("no object", None, "no id at id"),
    ],
)
def test_a_record_is_a_document_or_deleted_or_says_why_not(record: Any, uri: str | None, outcome: str | None) -> None:
    """One record, one outcome; one without a readable id is named by its page and content."""
    body = json.dumps({"r": [record]}).encode()
    (found,) = read_records("http://a.test/", body, "application/json", None, READING)
    assert found.uri == uri if uri else found.uri.startswith("http://a.test/#")
    if outcome is None:
        assert isinstance(found.row, Deleted)
    elif isinstance(found.row, Broken):
        assert outcome in found.row.error
    else:
        assert isinstance(found.row, Row) and found.row.body.decode() == outcome


def test_meta_is_canonical_and_holds_the_licence_of_the_record() -> None:
    """Columns that are empty are left out; several values are joined."""
    body = json.dumps({"r": [{"id": "av2", "text": "t", "rights": "CC0", "n": [1, 2]}]}).encode()
    (found,) = read_records("http://a.test/", body, "application/json", None, READING)
    assert isinstance(found.row, Row) and found.row.meta == '{"licence":"CC0","n":"1+2","v":"2"}'


BASE = "https://a.test"
LIST = f"{BASE}/list?"
URL = f"{LIST}q=x&page=1"


def linked(header: str) -> dict[str, Any]:
    """A page with a Link header."""
    return {"headers": {"link": header}}


@pytest.mark.parametrize(
    ("paging", "page", "following"),
    [
        ({"kind": "none"}, {}, None),
        ({"kind": "page", "param": "page", "start": 1}, {}, f"{LIST}q=x&page=2"),
        ({"kind": "page", "param": "page", "start": 1, "size": 3}, {}, None),
        ({"kind": "page", "param": "page", "start": 1}, {"number": 0}, None),
        ({"kind": "page", "param": "page", "more": "more"}, {"body": {"more": False}}, None),
        ({"kind": "page", "param": "page", "more": "more"}, {"body": {"more": True}}, f"{LIST}q=x&page=2"),
        ({"kind": "offset", "param": "o", "step": 50, "total": "n"}, {"body": {"n": 51}}, f"{LIST}q=x&page=1&o=50"),
        ({"kind": "offset", "param": "o", "step": 50, "total": "n"}, {"body": {"n": "50"}}, None),
        ({"kind": "offset", "param": "o"}, {}, f"{LIST}q=x&page=1&o=2"),
        ({"kind": "offset", "param": "o", "total": "n"}, {"number": 0, "body": {"n": 9}}, NoWayOn),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": "a+b="}}, f"{LIST}q=x&page=1&c=a%2Bb%3D"),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": None}}, None),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": "a"}, "number": 0}, None),
        ({"kind": "cursor", "param": "c", "path": "next", "keep": ["v"]}, {"body": {"next": "a"}}, f"{LIST}v=1&c=a"),
        ({"kind": "cursor", "param": "m", "path": "notes[-1].id"}, {"body": notes(9, 8)}, f"{LIST}q=x&page=1&m=note:8"),
        ({"kind": "merge", "path": "continue"}, {"body": {"continue": {"o": 5, "c": "-||"}}}, f"{LIST}o=5&c=-%7C%7C"),
        ({"kind": "url", "path": "next"}, {"body": {"next": "/list?c=2"}}, f"{LIST}c=2"),
        ({"kind": "url", "path": "next"}, {"body": {"next": "https://evil.test/list"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "http://a.test/list"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "https://a.test@evil.test/"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "//evil.test/"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "file:///etc/passwd"}}, NoWayOn),
        ({"kind": "link"}, linked(f'<{BASE}/l>; rel="last", <{BASE}/2>; title="a, b"; rel="next up"'), f"{BASE}/2"),
        ({"kind": "link"}, linked("</l?p=2>;rel=next"), f"{BASE}/l?p=2"),
        ({"kind": "link"}, linked(f'<{BASE}/l?p=1>; rel="prev"'), None),
        ({"kind": "link"}, linked("<https://evil.test/>; rel=next"), NoWayOn),
        ({"kind": "link"}, linked("<" * 4000 + ";" * 4000), None),
    ],
)  # fmt: skip
def test_a_page_leads_to_the_next(paging: dict[str, Any], page: dict[str, Any], following: Any) -> None:
    """By number, cursor, merged parameters, URL or Link; never to another origin, and an early end is no end."""
    options = NOTES | {"path": "/list", "params": {"v": "1"}, "contact": "mailto:a@b.test"}
    source = api_source(BASE, **options, paging=paging)
    given = Page(
        url=URL, tree=Tree(page.get("body", {})), headers=page.get("headers", {}), number=page.get("number", 2)
    )
    if following is NoWayOn:
        with pytest.raises(NoWayOn):
            next_url(source, given)
    else:
        assert next_url(source, given) == following


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1700000030", 30.0),
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 2023-11-14T22:13:50Z", 30.0),
        (b"x-ratelimit-remaining: 0.0\r\nx-ratelimit-reset: 30", 30.0),
        (b"RateLimit-Remaining: 0\r\nRateLimit-Reset: 30", 30.0),
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1600000000", 0.0),
        (b"X-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 1700000030", 0.0),
        (b"X-RateLimit-Remaining: many\r\nX-RateLimit-Reset: soon", 0.0),
        (b"X-RateLimit-Remaining: 0", 0.0),
        (b"", 0.0),
    ],
)
def test_a_used_up_limit_says_how_long_to_wait(lines: bytes, seconds: float) -> None:
    """As a time since 1970, an ISO date, or seconds from now."""
    assert exhausted_for(headers_of(lines), 1_700_000_000.0) == seconds


def test_requests_per_interval_are_a_pause() -> None:
    """Crossref's headers."""
    assert pause_between(headers_of(b"X-Rate-Limit-Limit: 5\r\nX-Rate-Limit-Interval: 1s")) == 0.2
    assert pause_between(headers_of(b"X-Rate-Limit-Limit: 0\r\nX-Rate-Limit-Interval: 1s")) == 0.0


CURSOR = {"kind": "cursor", "param": "c", "path": "next"}


def three_pages() -> list[Reply]:
    """Three pages of notes by cursor."""
    return [
        Reply("/notes", notes(3, next=""), {"c": "3"}),
        Reply("/notes", notes(2, next="3"), {"c": "2"}),
        Reply("/notes", notes(1, next="2")),
    ]


@pytest.mark.parametrize("killed", range(1, 4))
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: int) -> None:
    """The end is that of an undisturbed run; no answer is asked for more than twice, none is kept twice."""
    monkeypatch.setattr("stages.sources.api.client.FLUSH", 1)
    log, real, count = CrawlLog(tmp_path), Asker.ask, [0]

    async def ask_or_die(self: Asker, *arguments: Any) -> Any:
        count[0] += 1
        if count[0] == killed:
            raise KeyboardInterrupt
        return await real(self, *arguments)

    with served(three_pages()) as interface:
        source = api_source(interface.base, **NOTES, paging=CURSOR)
        monkeypatch.setattr(Asker, "ask", ask_or_die)
        with pytest.raises(KeyboardInterrupt):
            ask(source, log)
        ask(source, log)
        assert documents(source, log) == numbered(1, 2, 3) and answers_kept(log) == 3
        assert len(interface.asked) == 3 and broken(source, log) == {}


def test_a_list_that_cannot_go_on_starts_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cursor that has expired is tried once more, then the list is begun again; the gap is gone with its end."""
    log = CrawlLog(tmp_path)
    with served(three_pages()) as interface:
        source = api_source(interface.base, **NOTES, paging=CURSOR)
        interface.faults = {1: [(400, {}), (400, {})]}
        ask(source, log)
        assert "incomplete" in capsys.readouterr().out and list(broken(source, log).values()) == ["status 400"]
        with pytest.raises(SourceError, match="status 400"):
            ask(source, log)
        assert documents(source, log) == numbered(1)
        ask(source, log)
        assert documents(source, log) == numbered(1, 2, 3) and broken(source, log) == {}
    assert interface.asked == ["/notes", "/notes?c=2", "/notes?c=2", "/notes", "/notes?c=2", "/notes?c=3"]


def test_nothing_is_recorded_where_nothing_was_had(tmp_path: Path) -> None:
    """The error names the source, the URL and the reason."""
    with served([]) as interface, pytest.raises(SourceError, match=r"source api: no answer could be had .*status 404"):
        ask(api_source(interface.base, **NOTES), CrawlLog(tmp_path))
    assert CrawlLog(tmp_path).files("fetches") == []


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("<html>", "not JSON"),
        ({"notes": [], "total": 3}, "an empty page at record 2 of 3"),
        ({"notes": [], "error": "boom\n!"}, "the answer says boom !"),
    ],
)
def test_an_answer_that_is_none_leaves_the_list_incomplete(tmp_path: Path, second: Any, reason: str) -> None:
    """With status 200 and no JSON, no records before the total, or an error inside; the next run closes the gap."""
    log = CrawlLog(tmp_path)
    replies = [Reply("/notes", second, {"o": "2"}), Reply("/notes", notes(1, 2, total=3))]
    with served(replies) as interface:
        paging = {"kind": "offset", "param": "o", "total": "total"}
        source = api_source(interface.base, **NOTES, paging=paging, failures={"error": "error"})
        ask(source, log)
        assert documents(source, log) == numbered(1, 2)
        assert [error[: len(reason)] for error in broken(source, log).values()] == [reason]
        interface.replies = [Reply("/notes", notes(3, total=3), {"o": "2"}), replies[1]]
        ask(source, log)
    assert documents(source, log) == numbered(1, 2, 3) and broken(source, log) == {}


def test_a_list_that_repeats_itself_ends(tmp_path: Path) -> None:
    """The same answer at the same URL, again and again, is a trap."""
    log = CrawlLog(tmp_path)
    with served([Reply("/notes", notes(1, next="2"))]) as interface:
        ask(source := api_source(interface.base, **NOTES, paging=CURSOR), log)
        assert interface.asked == ["/notes", "/notes?c=2", "/notes?c=2"]
    assert documents(source, log) == numbered(1) and list(broken(source, log).values()) == ["the list repeats itself"]


@pytest.mark.parametrize("limit", [{"max_pages": 2}, {"max_records": 2}, {"max_total_bytes": 70}])
@pytest.mark.parametrize("since", [True, False])
def test_limits_end_a_run(tmp_path: Path, limit: dict[str, int], since: bool) -> None:
    """A list that can be continued goes on behind the limit; another one is asked anew from its start."""
    log = CrawlLog(tmp_path)
    options = {"since": {"param": "since", "path": "notes[*].id"}} if since else {}
    with served(three_pages()) as interface:
        source = api_source(interface.base, **NOTES, paging=CURSOR, **limit, **options)
        ask(source, log)
        assert interface.asked == ["/notes", "/notes?c=2"] and documents(source, log) == numbered(1, 2)
        ask(source, log)
        assert interface.asked[2:] == (["/notes?c=3"] if since else ["/notes", "/notes?c=2"])
        if since:
            ask(source, log)
            assert interface.asked[3] == "/notes?since=note:3"


def test_an_oai_repository_is_continued_by_the_servers_clock(tmp_path: Path) -> None:
    """`from` is the date of the first answer; a changed record replaces, a deleted one goes, no news is no error."""
    log, xml = CrawlLog(tmp_path), {"mime": "text/xml"}
    records = [oai_record(number, dublin(text)) for number, text in ((1, EN), (2, ZH), (3, "x"))]
    first = oai("", *records, date="2026-01-02T03")
    second = oai("", oai_record(1, "", DELETED), oai_record(2, dublin("neu")), date="2026-02-03T03")
    nothing = (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch">none</error></OAI-PMH>'
    )
    with served([]) as interface:
        interface.replies = [
            Reply("/", nothing, {"from": "2026-02-03"}, **xml), Reply("/", second, {"from": "2026-01-02"}, **xml),  # type: ignore[arg-type]
            Reply("/", first, **xml),  # type: ignore[arg-type]
        ]  # fmt: skip
        source = api_source(interface.base, preset="oai", path="/")
        ask(source, log)
        assert len(documents(source, log)) == 3
        ask(source, log)
        assert documents(source, log) == {"oai:repo.test:2": "neu", "oai:repo.test:3": "x"}
        ask(source, log)
        assert documents(source, log) == {"oai:repo.test:2": "neu", "oai:repo.test:3": "x"}
        assert [one.partition("&from=")[2] for one in interface.asked] == ["", "2026-01-02", "2026-02-03"]


def test_a_list_is_continued_from_its_newest_value(tmp_path: Path) -> None:
    """GitHub's `since` is the latest `updated_at` of all pages."""
    log = CrawlLog(tmp_path)
    with served(GITHUB.replies) as interface:
        source = api_source(interface.base, preset="github", query="o/r")
        ask(source, log)
        ask(source, log)
        assert interface.asked[2].endswith("&since=2024-01-03T00:00:00Z")


def test_known_answers_are_asked_for_conditionally(tmp_path: Path) -> None:
    """An ETag is sent back; 304 keeps the documents and costs no bytes."""
    log = CrawlLog(tmp_path)
    with served([Reply("/notes", notes(1, 2), headers={"ETag": '"v1"'})]) as interface:
        source = api_source(interface.base, **NOTES)
        ask(source, log)
        ask(source, log)
        assert interface.requests[1]["If-None-Match"] == '"v1"'
    assert outcomes(source, log)["unchanged"] == 1 and documents(source, log) == numbered(1, 2)


def test_a_changed_record_is_the_latest_version(tmp_path: Path) -> None:
    """The answer that was asked for last counts; documents of older answers stay."""
    log = CrawlLog(tmp_path)
    with served([Reply("/notes", notes(1, 2))]) as interface:
        source = api_source(interface.base, **NOTES)
        ask(source, log)
        interface.replies = [Reply("/notes", {"notes": [{"id": "note:2", "text": "new"}]})]
        ask(source, log)
    assert documents(source, log) == {"note:1": "note 1", "note:2": "new"}


def test_items_are_asked_for_once_where_that_is_enough(tmp_path: Path) -> None:
    """New numbers are asked for, captured ones are not."""
    log = CrawlLog(tmp_path)
    item = {str(n): Reply(f"/v0/item/{n}.json", {"id": n, "text": f"t{n}", "by": "a"}) for n in (1, 2, 3)}
    with served([Reply("/v0/maxitem.json", 2), *item.values()]) as interface:
        source = api_source(interface.base, preset="hackernews")
        ask(source, log)
        interface.replies = [Reply("/v0/maxitem.json", 3), *item.values()]
        ask(source, log)
        assert interface.asked[3:] == ["/v0/maxitem.json", "/v0/item/3.json"]


@pytest.mark.parametrize(
    ("headers", "pauses", "reason"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, [30], None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4000"}, [], "rate limit used up for more than max_wait"),
    ],
)
def test_a_used_up_limit_is_waited_for(tmp_path: Path, headers: Any, pauses: list[int], reason: str | None) -> None:
    """As long as the interface says, up to `max_wait`; above it the list is incomplete and says so."""
    log = CrawlLog(tmp_path)
    pages = three_pages()
    pages[2] = Reply("/notes", notes(1, next="2"), headers=headers)
    with served(pages) as interface:
        source = api_source(interface.base, **NOTES, paging=CURSOR)
        assert ask(source, log) == pauses
    assert [error.startswith(reason or "-") for error in broken(source, log).values()] == [True] * bool(reason)


def test_a_refusal_with_a_limit_is_asked_again(tmp_path: Path) -> None:
    """GitHub answers 403 when its limit is used up."""
    with served([Reply("/notes", notes(1))]) as interface:
        interface.faults = {0: [(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"})]}
        assert ask(api_source(interface.base, **NOTES), CrawlLog(tmp_path)) == [20]


def test_backoff_and_passing_errors_of_the_answer_are_heeded(tmp_path: Path) -> None:
    """StackExchange's `backoff` is waited out before the next page; a throttle violation is asked again."""
    log = CrawlLog(tmp_path)
    with served(STACKEXCHANGE.replies) as interface:
        source = api_source(interface.base + "/2.3", preset="stackexchange", query="river")
        assert ask(source, log) == [11]
        interface.replies = [Reply("/2.3/questions", {"error_id": 502, "error_name": "throttle_violation"})]
        with pytest.raises(SourceError, match="throttle_violation"):
            ask(source, log)


@pytest.mark.parametrize("auth", [{"header": "Authorization", "prefix": "Bearer "}, {"query": "key"}])
def test_a_secret_reaches_the_interface_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: dict[str, str]
) -> None:
    """It is named in params.yaml, read from the environment, sent to the origin of `base`, and written nowhere."""
    monkeypatch.setenv("NOTES_TOKEN", "canary-0123456789")
    log = CrawlLog(tmp_path)
    link = {"Link": "<BASE/notes?c=2&key=canary-0123456789>; rel=next"}
    with served([Reply("/notes", notes(2), {"c": "2"}), Reply("/notes", notes(1), headers=link)]) as interface:
        source = api_source(interface.base, **NOTES, auth={"env": "NOTES_TOKEN", **auth}, paging={"kind": "link"})
        ask(source, log)
        sent = [headers.get("Authorization", "") for headers in interface.requests] + interface.asked
        assert sum("canary-0123456789" in one for one in sent) >= 2
    assert documents(source, log) == numbered(1, 2)
    for path in tmp_path.rglob("*.parquet"):
        import pyarrow.parquet as pq

        assert "canary" not in str(pq.read_table(path).to_pylist())


def test_a_redirect_stays_on_the_origin(tmp_path: Path) -> None:
    """On the same origin it is followed; to another one it is a failure, and nothing is asked there."""
    log = CrawlLog(tmp_path)
    with served([Reply("/notes", notes(9))]) as elsewhere, served([]) as interface:
        moved = {"headers": {"Location": "/new"}, "status": 301}
        interface.replies = [Reply("/notes", "", **moved), Reply("/new", notes(1))]  # type: ignore[arg-type]
        source = api_source(interface.base, **NOTES)
        ask(source, log)
        assert documents(source, log) == numbered(1)
        interface.replies = [Reply("/notes", "", headers={"Location": f"{elsewhere.base}/notes"}, status=302)]
        with pytest.raises(SourceError, match="redirect to another origin"):
            ask(source, log)
        assert elsewhere.asked == []


def test_the_address_is_checked(tmp_path: Path) -> None:
    """Loopback is refused unless it is allowed."""
    with served([Reply("/notes", notes(1))]) as interface:
        with pytest.raises(SourceError, match="refused address"):
            ask(api_source(interface.base, **NOTES, allow_networks=[]), CrawlLog(tmp_path))
        assert interface.asked == []


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_forgotten_record_leaves_the_log_and_cannot_come_back(tmp_path: Path, kind: str) -> None:
    """Its text is in no file; its neighbours stay; another run does not bring it back."""
    log = CrawlLog(tmp_path)
    reply = Reply("/", oai("", oai_record(1, dublin(EN)), oai_record(2, dublin(ZH))), mime="text/xml")
    if kind == "json":
        reply = Reply("/notes", {"notes": [{"id": "a", "text": EN}, {"id": "b", "text": ZH}]}, headers={"ETag": '"1"'})
    with served([reply]) as interface:
        options: dict[str, Any] = NOTES if kind == "json" else {"preset": "oai", "path": "/"}
        source = api_source(interface.base, **options)
        ask(source, log)
        uri = "a" if kind == "json" else "oai:repo.test:1"
        ids = frozenset((document_id(uri),))
        for again in (False, True):
            assert forget_records(source, log, ids) == (0 if again else 1)
            assert list(documents(source, log).values()) == [ZH] and broken(source, log) == {}
            assert EN[:20] not in held(tmp_path) and ZH in held(tmp_path)
            ask(source, log, ids)


def held(root: Path) -> str:
    """Every value in every file of a log."""
    import pyarrow.parquet as pq

    rows = [row for path in root.rglob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return "".join((row.get("body") or b"").decode() + str(row) for row in rows)


FINE = {"name": "x", "kind": "api", "base": BASE, "contact": "mailto:a@b.test", **NOTES}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"contact": None}, "`contact` is missing"),
        ({"contact": "me"}, "`contact` is 'me'"),
        ({"base": "ftp://a.test"}, "`base` is"),
        ({"base": f"{BASE}/x?y=1"}, "without user name and parameters"),
        ({"base": "https://user:pw@a.test"}, "`base` is"),
        ({"path": "@evil.test/"}, "another origin"),
        ({"path": ".evil.test/"}, "another origin"),
        ({"path": "/{query}"}, "`query` is missing"),
        ({"headers": {"Cookie": "a=b"}}, "`headers`: Cookie"),
        ({"headers": {"Authorization": "Bearer x"}}, "`headers`: Authorization"),
        ({"auth": {"env": "secret-itself", "header": "Authorization"}}, "never hold the secret itself"),
        ({"paging": {"kind": "cursor", "param": "c"}}, "`path` is missing"),
        ({"paging": {"kind": "page"}}, "`param` is missing"),
        ({"paging": {"kind": "url", "path": "a..b"}}, "is no path"),
        ({"records": {"path": "r", "id": "id"}}, "`text` is missing"),
        ({"records": {"format": "xml", "path": "//a[", "id": "b", "text": "c"}}, "is no XPath"),
        ({"records": {"id": "id", "text": {"path": "t", "match": "("}}}, "no regular expression"),
        ({"items": {"url": "/x", "keys": "ids"}}, "`{key}` is missing"),
        ({"delay": -1}, "`delay` is -1"),
        ({"params": ["a"]}, "must be a mapping"),
        ({"preset": "arxif"}, "did you mean `arxiv`"),
    ],
)
def test_settings_say_what_is_wrong(change: dict[str, Any], problem: str) -> None:
    """Each mistake is named with its value before anything is asked."""
    assert parse_sources([FINE])
    with pytest.raises(ValueError) as error:
        parse_sources([FINE | change])
    assert problem in str(error.value)


def test_params_yaml_overrides_a_preset_key_by_key() -> None:
    """A mapping is merged, another value replaced."""
    entry = {"name": "x", "kind": "api", "preset": "arxiv", "query": "q", "contact": "mailto:a@b.test"}
    (source,) = parse_sources([entry | {"params": {"max_results": "5"}, "paging": {"step": 5}, "delay": 9}])
    assert source.params["max_results"] == "5" and source.params["sortBy"] == "submittedDate"  # type: ignore[union-attr]
    assert (source.paging.step, source.paging.kind, source.delay) == (5, "offset", 9.0)  # type: ignore[union-attr]


def run(entry: dict[str, Any], *arguments: str) -> dict[str, str]:
    """Run the stage; action -> fresh or stale."""
    Path("params.yaml").write_text(yaml.safe_dump({"crawl": {"sources": [entry]}}))
    sys.argv = ["stages.crawl", *arguments]
    main()
    trace = TRACES / "crawl.jsonl"
    lines = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
    return {line["action"]: line["verdict"] for line in lines}


def test_the_stage_asks_once_and_reads_new_columns_from_the_log(project: Path) -> None:
    """`dvc repro` asks the network for nothing it has; another column is read without a request; `recrawl` asks."""
    with served([Reply("/notes", notes(1, 2))]) as interface:
        entry = FINE | {"base": interface.base, "allow_networks": ["127.0.0.0/8"], "delay": 0}
        assert run(entry) == {"x": "stale"} and run(entry) == {"x": "fresh"}
        assert len(interface.asked) == 1
        assert run(entry | {"records": {**NOTES["records"], "title": "id"}}) == {"x": "stale"}  # type: ignore[dict-item]
        assert len(interface.asked) == 1
        interface.replies = [Reply("/notes", notes(1, 2, 3))]
        run(entry, "--refetch", "x")
        assert run(entry) == {"x": "stale"} and len(interface.asked) == 2


def test_markup_is_kept_as_it_is() -> None:
    """An element becomes XML again, with the namespaces it needs and without what follows it."""
    body = b'<r xmlns="u:1"><a><id>1</id><t k="v">x <b>y</b></t>tail</a></r>'
    text = Column(path="n:t", transform="markup", join=None)
    reading = Records(format="xml", path="//n:a", id="n:id", text=text, namespaces={"n": "u:1"})
    (found,) = read_records("p", body, "text/xml", None, reading)
    assert isinstance(found.row, Row)
    assert etree.fromstring(found.row.body).tag == "{u:1}t" and b"tail" not in found.row.body
