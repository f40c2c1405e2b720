"""The default corpus as its owner has it: built, committed, tagged v1 and pushed, with files to add beside it.

Reads   what `make repro` built in this checkout. Objects are linked, not copied: a page may delete, never change them.
"""

from __future__ import annotations

import bz2
import os
import shutil
import subprocess
from pathlib import Path

import py7zr
import pytest

from tests.commands.shell import shell
from tests.pipeline.conftest import ROOT
from tests.stages.sources.dumps import POSTS, WIKI

NOTE = '{"body": "A note on the mill by the river, which nobody wrote before."}\n'


def corpus(work: Path) -> Path:
    """The project, ready for whoever types. Skips the test where nothing was built."""
    if not (ROOT / "data/catalog").is_dir():
        pytest.skip("the default corpus is not built; `make commands` builds it")
    folder = work / "corpus"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in (*tracked.splitlines(), "dvc.lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)  # compiled kernels go by time of change
    for package in ("catalog", "stages"):
        shutil.copytree(ROOT / package, folder / package, copy_function=shutil.copy2, dirs_exist_ok=True)
    shutil.copytree(ROOT / ".dvc/cache", folder / ".dvc/cache", copy_function=os.link)
    shutil.copytree(ROOT / ".gristmill", folder / ".gristmill", ignore=shutil.ignore_patterns("dvc"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    _files_to_add(folder)
    shell(work, folder, f"git init -q --bare -b main {work}/corpus.git; git init -q -b main; dvc checkout -q")
    as_cloned = "git add --all -- ':!dvc.lock' ':!inbox' ':!dumps'; git commit -qm 'As cloned'"
    shell(work, folder, f"{as_cloned}; git remote add origin {work}/corpus.git")
    return folder


def _files_to_add(folder: Path) -> None:
    """What the pages add as sources."""
    (folder / "inbox").mkdir()
    (folder / "inbox/notes.jsonl").write_text(NOTE)
    (folder / "dumps").mkdir()
    (folder / "dumps/enwiki-latest-pages-articles.xml.bz2").write_bytes(bz2.compress(WIKI))
    with py7zr.SevenZipFile(folder / "dumps/stats.stackexchange.com.7z", "w") as archive:
        archive.writestr(POSTS, "Posts.xml")


def commit(work: Path, folder: Path) -> None:
    """The corpus as version v1, pushed."""
    shell(
        work,
        folder,
        "git add -A; git commit -qm 'The default corpus'; git tag v1; git push -q -u origin main v1",
    )
