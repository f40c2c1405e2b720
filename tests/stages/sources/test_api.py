"""Interfaces over real HTTP: what a run asks for, what the next one does, limits, secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import SourceError
from stages.sources.api.asking import Asker
from stages.sources.log import CrawlLog
from tests.stages.sources.api_literature import DELETED, EN, ZH, dublin, oai, oai_record
from tests.stages.sources.api_social import GITHUB, STACKEXCHANGE
from tests.stages.sources.interfaces import (
    CURSOR,
    NOTES,
    Reply,
    answers_kept,
    api_source,
    ask,
    broken,
    documents,
    notes,
    numbered,
    outcomes,
    served,
)


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


def test_a_killed_run_asks_for_no_item_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of keys is asked for once more, the items that were captured are not."""
    monkeypatch.setattr("stages.sources.api.client.FLUSH", 1)
    log, real = CrawlLog(tmp_path), Asker.ask

    async def ask_or_die(self: Asker, url: str, *arguments: Any) -> Any:
        if url.endswith("/1.json"):
            raise KeyboardInterrupt
        return await real(self, url, *arguments)

    items = [Reply(f"/v0/item/{n}.json", {"id": n, "text": f"t{n}", "by": "a"}) for n in (1, 2, 3)]
    with served([Reply("/v0/maxitem.json", 3), *items]) as interface:
        source = api_source(interface.base, preset="hackernews", items={"once": False})
        with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
            dying.setattr(Asker, "ask", ask_or_die)
            ask(source, log)
        ask(source, log)
        assert interface.asked == [f"/v0/{one}.json" for one in ("maxitem", "item/3", "item/2", "maxitem", "item/1")]
    assert len(documents(source, log)) == 3 and answers_kept(log) == 4


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
    first, rest = oai("2", *records[:2], date="2026-01-02T03"), oai("", records[2], date="2026-01-09T03")
    second = oai("", oai_record(1, "", DELETED), oai_record(2, dublin("neu")), date="2026-02-03T03")
    nothing = (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch">none</error></OAI-PMH>'
    )
    with served([]) as interface:
        interface.replies = [
            Reply("/", nothing, {"from": "2026-02-03"}, **xml), Reply("/", second, {"from": "2026-01-02"}, **xml),  # type: ignore[arg-type]
            Reply("/", rest, {"resumptionToken": "2"}, **xml), Reply("/", first, **xml),  # type: ignore[arg-type]
        ]  # fmt: skip
        source = api_source(interface.base, preset="oai", path="/")
        ask(source, log)
        assert len(documents(source, log)) == 3
        ask(source, log)
        assert documents(source, log) == {"oai:repo.test:2": "neu", "oai:repo.test:3": "x"}
        ask(source, log)
        assert documents(source, log) == {"oai:repo.test:2": "neu", "oai:repo.test:3": "x"}
        assert [one.partition("&from=")[2] for one in interface.asked] == ["", "", "2026-01-02", "2026-02-03"]


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
        ask(source, log)
        assert answers_kept(log) == 1
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
