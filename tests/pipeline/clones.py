"""Clones: projects that share one remote, whose commands are children of a fork server."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner

from catalog.cli import app
from tests.pipeline.compared import Builds
from tests.pipeline.conftest import Project
from tests.servers.running import Served

ME = ("-c", "user.name=t", "-c", "user.email=t@example.org")


class Clone(Project):
    """A project, and what its owner types in it."""

    def __init__(self, folder: Path, builds: Builds) -> None:
        super().__init__(folder)
        self._builds = builds

    def dvc(self, *arguments: str, check: bool = True) -> str:
        """A command of DVC; what it printed."""
        status, output = self._builds.server.run(self.folder, "dvc", *arguments)
        assert not check or status == 0, output
        return output

    def gristmill(self, *arguments: str, check: bool = True) -> str:
        """A command of gristmill; what it printed."""
        status, output = self._builds.server.run(self.folder, "catalog", *arguments)
        assert not check or status == 0, output
        return output

    def share(self, *arguments: str, typed: str = "") -> str:
        """`gristmill share` in this process, with what is typed at it; what it printed."""
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(app, ["share", *arguments], input=typed)
        said = f"{done.output}{done.exception or ''}"
        assert done.exit_code == 0, said
        return said

    def set_up(self, served: Served, *arguments: str) -> str:
        """Make it the default remote and send everything there; what was printed."""
        return self.share(*served.settings(), "--yes", *arguments, typed=served.typed())

    def clone(self, folder: Path, served: Served | None = None) -> Clone:
        """A colleague's clone, without data, who has typed the secrets."""
        self.run("git", "clone", "-q", str(self.folder), str(folder))
        found = Clone(folder, self._builds)
        if served and (mine := served.settings_of_each()):
            found.share(*mine, "--dry-run", typed=served.typed())
        return found

    def commit(self) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", *ME, "commit", "-qm", "change")


def first(builds: Builds, folder: Path) -> Clone:
    """A copy of the built project."""
    shutil.copytree(builds.start, folder, copy_function=shutil.copy2, symlinks=True)
    return Clone(folder, builds)


def computed(clone: Clone, stages: Sequence[str]) -> dict[str, int]:
    """Operator -> actions that the last run of each stage computed."""
    found: dict[str, int] = {}
    for stage in stages:
        for operator in clone.stale(stage):
            found[operator] = found.get(operator, 0) + 1
    return found
