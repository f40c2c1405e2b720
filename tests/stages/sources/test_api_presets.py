"""Every preset against a real server that answers in the interface's shape: whole, throttled, failing, malformed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.sources.api.preset import FOR_PEOPLE, PRESETS, preset_names
from stages.sources.log import CrawlLog
from stages.sources.settings.api import ApiSource
from tests.stages.sources.api_literature import LITERATURE, Script
from tests.stages.sources.api_social import SOCIAL
from tests.stages.sources.interfaces import (
    Interface,
    answers_kept,
    api_source,
    ask,
    broken,
    documents,
    outcomes,
    served,
    tables,
)

DOCS = Path(__file__).parents[3] / "docs" / "sources.md"
SCRIPTS = LITERATURE + SOCIAL
EACH = pytest.mark.parametrize("script", SCRIPTS, ids=[script.preset for script in SCRIPTS])


def source_of(script: Script, interface: Interface) -> ApiSource:
    """The preset as a user adds it, at the address of the test's server."""
    entry: dict[str, Any] = {"preset": script.preset, "contact": "mailto:me@corpus.test", **script.entry}
    return api_source(interface.base + script.base, **entry)


def at(script: Script, base: str) -> tuple[dict[str, str], dict[str, str]]:
    """Documents and errors expected, with the server's address in them."""
    named = [
        {uri.replace("BASE", base): value for uri, value in one.items()} for one in (script.expected, script.broken)
    ]
    return named[0], named[1]


def check(script: Script, source: ApiSource, log: CrawlLog, base: str) -> None:
    """All documents, and for each unreadable record its reason."""
    expected, errors = at(script, base)
    assert documents(source, log) == expected
    quarantined = broken(source, log)
    assert quarantined.keys() == errors.keys()
    assert all(quarantined[uri].startswith(start) and quarantined[uri] for uri, start in errors.items())


@EACH
def test_a_preset_gives_every_record_of_every_page(script: Script, tmp_path: Path) -> None:
    """Two pages or more; each record is a document with its columns, or quarantined with its reason."""
    log = CrawlLog(tmp_path)
    with served(script.replies) as interface:
        ask(source := source_of(script, interface), log)
        check(script, source, log, interface.base)
        assert len(interface.asked) == len(script.replies) + (script.preset == "wikipedia-html")
    assert {headers["User-Agent"] for headers in interface.requests} == {source.agent}
    assert "mailto:me@corpus.test" in source.agent
    captures = tables(source, log)["captures"]
    assert set(captures["mime"].to_pylist()) == {script.mime}
    assert set(captures["licence"].to_pylist()) == {script.licence or source.licence}
    for name, value in script.columns.items():
        assert value in captures[name].to_pylist()[0] or value in captures[name].to_pylist(), name


@EACH
def test_a_throttled_preset_waits_and_loses_nothing(script: Script, tmp_path: Path) -> None:
    """429 with Retry-After on one page, 500 on another: both are asked again after the pause."""
    log = CrawlLog(tmp_path)
    with served(script.replies) as interface:
        interface.faults = {0: [(429, {"Retry-After": "7"})], 1: [(500, {})]}
        pauses = ask(source := source_of(script, interface), log)
        check(script, source, log, interface.base)
    assert 7 in pauses and 1 in pauses


@EACH
def test_a_page_that_cannot_be_had_leaves_a_gap_that_says_so(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest stands, the gap is in the quarantine, and the next run closes it."""
    log = CrawlLog(tmp_path)
    with served(script.replies) as interface:
        late = interface.replies[script.late]
        interface.faults = {script.late: [(500, {})] * 2}
        ask(source := source_of(script, interface), log)
        assert f"crawl: api: incomplete: {interface.base}{late.path.replace(' ', '%20')}" in capsys.readouterr().out
        assert "status 500" in broken(source, log).values()
        assert documents(source, log).items() < at(script, interface.base)[0].items()
        ask(source, log)
        check(script, source, log, interface.base)


@EACH
def test_a_second_run_changes_nothing(script: Script, tmp_path: Path) -> None:
    """Equal answers give equal tables, and keep no second copy of an answer."""
    log = CrawlLog(tmp_path)
    with served(script.replies) as interface:
        ask(source := source_of(script, interface), log)
        before, pages = tables(source, log), answers_kept(log)
        ask(source, log)
    assert tables(source, log) == before
    assert answers_kept(log) == pages or source.since is not None
    assert outcomes(source, log)["skipped:end of the list"] == 2


def test_every_preset_is_tested_and_says_what_it_may() -> None:
    """Each file, and its row of docs/sources.md, says what it is, its terms, its licence, and its limits."""
    assert sorted(script.preset for script in SCRIPTS) == list(preset_names())
    for name in preset_names():
        preset = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
        assert all(len(preset[key]) > 20 for key in FOR_PEOPLE), name
        assert preset["licence"] and preset["delay"] >= 0.2 and (preset.get("base") or name == "oai"), name
        row = next(line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |"))
        assert all(str(preset[key]).strip() in row for key in (*FOR_PEOPLE, "licence", "delay")), name
