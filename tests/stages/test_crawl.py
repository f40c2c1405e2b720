"""The stage: which actions run after which change, that nothing is lost, and how mistakes are reported."""

from __future__ import annotations

import json
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from catalog.digests import file_sha256
from catalog.errors import ParameterError, SourceError
from catalog.layout import TRACES
from catalog.segments import read_segments
from stages.crawl import main
from stages.sources.log import CrawlLog
from stages.sources.settings.site import utc_now

FILES = {"name": "inbox", "kind": "files", "licence": "MIT", "path": "inbox", "columns": {"text": "t", "id": "i"}}
BOOKS = {
    "name": "books", "kind": "archive", "licence": "CC0", "path": "books.zip",
    "members": [{"match": "*.txt", "format": "lines", "label": "book"}],
}  # fmt: skip
SITE = {
    "name": "manual", "kind": "site", "licence": "MIT", "base": "http://manual.test/", "delay": 0,
    "serve": {"path": "site.zip"},
}  # fmt: skip


@pytest.fixture
def inputs(project: Path) -> Path:
    """A folder of files, an archive of texts and an archive of pages, all known to dvc.yaml."""
    (project / "inbox").mkdir()
    (project / "inbox/a.jsonl").write_text("".join(f'{{"t": "text {n}", "i": {n}}}\n' for n in range(5)) + "broken\n")
    (project / "inbox/b.txt").write_text("whole file")
    archives = {"books.zip": {"x.txt": "one\ntwo\n"}, "site.zip": {"index.html": '<a href="p">p</a>', "p": "plain"}}
    for name, files in archives.items():
        with zipfile.ZipFile(project / name, "w") as archive:
            for member, body in files.items():
                archive.writestr(member, body)
    deps = ["inbox", "books.zip", {"site.zip": {}}]
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"crawl": {"cmd": "x", "deps": deps}}}))
    return project


def run(sources: list[dict[str, Any]], *arguments: str, **settings: str) -> dict[str, str]:
    """Run the stage; action -> fresh or stale."""
    Path("params.yaml").write_text(yaml.safe_dump({"crawl": {"sources": sources, **settings}}))
    sys.argv = ["stages.crawl", *arguments]
    main()
    trace = TRACES / "crawl.jsonl"
    lines = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
    return {line["action"]: line["verdict"] for line in lines}


def stale(verdicts: dict[str, str]) -> list[str]:
    """The actions that ran."""
    return [name for name, verdict in verdicts.items() if verdict == "stale"]


def rows(table: str) -> pa.Table:
    """All rows of an output table."""
    return pa.concat_tables([segment.read() for segment in read_segments("crawl", table)])


def json_rows(table: str) -> list[dict[str, Any]]:
    """All rows of an output table, as values."""
    return list(rows(table).to_pylist())


def test_every_row_is_accounted_for(inputs: Path) -> None:
    """Three kinds of source give captures with a verdict each, and a quarantine."""
    run([FILES, BOOKS, SITE])
    captures = rows("captures")
    assert sorted(captures["uri"].to_pylist())[-1] == "http://manual.test/"
    assert len(captures) == 6 + 2 + 1 and rows("verdicts")["id"].to_pylist() == captures["id"].to_pylist()
    assert rows("verdicts")["drop_reason"].null_count == len(captures)
    assert [error[:18] for error in rows("quarantine")["error"].to_pylist()] == ["not a line of JSON"]
    assert dict(zip(captures["source"].to_pylist(), captures["licence"].to_pylist(), strict=True)) == {
        "inbox": "MIT", "books": "CC0", "manual": "MIT",
    }  # fmt: skip


def test_only_what_changed_is_read_again(inputs: Path) -> None:
    """Nothing, one file, one reading option, one new source: the trace shows just that."""
    first = run([FILES, BOOKS, SITE])
    assert set(first.values()) == {"stale"} and len(first) == 3
    assert set(run([FILES, BOOKS, SITE]).values()) == {"fresh"}
    (inputs / "inbox/b.txt").write_text("changed")
    assert stale(run([FILES, BOOKS, SITE])) == ["inbox:inbox/a.jsonl"]
    relabelled = BOOKS | {"members": [{"match": "*.txt", "format": "lines", "label": "novel"}]}
    assert stale(run([FILES, relabelled, SITE])) == ["books"]
    assert set(rows("captures")["given_label"].to_pylist()) == {"novel", None}


def test_an_archive_that_was_read_is_not_opened_again(inputs: Path) -> None:
    """A pinned archive may be gone: its digest in params.yaml is enough to find the result."""
    pinned = BOOKS | {"sha256": file_sha256(inputs / "books.zip")}
    run([pinned])
    (inputs / "books.zip").unlink()
    assert set(run([pinned]).values()) == {"fresh"}


def test_a_site_is_recorded_once_and_replayed(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild from the log asks nobody; a refetch that finds nothing new rebuilds nothing."""
    run([SITE])
    assert set(run([SITE], "--refetch", "manual").values()) == {"stale"}  # the trace is still that of the first run
    assert set(run([SITE]).values()) == {"fresh"}
    monkeypatch.setattr("stages.sources.site.record_site", lambda *_: pytest.fail("asked the network"))
    for path in Path(".gristmill").rglob("*"):
        if path.is_file():
            path.unlink()
    assert set(run([SITE]).values()) == {"stale"} and len(rows("captures")) == 1


def test_as_of_is_time_travel_without_the_network(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site as an earlier crawl saw it comes back by a parameter; a time before the first crawl is an error."""
    run([SITE])
    first = json_rows("captures")
    with zipfile.ZipFile(inputs / "site.zip", "w") as archive:
        archive.writestr("index.html", "<p>changed</p>")
    between = utc_now()
    run([SITE], "--refetch")
    assert run([SITE])["manual"] == "stale"
    second = json_rows("captures")
    monkeypatch.setattr("stages.sources.site.record_site", lambda *_, **__: pytest.fail("asked the network"))
    assert (run([SITE], as_of=between)["manual"], json_rows("captures")) == ("fresh", first)
    assert (run([SITE])["manual"], json_rows("captures")) == ("fresh", second)
    assert (run([SITE | {"as_of": between}])["manual"], json_rows("captures")) == ("fresh", first)
    assert [row["body"] for row in (*first, *second)] == [b'<a href="p">p</a>', b"<p>changed</p>"]
    with pytest.raises(SourceError, match=r"had ended by as_of 2001.*set `as_of` to a later"):
        run([SITE], as_of="2001-01-01")


def test_a_crawl_that_was_cut_off_goes_on_with_the_next_run(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had is in the frontier and in no snapshot; the next run asks for the rest alone."""
    from stages.sources.visiting import Visitor

    visit, visited = Visitor.visit, []

    async def dying(self: Visitor, one: Any, *rest: Any) -> None:
        visited.append(one.url)
        if len(visited) == 3:
            raise KeyboardInterrupt
        await visit(self, one, *rest)

    monkeypatch.setattr(Visitor, "visit", dying)
    with pytest.raises(KeyboardInterrupt):
        run([SITE])
    assert CrawlLog().fetches("manual") == []
    run([SITE])
    assert rows("captures").num_rows == 1 and sorted(Counter(visited).values()) == [1, 1, 2]
    run([SITE])
    assert len(visited) == 4


def test_every_source_that_asks_a_network_is_asked_again(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--refetch` without a name asks all, and says of each how it went; `--due` asks only what is due."""
    sites = [SITE, SITE | {"name": "other", "base": "http://other.test/"}]
    run([FILES, *sites])
    capsys.readouterr()
    run([FILES, *sites], "--refetch")
    printed = capsys.readouterr().out
    assert "crawl: manual: 1 skipped:" in printed and "crawl: other: 1 skipped:" in printed
    assert printed.count("1 unchanged") == 2
    run([FILES, *sites], "--refetch", "other", "--due")
    assert capsys.readouterr().out.startswith("crawl: other: 1 skipped:sitemap: status 404")


def test_check_only_reads_parameters(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` lists the sources and writes nothing."""
    run([FILES, SITE], "--check")
    assert json.loads(capsys.readouterr().out) == ["inbox", "manual"]
    assert not Path("data").exists()


def test_parameter_mistakes_are_listed_together(inputs: Path) -> None:
    """Every problem of the block in one error, with the file to edit."""
    with pytest.raises(ParameterError) as error:
        run([FILES | {"format": "rtf"}, SITE | {"max_pages": 0}])
    assert "crawl: source inbox: `reading` `format` is 'rtf'" in str(error.value).replace("  ", " ")
    assert "source manual: `max_pages` is 0" in str(error.value)


@pytest.mark.parametrize(
    ("sources", "arguments", "problem"),
    [
        ([FILES | {"path": "elsewhere"}], (), "elsewhere is not in the deps.*gristmill source add"),
        ([BOOKS | {"sha256": "0" * 64}], (), "expected sha256 0000"),
        ([BOOKS | {"members": [{"match": "nothing"}]}], (), "no member of file:books.zip matches nothing"),
        ([FILES, SITE], ("--refetch", "inbox"), "inbox is no source.*that can: manual"),
        ([SITE | {"seeds": ["nowhere"]}], (), "no page could be captured.*failed:status 404"),
    ],
)
def test_source_mistakes_name_the_next_command(
    inputs: Path, sources: list[dict[str, Any]], arguments: tuple[str, ...], problem: str
) -> None:
    """Missing dependency, wrong digest, wrong glob, wrong name, dead site."""
    with pytest.raises(SourceError, match=problem):
        run(sources, *arguments)
