"""A project as a release leaves it, packed, so that every later release can be tried on it.

Writes  tests/upgrade/<version>.tar.xz: two versions of a small project of made-up texts in git, their results in DVC's
        store and in the journal, people's answers, a forgotten document. Left out are the code, which an upgrade
        replaces, and what knows this machine.
Run     python -m tests.upgrade.stored      before the release is tagged (CONTRIBUTING.md)
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.pipeline.clones import Clone
from tests.pipeline.compared import Builds
from tests.pipeline.edits import base_params
from tests.pipeline.forked import ForkServer
from tests.pipeline.test_label_rounds import answered
from tests.pipeline.workbench import write_project, written

HERE = Path(__file__).parent
FORGOTTEN = "file:inbox/1.jsonl#0"
GUIDELINE = "data/guidelines/opinion.md"
CODE = ("catalog", "stages")
LEFT_OUT = (*CODE, ".git/hooks", ".dvc/tmp", ".gristmill/dvc", "data/catalog.duckdb")


def build(clone: Clone) -> None:
    """Two versions: what was built first, and what answers and a forgotten document made of it."""
    shutil.rmtree(clone.folder / ".git")  # whose first commit has the code
    clone.run("git", "init", "-q", "-b", "main")
    (clone.folder / ".git/info/exclude").write_text("".join(f"/{name}/\n" for name in CODE))
    (clone.folder / GUIDELINE).parent.mkdir()
    (clone.folder / GUIDELINE).write_text("Is it good or bad?\n")
    params = base_params()
    params["label"]["tasks"][0]["guideline"] = GUIDELINE
    (clone.folder / "params.yaml").write_text(written(params), encoding="utf-8")
    clone.dvc("repro")
    clone.commit()
    queue = clone.folder.parent / "queue.csv"
    clone.gristmill("label", "queue", "opinion", "--budget", "2", "-f", "csv", "-o", str(queue))
    answered(queue, ("good", "bad"))
    clone.gristmill("label", "import", "opinion", str(queue), "--annotator", "me")
    clone.gristmill("forget", FORGOTTEN, "--reason", "asked to", "--yes")
    clone.dvc("repro")
    clone.commit()


def pack(folder: Path, path: Path) -> None:
    """Everything in a project but what is left out, without names of users and groups."""

    def packed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if member.name.startswith(LEFT_OUT) or "__pycache__" in member.name:
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(path, "w:xz", preset=9) as archive:
        for entry in sorted(folder.iterdir()):
            archive.add(entry, entry.name, filter=packed)


def main() -> None:
    """Build and pack this version's; see the module."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "project")
        write_project(folder)
        server = ForkServer(folder)
        try:
            build(Clone(folder, Builds(folder, server, server)))
        finally:
            server.close()
        pack(folder, HERE / f"{version('gristmill')}.tar.xz")


if __name__ == "__main__":
    main()
