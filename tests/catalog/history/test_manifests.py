"""Reuse through DVC's store and git alone: no journal, a colleague's clone, a poisoned cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.history import manifests as history
from catalog.history.manifests import index_history, previous_manifest
from catalog.incremental.journal import Journal
from tests.catalog.incremental.test_stage import trace

ROOT = Path(__file__).parents[3]
GRAPH = """
stages:
  crawl:
    cmd: python run.py crawl
    deps: [words.json, run.py]
    outs: [data/crawl/snapshot]
  clean:
    cmd: python run.py clean
    deps: [data/crawl/snapshot, run.py]
    params: [clean]
    outs: [data/clean]
"""
RUN = """
import json, sys
from tests.catalog.incremental import test_stage
if sys.argv[1] == "crawl":
    test_stage.crawl(*json.load(open("words.json")).items())
else:
    test_stage.clean()
"""


def sh(*command: str, folder: Path) -> str:
    """Run a command of the project; its output."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "GRISTMILL_WORKERS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dvc(*arguments: str, folder: Path) -> str:
    """Run DVC as a user does."""
    return sh(sys.executable, "-m", "dvc", *arguments, folder=folder)


def commit(folder: Path) -> None:
    """Commit everything."""
    sh("git", "add", "-A", folder=folder)
    sh("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "build", folder=folder)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two sources, built and committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    sh("git", "init", "-q", "-b", "main", folder=folder)
    dvc("init", "-q", folder=folder)
    (folder / ".dvc/config").write_text("[core]\nanalytics = false\ncheck_update = false\n")
    (folder / ".gitignore").write_text(".gristmill\n__pycache__\n")
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / "run.py").write_text(RUN)
    (folder / "params.yaml").write_text("clean: {extra: 0}\n")
    (folder / "words.json").write_text('{"a": ["x", "yy"], "b": ["zzz"]}')
    dvc("repro", folder=folder)
    commit(folder)
    monkeypatch.chdir(folder)
    return folder


def test_history_alone_answers(built: Path) -> None:
    """Journal deleted, code comment added: DVC reruns the stage, every result comes from its store."""
    shutil.rmtree(".gristmill")
    (built / "run.py").write_text(RUN + "\n# a comment\n")
    lock = (built / "dvc.lock").read_text()
    dvc("repro", folder=built)
    assert trace("clean") == [("fresh", "dvc")] * 2
    assert [line for line in lock.splitlines() if ".dir" in line] == [
        line for line in (built / "dvc.lock").read_text().splitlines() if ".dir" in line
    ]


def test_an_older_commit_answers(built: Path) -> None:
    """A segment of two commits ago is found, though neither the journal nor the last manifest has it."""
    (built / "words.json").write_text('{"a": ["x", "yy"]}')
    dvc("repro", folder=built)
    commit(built)
    shutil.rmtree(".gristmill")
    (built / "words.json").write_text('{"a": ["x", "yy"], "b": ["zzz"], "c": ["new"]}')
    dvc("repro", folder=built)
    assert [verdict for verdict, _ in trace("clean")] == ["fresh", "fresh", "stale"]


def test_a_colleague_pulls_and_reuses(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dvc pull` alone brings records and bytes: one changed source costs one segment."""
    dvc("remote", "add", "-d", "store", str(tmp_path / "store"), folder=built)
    commit(built)
    dvc("push", folder=built)
    clone = tmp_path / "clone"
    sh("git", "clone", "-q", str(built), str(clone), folder=tmp_path)
    dvc("pull", folder=clone)
    (clone / "words.json").write_text('{"a": ["x", "yy"], "b": ["changed"]}')
    dvc("repro", folder=clone)
    monkeypatch.chdir(clone)
    assert trace("clean") == [("fresh", "dvc"), ("stale", "new input crawl/captures")]


def test_a_poisoned_cache_object_is_healed(built: Path) -> None:
    """DVC trusts any object with mode 0444; we hash it, delete it, and the rebuilt bytes take its place."""
    clean = Path("data/clean/lengths")
    victim = next(clean.iterdir())
    content = victim.read_bytes()
    cached = next(
        path for path in Path(".dvc/cache/files/md5").rglob("*") if path.is_file() and path.read_bytes() == content
    )
    cached.chmod(0o644)
    cached.write_bytes(b"poison")
    cached.chmod(0o444)
    shutil.rmtree(".gristmill")
    (built / "run.py").write_text(RUN + "\n# rerun\n")
    dvc("repro", folder=built)
    assert ("stale", "its result is gone or corrupt") in trace("clean")
    assert victim.read_bytes() == content
    assert cached.read_bytes() == content


def test_a_stage_run_as_a_program_has_the_recipe_of_its_module(tmp_path: Path) -> None:
    """`python -m package.verb` calls its module `__main__`; the fingerprint must not."""
    (tmp_path / "verb.py").write_text(
        "from catalog.incremental.operators import Operator\n"
        "def work(): ...\nprint(Operator(name='work', run=work).reference)\n"
    )
    assert sh(sys.executable, "-m", "verb", folder=tmp_path).strip() == "verb:work"


def test_a_lock_that_a_merge_alone_has_is_read(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict in dvc.lock, solved by building anew, gives a version that stands in no other commit."""
    monkeypatch.chdir(built)
    lock, user = built / "dvc.lock", ("git", "-c", "user.name=t", "-c", "user.email=t@t")
    for branch in ("left", "right"):
        sh("git", "checkout", "-qb", branch, "main", folder=built)
        lock.write_text(lock.read_text() + f"# {branch}\n")
        commit(built)
    sh(*user, "merge", "-q", "-s", "ours", "--no-commit", "left", folder=built)
    lock.write_text("outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n")
    commit(built)
    lock.write_text("nothing\n")
    commit(built)
    journal = Journal(built / "journal")
    index_history(journal)
    assert "0123456789abcdef0123456789abcdef" in journal.unread_directories()


def test_a_manifest_that_comes_later_is_read_then(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing is here, its manifest was lost: nothing is noted down as read."""
    monkeypatch.chdir(built)
    lock = Path("dvc.lock").read_text()
    directory = history.DIRECTORY.findall(lock)[-1]
    listing = json.loads((Path(".dvc/cache/files/md5") / directory[:2] / f"{directory[2:]}.dir").read_text())
    md5 = next(item["md5"] for item in listing if item["relpath"] == "manifest.parquet")
    path = Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]
    content = path.read_bytes()
    path.unlink()
    shutil.rmtree(".gristmill")
    journal = Journal()
    index_history(journal)
    assert directory in journal.unread_directories()
    path.write_bytes(content)
    index_history(journal)
    assert directory not in journal.unread_directories()


def test_a_manifest_of_another_version_is_as_good_as_none(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade of Gristmill rebuilds; it does not stop."""
    monkeypatch.chdir(built)
    path = Path("data/clean/manifest.parquet")
    path.unlink()
    pq.write_table(pa.table({"path": ["x"]}), path)
    Path("dvc.lock").unlink()
    assert previous_manifest("clean") == []
