"""What an older release built is opened by today's code, and what can be found again is."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.layout import MANIFEST, stage_root
from catalog.segments import Entry, read_manifest
from tests.pipeline.clones import Clone
from tests.pipeline.compared import Builds
from tests.pipeline.conftest import ROOT, graph
from tests.pipeline.forked import STAGES, ForkServer
from tests.pipeline.workbench import write_project
from tests.upgrade.stored import CODE, FORGOTTEN, HERE

STORED = sorted(HERE.glob("*.tar.xz"))
TODAY = ("requirements/base.lock", ".gitignore", ".dvcignore")
NAMED = f"SELECT uri FROM documents WHERE uri = '{FORGOTTEN}'"


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """Today's code, and a server for it."""
    folder = tmp_path_factory.mktemp("today") / "project"
    write_project(folder)
    server = ForkServer(folder)
    yield Builds(folder, server, server)
    server.close()


@pytest.fixture(params=STORED, ids=lambda path: path.name.removesuffix(".tar.xz"))
def upgraded(request: pytest.FixtureRequest, today: Builds, tmp_path: Path) -> Clone:
    """A stored project with today's code and graph, as `git pull` brings them."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    for name in CODE:
        shutil.copytree(today.start / name, tmp_path / name, copy_function=shutil.copy2)
    for name in TODAY:
        shutil.copy2(ROOT / name, tmp_path / name)
    ours, theirs = graph(), yaml.safe_load((tmp_path / "dvc.yaml").read_text())
    own = [dep for dep in theirs["stages"]["label"]["deps"] if dep.startswith(("data/annotations", "data/guidelines"))]
    ours["stages"]["label"]["deps"] += own
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(ours, sort_keys=False))
    return Clone(tmp_path, today)


def ask(clone: Clone, *arguments: str) -> list[dict[str, Any]]:
    """The rows of an answer."""
    rows: list[dict[str, Any]] = json.loads(clone.gristmill("sql", "-f", "json", *arguments))
    return rows


def entries(clone: Clone, stage: str) -> list[Entry]:
    """The manifest of a stage."""
    return read_manifest(clone.folder / stage_root(stage) / MANIFEST)


def computed(clone: Clone, stage: str) -> set[str]:
    """The fingerprints of the actions that the last run of a stage computed."""
    stale = {(line["operator"], line["action"]) for line in clone.lines(stage) if line["verdict"] == "stale"}
    return {entry.fingerprint for entry in entries(clone, stage) if (entry.operator, entry.action) in stale}


@pytest.mark.slow
def test_every_part_is_read(upgraded: Clone) -> None:
    """Both versions by SQL, one document's way, people's answers, and what an audit must still look for."""
    count = "SELECT count(*)::INT AS n FROM documents"
    (new,), (old,) = ask(upgraded, count), ask(upgraded, "--rev", "HEAD~1", count)
    assert old["n"] == new["n"] + 1
    assert [
        row["uri"] for row in ask(upgraded, "--rev", "HEAD~1", f"SELECT uri FROM documents WHERE uri = '{FORGOTTEN}'")
    ]
    assert len(upgraded.gristmill("log").splitlines()) == 3
    (first, *_) = ask(upgraded, "SELECT uri FROM judged_documents WHERE outcome = 'kept' ORDER BY uri")
    assert "begins" in upgraded.gristmill("explain", first["uri"])
    assert "crawl" in upgraded.gristmill("status")
    assert "person:me" in upgraded.gristmill("label", "diff", "HEAD~1")
    assert "1 of them looked for by content too" in upgraded.gristmill("audit", "--local", check=False)


@pytest.mark.slow
@pytest.mark.parametrize("journal", [True, False], ids=["journal", "dvc"])
def test_what_can_be_found_is_found(upgraded: Clone, journal: bool) -> None:
    """No action is computed whose result was stored, whether the journal came along or DVC's store alone."""
    if not journal:
        shutil.rmtree(upgraded.folder / ".gristmill")
    stored = {entry.fingerprint for stage in STAGES for entry in entries(upgraded, stage)}
    upgraded.dvc("repro", "--force")
    assert {stage: computed(upgraded, stage) & stored for stage in STAGES} == {stage: set() for stage in STAGES}
    assert ask(upgraded, NAMED) == []
    assert "WRONG" not in upgraded.gristmill("verify")
