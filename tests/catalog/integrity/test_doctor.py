"""What the doctor finds in a project in which one thing is not as it should be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.cli import app
from catalog.integrity import doctor
from catalog.integrity.doctor import examine
from catalog.layout import dvc_store

CONFIG = "[core]\n    no_scm = true\n    site_cache_dir = .gristmill/dvc\n[cache]\n    type = hardlink,copy\n"


@pytest.fixture
def healthy(project: Path) -> Path:
    """A project with a cache, and a remote that has what was built."""
    (project / ".dvc").mkdir()
    remote = f"['remote \"store\"']\n    url = {project}/remote\n    verify = true\n"
    (project / ".dvc/config").write_text(CONFIG + remote)
    (project / ".gristmill/dvc").mkdir(parents=True, mode=0o700)
    (project / "dvc.lock").write_text(
        "schema: '2.0'\nstages: {crawl: {outs: [{path: data, hash: md5, md5: abcdef.dir}]}}\n"
    )
    held = project / "remote/files/md5/ab/cdef.dir"
    held.parent.mkdir(parents=True)
    held.write_text("[]")
    dvc_store().mkdir(parents=True)
    return project


def findings() -> dict[str, tuple[str, str]]:
    """name -> (state, what was found and what to do), of those that are not ok."""
    return {one.name: (one.state, f"{one.found}; {one.remedy}") for one in examine().findings if one.state != "ok"}


def config(old: str, new: str) -> Callable[[], object]:
    """An edit of .dvc/config."""
    path = Path(".dvc/config")
    return lambda: path.write_text(path.read_text().replace(old, new))


def lock(text: str) -> Callable[[], object]:
    """Pins of packages."""

    def write() -> None:
        Path("requirements").mkdir()
        Path("requirements/base.lock").write_text(text)

    return write


def test_a_healthy_project_is_fit(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only git is advised, which this one does without."""
    monkeypatch.setattr(doctor, "LITTLE_ROOM", 0)
    monkeypatch.setattr(doctor, "MEMORY", 0)
    assert list(findings()) == ["git"] and examine().fit


@pytest.mark.parametrize(
    ("spoil", "name", "state", "said"),
    [
        (lambda: os.chmod(".gristmill/dvc", 0o777), "dvc cache", "wrong", "chmod 700 .gristmill/dvc"),
        (lambda: os.chmod(".gristmill", 0o770), "dvc cache", "wrong", "chmod 700 .gristmill"),
        (config("    site_cache_dir = .gristmill/dvc\n", ""), "dvc cache", "advice", "core.site_cache_dir"),
        (config("hardlink,copy", "copy"), "links", "advice", "every file lies here twice"),
        (lambda: Path("dvc.lock").write_text("stages: {crawl: {ou"), "dvc files", "wrong", "fsck --repair"),
        (lambda: Path("remote/files/md5/ab/cdef.dir").unlink(), "remote store", "advice", "`gristmill share -r store`"),
        (config("/remote\n", "/elsewhere\n"), "remote store", "advice", "does not exist; mount it"),
        (config("verify = true", "verify = false"), "verify", "advice", "dvc remote modify store verify true"),
        (config("[cache]", "[core"), "disk", "wrong", "no line of a configuration of DVC"),
        (lock("typer==0.0.1 \\\nnone-such==2 ; sys_platform == 'nowhere' \\\n"), "packages", "advice", "of 0.0.1"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_named(
    healthy: Path, spoil: Callable[[], object], name: str, state: str, said: str
) -> None:
    """With the next command to type."""
    spoil()
    found = findings()
    assert found[name][0] == state and said in found[name][1]
    assert examine().fit == (state == "advice")


def test_no_room_is_wrong(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a status and as JSON."""
    monkeypatch.setattr(doctor, "ROOM", 1 << 60)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    said = json.loads(done.stdout)
    assert done.exit_code == 1 and not said["fit"]
    assert next(one for one in said["findings"] if one["name"] == "disk")["remedy"].startswith("make room")
