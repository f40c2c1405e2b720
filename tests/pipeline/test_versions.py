"""Earlier versions: asked, compared and listed, from DVC's store or its remote."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project, texts


def ask(project: Project, *arguments: str) -> list[dict[str, object]]:
    """The rows of an answer."""
    rows: list[dict[str, object]] = json.loads(project.gristmill("sql", "-f", "json", *arguments))
    return rows


@pytest.mark.slow
def test_a_version_is_asked_compared_and_listed(project: Project, tmp_path: Path) -> None:
    """What a tag had is read from DVC's store, or from the remote and nothing else of it."""
    dvc, remote = (sys.executable, "-m", "dvc"), tmp_path / "remote"
    project.run(*dvc, "remote", "add", "-d", "kept", str(remote))
    project.commit()
    project.run("git", "tag", "v1")
    count = "SELECT count(*)::INT AS n FROM documents"
    (before,) = ask(project, count)
    project.add_file(9, texts(9, 6))
    project.edit("params.yaml", "min_jaccard: 0.8", "min_jaccard: 0.7")
    project.repro("catalog")
    project.commit()
    assert ask(project, count) == [{"n": int(str(before["n"])) + 6}]
    assert ask(project, "--rev", "v1", count) == [before]
    new = "SELECT count(*)::INT AS n FROM documents ANTI JOIN v1.documents USING (id)"
    assert ask(project, "--beside", "v1=v1", new) == [{"n": 6}]
    said = project.gristmill("diff", "v1")
    assert "reviews-9: 6 added" in said
    assert "dedup: cluster: parameter dedup.min_jaccard was 0.8, is 0.7" in said
    assert "crawl: files reviews-9:inbox/9.jsonl: is new" in said and "augment: screen: parameter" in said
    assert project.gristmill("diff", "v1", "v1") == ""
    head, new_line, old_line = project.gristmill("log").splitlines()[:3]
    assert head.startswith("version") and "v1" in old_line and "v1" not in new_line

    project.run(*dvc, "push", "-q", "--all-commits")
    shutil.rmtree(project.folder / ".dvc/cache")
    shutil.rmtree(project.folder / ".gristmill/versions")
    assert ask(project, "--rev", "v1", count) == [before]
    held = sum(path.stat().st_size for path in (project.folder / ".dvc/cache").rglob("*") if path.is_file())
    assert held < sum(path.stat().st_size for path in remote.rglob("*") if path.is_file()) / 2

    shutil.rmtree(remote)
    shutil.rmtree(project.folder / ".dvc/cache")
    shutil.rmtree(project.folder / ".gristmill/versions")
    assert "neither DVC's cache nor the default remote" in project.gristmill("sql", "--rev", "v1", count, check=False)
    assert "git knows no revision v9" in project.gristmill("sql", "--rev", "v9", count, check=False)
    assert "NAME=REV" in project.gristmill("sql", "--beside", "v1", count, check=False)
