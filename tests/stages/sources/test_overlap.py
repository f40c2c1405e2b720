"""Sources that give the same documents: the first keeps each, nothing is lost, and no source is read again for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from catalog.history.manifests import output_of
from catalog.integrity.conservation import verify
from catalog.rehearsal.rehearsal import Request
from catalog.rehearsal.shadow import shadow
from catalog.segments import read_manifest
from tests.stages.test_crawl import FILES, inputs, rows, run, stale

__all__ = ["inputs"]  # the fixture

AGAIN = FILES | {"name": "again", "licence": "CC0-1.0"}
TEXTS = {"name": "texts", "kind": "files", "licence": "MIT", "path": "inbox/*.jsonl", "columns": {"text": "i"}}


def held(sources: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Source -> URIs of its captures, after a run of which `gristmill verify` finds nothing to say."""
    run(sources)
    assert verify(["crawl"])[0].problems == []
    found: dict[str, list[str]] = {}
    for row in rows("captures").to_pylist():
        found.setdefault(row["source"], []).append(row["uri"])
    return found


def errors() -> list[tuple[str, str]]:
    """(URI, error) of the quarantine, sorted."""
    return sorted((row["uri"], row["error"]) for row in rows("quarantine").to_pylist())


def test_the_first_source_keeps_a_document_and_the_other_says_so(inputs: Path) -> None:
    """In the order of params.yaml; what the loser read, and what it could not, is in the quarantine."""
    alone = held([FILES])
    before = errors()
    assert held([FILES, AGAIN]) == alone
    lost = errors()
    assert len(lost) == 6 + 2 and set(before) < set(lost)
    assert ("file:inbox/b.txt#again", "the source inbox has it already") in lost
    assert held([AGAIN, FILES]) == {"again": alone["inbox"]}
    assert held([FILES, AGAIN, AGAIN | {"name": "third"}]) == alone and len(errors()) == 1 + 2 * 7
    assert held([FILES]) == alone and errors() == before


def test_a_source_that_can_read_a_document_comes_before_one_that_cannot(inputs: Path) -> None:
    """Though it stands later in the list."""
    cannot = FILES | {"name": "blind", "columns": {"text": "nothing", "id": "i"}}
    found = held([cannot, FILES])
    assert found == {"inbox": held([FILES])["inbox"][:5], "blind": ["file:inbox/b.txt"]}


def test_an_overlap_reads_no_source_again(inputs: Path) -> None:
    """A source that comes is read, and segments that lose are written anew; what they were is listed, but not read."""
    run([FILES])
    ran = [name.partition(":")[0] for name in stale(run([FILES, AGAIN]))]
    assert ran == ["again", "captures", "quarantine"]
    assert set(run([FILES, AGAIN]).values()) == {"fresh"}
    hidden = [entry for entry in read_manifest(Path("data/crawl/snapshot/manifest.parquet")) if entry.table[0] == "."]
    assert [(entry.table, output_of(entry).table) for entry in hidden] == [
        (".captures", "captures"), (".verdicts", "verdicts"), (".quarantine", "quarantine"),
    ]  # fmt: skip
    assert [name.partition(":")[0] for name in stale(run([AGAIN, FILES]))] == ["captures", "quarantine"]


def test_a_rehearsal_sees_an_overlap_as_it_is(inputs: Path) -> None:
    """After a build everything is found, what was withheld too."""
    graph = yaml.safe_load(Path("dvc.yaml").read_text())
    graph["stages"]["crawl"]["cmd"] = "python -m stages.crawl"
    Path("dvc.yaml").write_text(yaml.safe_dump(graph))
    run([FILES, AGAIN])
    with shadow() as rehearse:
        report = rehearse("crawl", Request())
    assert not report.error and len(report.looks) == 4
    assert {look.reason for look in report.looks} == {""}
