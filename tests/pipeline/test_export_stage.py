"""An export as a stage of one's own, by the command that docs/exports.md shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipeline.conftest import ROOT, Project


def documented() -> list[str]:
    """The command `dvc stage add` of the page, as a shell reads it."""
    page = (ROOT / "docs/exports.md").read_text(encoding="utf-8")
    found = re.search(r"^dvc (stage add .*?)\n```", page, re.M | re.S)
    assert found
    return shlex.split(found[1].replace("\\\n", " "))


def rows(folder: Path) -> int:
    """Rows of all files of an export."""
    return sum(pq.read_table(path).num_rows for path in folder.glob("data/*.parquet"))


@pytest.mark.nightly
def test_dvc_writes_data_and_reports_again_when_they_are_due(project: Project) -> None:
    """Not without a reason; the reports alone when the author says something; both when a text comes."""
    published = project.folder / "published"
    project.run("dvc", *documented())
    project.repro()
    first = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert rows(published) == 180 and len(first) == 8
    assert "Stage 'published' didn't change, skipping" in project.repro()
    project.edit("params.yaml", "answers: {}", "answers: {purpose: To test the graph.}")
    project.repro()
    changed = {path.name for path, content in first.items() if path.read_bytes() != content}
    assert changed == {"DATASHEET.md"}
    project.add_file(4, '{"id": "new", "text": "A text that nobody has seen before today.", "label": "good"}\n')
    project.repro()
    assert rows(published) == 181
    project.gristmill("status")
    assert project.gristmill("fsck").startswith("clean")
