"""The kind `api` in the stage: asked once, replayed, forgotten, licensed, and added by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from catalog.cli import app
from catalog.digests import document_id
from catalog.erasure.forget import forget
from catalog.errors import SourceError
from catalog.layout import TRACES
from catalog.segments import read_segments
from stages.crawl import main
from stages.sources.api.forget import forget_records
from stages.sources.log import CrawlLog
from stages.sources.parse import KINDS, parse_sources
from stages.web.refusals import refusing_signals
from tests.stages.sources.api_literature import EN, ZH, dublin, oai, oai_record
from tests.stages.sources.interfaces import (
    CURSOR,
    FINE,
    LOOPBACK,
    NOTES,
    RECORDS,
    Reply,
    answers_kept,
    api_source,
    ask,
    broken,
    documents,
    notes,
    numbered,
    served,
    tables,
)


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


def run(entry: dict[str, Any], *arguments: str, as_of: str | None = None) -> dict[str, str]:
    """Run the stage; action -> fresh or stale."""
    Path("params.yaml").write_text(yaml.safe_dump({"crawl": {"sources": [entry], "as_of": as_of}}))
    sys.argv = ["stages.crawl", *arguments]
    main()
    trace = TRACES / "crawl.jsonl"
    lines = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
    return {line["action"]: line["verdict"] for line in lines}


def captured() -> int:
    """Documents of the snapshot."""
    return sum(segment.rows for segment in read_segments("crawl", "captures"))


def test_the_stage_asks_once_and_reads_new_columns_from_the_log(project: Path) -> None:
    """`dvc repro` asks the network for nothing it has; another column is read without a request; `recrawl` asks."""
    with served([Reply("/notes", notes(1, 2))]) as interface:
        entry = FINE | {"base": interface.base, "allow_networks": ["127.0.0.0/8"], "delay": 0}
        assert run(entry) == {"x": "stale"} and run(entry) == {"x": "fresh"}
        assert len(interface.asked) == 1
        assert run(entry | {"records": {**RECORDS, "title": "id"}}) == {"x": "stale"}
        assert len(interface.asked) == 1
        interface.replies = [Reply("/notes", notes(1, 2, 3))]
        run(entry, "--refetch", "x")
        assert run(entry) == {"x": "stale"} and len(interface.asked) == 2


def test_an_interface_on_a_forgotten_host_is_empty_and_not_asked(project: Path) -> None:
    """Neither by a build nor by a recrawl, which says what to do."""
    with served([Reply("/notes", notes(1, 2))]) as interface:
        entry = FINE | {"base": interface.base, "allow_networks": LOOPBACK, "delay": 0}
        run(entry)
        forget([], "opted out", hosts=["127.0.0.1"])
        assert run(entry) == {} and captured() == 0
        with pytest.raises(SourceError, match="was forgotten; remove the source"):
            run(entry, "--refetch", "x")
        assert len(interface.asked) == 1 and EN[:20] not in held(CrawlLog().root)


def test_a_corpus_of_an_earlier_time_has_the_answers_of_then(project: Path) -> None:
    """`as_of` shows what had been answered by then, and asks nothing; before the first run there is nothing to show."""
    with served([Reply("/notes", notes(1))]) as interface:
        entry = FINE | {"base": interface.base, "allow_networks": LOOPBACK, "delay": 0}
        run(entry)
        then = max(row["fetched_at"] for row in CrawlLog().fetches("x"))
        interface.replies = [Reply("/notes", notes(1, 2))]
        run(entry, "--refetch", "x")
        assert run(entry) == {"x": "stale"} and captured() == 2
        assert run(entry, as_of=then) == {"x": "fresh"} and captured() == 1
        with pytest.raises(SourceError, match="had ended by as_of 2020"):
            run(entry, as_of="2020-01-01T00:00:00Z")
        assert len(interface.asked) == 2 and run(entry) == {"x": "fresh"}


def test_a_licence_of_a_record_is_a_column(tmp_path: Path) -> None:
    """A record that states a licence has it in place of the source's."""
    log = CrawlLog(tmp_path)
    page = {"notes": [{"id": "a", "text": EN, "rights": "CC-BY-4.0"}, {"id": "b", "text": ZH}]}
    with served([Reply("/notes", page)]) as interface:
        source = api_source(interface.base, **NOTES | {"records": {**RECORDS, "licence": "rights"}})
        ask(source, log)
    assert tables(source, log)["captures"]["licence"].to_pylist() == ["CC-BY-4.0", "CC0-1.0"]


def test_a_record_says_what_may_be_done_with_it(tmp_path: Path) -> None:
    """Its signals are rights of the capture; what refuses is decided later."""
    log = CrawlLog(tmp_path)
    people = [{"noindex": True, "indexable": False}, {"noindex": False, "indexable": True}, {}]
    listed = [{"id": f"{number}", "text": EN, "by": one} for number, one in enumerate(people)]
    rights = {"noindex": "by.noindex", "indexable": "by.indexable"}
    with served([Reply("/notes", {"notes": listed})]) as interface:
        ask(source := api_source(interface.base, **NOTES | {"records": RECORDS | {"rights": rights}}), log)
    captures = tables(source, log)["captures"]
    assert captures["rights"].to_pylist()[1] == [
        {"signal": "noindex", "value": "false", "where": "record"},
        {"signal": "indexable", "value": "true", "where": "record"},
    ]
    assert refusing_signals(captures).to_pylist() == ["noindex", None, None]


GRAPH = {"query": "query($after: String) { notes(first: 2, after: $after) { id text } }", "variables": {"after": "{c}"}}


def test_a_body_is_posted_and_its_pages_are_told_apart(tmp_path: Path) -> None:
    """The parameters that the body holds are sent there alone; the log has them in the URL."""
    log = CrawlLog(tmp_path)
    first, second = (GRAPH | {"variables": {"after": after}} for after in (None, "2"))
    replies = [Reply("/notes", notes(1, 2, next="2"), posts=first), Reply("/notes", notes(3), posts=second)]
    with served(replies) as interface:
        source = api_source(interface.base, **NOTES, paging=CURSOR, body=GRAPH, params={"lang": "en"})
        ask(source, log)
        assert interface.asked == ["/notes?lang=en"] * 2
        assert {one["Content-Type"] for one in interface.requests} == {"application/json"}
        assert documents(source, log) == numbered(1, 2, 3)
        asked = sorted(row["uri"] for row in log.fetches("api") if row["body_digest"])
        assert asked == [f"{interface.base}/notes?lang=en", f"{interface.base}/notes?lang=en&c=2"]


def test_a_body_counts_pages_by_number(tmp_path: Path) -> None:
    """A number that pages is sent as one."""
    paging = {"kind": "page", "param": "page", "start": 1}
    pages = (notes(1), notes())
    replies = [Reply("/notes", page, posts={"page": number, "q": "w"}) for number, page in enumerate(pages, 1)]
    with served(replies) as interface:
        source = api_source(interface.base, **NOTES, paging=paging, query="w", body={"page": "{page}", "q": "{query}"})
        ask(source, CrawlLog(tmp_path))
        assert len(interface.asked) == 2


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"body": {"api_key": "abcdefgh12345678"}}, "api_key holds a secret"),
        ({"body": {"a": float("nan")}}, "cannot be sent as JSON"),
        ({"body": {"a": 1}, "items": {"url": "/{key}", "keys": "k"}}, "cannot stand beside `body`"),
        ({"client": {"ports": [0]}}, "must be numbers from 1 to 65535"),
        ({"client": {"grace": 0.0}}, "must be > 0"),
    ],
)
def test_requests_that_cannot_be_made_are_refused(more: dict[str, Any], problem: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=problem):
        parse_sources([FINE | more])


def test_a_preset_is_added_by_name(project: Path) -> None:
    """`gristmill source add --preset` writes what the user said, and nothing of the preset."""
    Path("params.yaml").write_text("crawl:\n  sources: []\n")
    Path("dvc.yaml").write_text("stages:\n  crawl: {cmd: x, deps: []}\n")
    words = ["source", "add", "papers", "--preset", "arxiv", "--contact", "mailto:a@b.test"]
    refused = CliRunner().invoke(app, words)
    assert "`query` is missing" in str(refused.exception) and "papers" not in Path("params.yaml").read_text()
    assert CliRunner().invoke(app, [*words, "--query", "cat:cs.CL"]).exit_code == 0
    (entry,) = yaml.safe_load(Path("params.yaml").read_text())["crawl"]["sources"]
    assert entry == {
        "name": "papers", "kind": "api", "preset": "arxiv", "query": "cat:cs.CL", "contact": "mailto:a@b.test",
    }  # fmt: skip


def test_the_examples_of_the_documentation_are_sources() -> None:
    """Every YAML block of docs/sources.md that shows a source can be added as it stands."""
    text = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
    shown = [entry for block in text.split("```yaml\n")[1:] for entry in yaml.safe_load(block.partition("```")[0])]
    assert {entry["kind"] for entry in shown} >= {"files", "archive", "site", "api"}
    assert parse_sources([entry for entry in shown if entry["kind"] in KINDS])


CHILD = """
import sys
from pathlib import Path
from stages.sources.api.client import record_api
from stages.sources.log import CrawlLog
from tests.stages.sources.interfaces import CURSOR, NOTES, api_source
record_api(api_source(sys.argv[1], **NOTES, paging=CURSOR), CrawlLog(Path(sys.argv[2])))
"""


@pytest.mark.nightly
@pytest.mark.parametrize("asked", [1, 80, 99, 101, 150, 199, 230, 299])
def test_kill_9_loses_nothing_that_was_written(tmp_path: Path, asked: int) -> None:
    """Killed after so many requests, then run again: all documents, no answer kept twice or asked for three times."""
    last = 300
    pages = {number: notes(number, next=str(number + 1) if number < last else "") for number in range(1, last + 1)}
    replies = [Reply("/notes", page, {"c": str(number)} if number > 1 else {}) for number, page in pages.items()]
    with served([*replies[1:], replies[0]]) as interface:
        command = [sys.executable, "-c", CHILD, interface.base, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
            while len(interface.asked) < asked and child.poll() is None:
                time.sleep(0.001)
            child.kill()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        source, log = api_source(interface.base, **NOTES, paging=CURSOR), CrawlLog(tmp_path)
        assert documents(source, log) == numbered(*pages) and answers_kept(log) == last
        assert max(Counter(interface.asked).values()) <= 2
