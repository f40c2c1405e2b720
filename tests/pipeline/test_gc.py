"""gc on a real project: what is freed is computed again when an old version is asked for, to the same bytes."""

from __future__ import annotations

import pytest

from tests.pipeline.conftest import Project


@pytest.mark.slow
def test_a_freed_version_is_built_again_to_the_same_bytes(project: Project) -> None:
    """Freed results are misses, never wrong answers: only they are computed, and every byte is as it was."""
    digests, files = project.digests(), project.files()
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 40}")
    project.repro()
    project.commit()
    assert "nothing to free" in project.gristmill("gc", "--keep-last", "2")
    cached = sorted((project.folder / ".dvc/cache").rglob("*"))
    shown = project.gristmill("gc", "--keep-last", "1", "--dry-run")
    assert "dedup.cluster" in shown and "CPU-s" in shown and "DVC's run cache" in shown
    assert project.gristmill("gc", "--keep-last", "1") == shown + "nothing was freed; `--yes` frees it\n"
    assert sorted((project.folder / ".dvc/cache").rglob("*")) == cached
    assert "freed" in project.gristmill("gc", "--keep-last", "1", "--yes")
    assert project.gristmill("fsck", "--all").splitlines()[-1].startswith("clean: ")
    assert "up to date" in project.repro()
    project.run("git", "checkout", "-q", "HEAD~")
    assert "Running stage 'clean'" in project.repro()
    assert project.digests() == digests and project.files() == files
    assert project.stale("dedup") == ["dedup.cluster"]
    assert project.stale("clean") == []  # the bytes of its verdicts are those of crawl's, which stayed
    assert project.run("git", "status", "--porcelain", "dvc.lock").stdout == ""
