"""A user's mistake gets a sentence that names the thing, the value and what to do; a broken row is kept aside."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.pipeline.conftest import Project


def with_source(project: Project, **fields: Any) -> None:
    """Replace the sources of the project by one."""
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    params["crawl"]["sources"] = [{"name": "odd", "licence": "CC0-1.0"} | fields]
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True))


def refusal(project: Project, stage: str) -> str:
    """What a stage says when it refuses to run; it must not be a traceback."""
    done = project.run("python", "-m", f"stages.{stage}", check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "files", "path": "inbox/none/*.jsonl"}, ["odd", "inbox/none/*.jsonl"]),
        (
            {"kind": "archive", "path": "inbox/broken.zip", "sha256": "0" * 64, "members": [{"match": "*"}]},
            ["inbox/broken.zip", "sha256"],
        ),
        ({"kind": "flies", "path": "inbox"}, ["odd", "flies", "archive, files"]),
        ({"kind": "files", "path": "inbox/*.jsonl", "colums": {"text": "text"}}, ["odd", "colums"]),
        ({"kind": "files", "path": "elsewhere/*.jsonl"}, ["elsewhere", "gristmill source add"]),
    ],
)
def test_a_source_that_cannot_be_read_is_named(project: Project, fields: dict[str, Any], words: list[str]) -> None:
    """Missing file, wrong sha256, unknown kind, unknown key, a path that DVC does not watch."""
    (project.folder / "inbox/broken.zip").write_bytes(b"PK\x03\x04 and then rubbish")
    with_source(project, **fields)
    message = refusal(project, "crawl")
    assert [word for word in words if word not in message] == [], message


def test_an_unreadable_archive_is_named(project: Project) -> None:
    """The sha256 is right and the bytes are no zip file."""
    content = b"PK\x03\x04 and then rubbish"
    (project.folder / "inbox/broken.zip").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    with_source(
        project, kind="archive", path="inbox/broken.zip", sha256=digest, members=[{"match": "*.txt", "format": "text"}]
    )
    assert "inbox/broken.zip" in refusal(project, "crawl")


@pytest.mark.parametrize(
    ("block", "key", "value", "words"),
    [
        ("clean", "presett", "short", ["clean", "presett", "did you mean `preset`"]),
        ("clean", "preset", "shrot", ["shrot", "short"]),
        ("clean", "overrides", {"short.default.few_words": -3}, ["few_words", "-3"]),
        ("dedup", "min_jaccard", 1.5, ["min_jaccard", "1.5"]),
        ("dedup", "bands", "many", ["bands", "many", "whole number"]),
        ("dedup", "bands", 1000, ["1000"]),
        ("label", "split", {"seed": 1, "validation": 0.6, "test": 0.6}, ["0.6"]),
        ("augment", "operators", ["shout"], ["shout"]),
        ("tokenize", "vocabulary", 10, ["vocabulary", "10"]),
    ],
)
def test_an_impossible_parameter_is_named(project: Project, block: str, key: str, value: Any, words: list[str]) -> None:
    """Unknown keys, wrong types and values out of range are said before anything runs."""
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    params[block][key] = value
    (project.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
    message = refusal(project, block)
    assert [word for word in words if word not in message] == [], message


def test_broken_rows_are_quarantined_and_counted(project: Project) -> None:
    """Lines that are no JSON, or have no text, lie in crawl/quarantine with their place and the reason."""
    fine = '{"id": "x-1", "text": "A fine line of many words, all of them good.", "label": "good"}'
    broken = f'{fine}\nnot json\n{{"id": "x-2"}}\n'
    (project.folder / "inbox/1.jsonl").write_text(broken, encoding="utf-8")
    project.repro("clean")
    folder = project.folder / "data/crawl/snapshot/quarantine"
    rows = [row for path in folder.iterdir() for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 2
    assert all(row["uri"].startswith("file:inbox/1.jsonl") and row["error"] for row in rows)
    assert "WRONG" not in project.gristmill("verify", "crawl", "clean")


def test_a_page_of_garbage_is_quarantined(project: Project) -> None:
    """Bytes that are no text in any charset do not stop the run."""
    garbage = bytes(range(256)) * 40
    (project.folder / "inbox/page.html").write_bytes(garbage)
    with_source(project, kind="files", path="inbox/*.html", format="html")
    project.repro("clean")
    folder = project.folder / "data/clean/quarantine"
    rows = [row for path in folder.iterdir() for row in pq.read_table(path).to_pylist()]
    assert [row["uri"] for row in rows] == ["file:inbox/page.html"]
    assert "WRONG" not in project.gristmill("verify", "crawl", "clean")


def test_a_command_outside_a_project_says_so(tmp_path: Path) -> None:
    """No traceback for a wrong folder."""
    from tests.pipeline.conftest import ROOT

    done = Project(tmp_path).run("python", "-m", "catalog", "status", check=False, PYTHONPATH=str(ROOT))
    assert done.returncode == 1
    assert "run the command in the root of a Gristmill project" in done.stderr
