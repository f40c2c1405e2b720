"""What gc keeps and frees, on versions made by hand: branches, tags, the crawl log, refusals, locks."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from catalog.errors import BusyError, GristmillError
from catalog.incremental.stage import lock_stage
from catalog.integrity.gc import garbage, remove
from tests.catalog.integrity.test_fsck import dvc, keep, keep_folder, lock, md5, overwrite, project

__all__ = ["project"]  # a fixture


def git(*arguments: str) -> str:
    """Run git; what it printed."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout


def version(text: str) -> None:
    """Build and commit a version: every version has the file `same`, and one of its own."""
    files = {"same": b"same", "own": text.encode()}
    lock(
        clean={"data/clean": keep_folder(files)},
        crawl={"data/crawl/log": keep_folder({"log": b"log " + text.encode()})},
    )
    git("add", "-A")
    git("commit", "-qm", text)


def here(text: str) -> bool:
    """Does DVC's cache hold these bytes?"""
    return (Path(".dvc/cache/files/md5") / md5(text.encode())[:2] / md5(text.encode())[2:]).exists()


def collect(keep_last: int) -> str:
    """Free what is not kept."""
    return remove(garbage(keep_last), keep_last)


@pytest.mark.parametrize(("keep_last", "kept"), [(1, "d"), (2, "cd"), (3, "bcd"), (9, "abcd")])
def test_the_last_versions_stay_and_the_others_go(project: Path, keep_last: int, kept: str) -> None:
    """A version is a commit that changed an output, however many commits lie between."""
    for name in "abcd":
        version(name)
        for number in range(2):
            Path("README").write_text(f"{name}{number}")
            git("add", "-A")
            git("commit", "-qm", "words")
    collect(keep_last)
    assert "".join(name for name in "abcd" if here(name)) == kept
    assert here("same")


def test_the_crawl_log_of_every_version_stays(project: Path) -> None:
    """It cannot be computed again; its listing stays too."""
    for name in "abc":
        version(name)
    collect(1)
    assert [here(f"log {name}") for name in "abc"] == [True] * 3
    assert [here(name) for name in "abc"] == [False, False, True]
    assert garbage(1).files == []


def test_a_project_below_the_root_of_its_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of git are taken as the project sees them, in any script: the crawl log is known as such."""
    Path("新").mkdir()
    for name in (".dvc", ".gitignore"):
        Path(name).rename(Path("新") / name)
    monkeypatch.chdir("新")
    for name in "ab":
        version(name)
    Path("notes.csv").write_text("first")
    dvc("add", "-q", "notes.csv")
    version("c")
    Path("notes.csv.dvc").unlink()
    version("d")
    collect(1)
    assert [name for name in ("a", "b", "c", "d") if here(name)] == ["d"]
    assert all(here(name) for name in ("log a", "log b", "log c", "log d", "first"))


def test_branches_tags_and_the_working_tree_stay(project: Path) -> None:
    """Whatever a name of git still leads to, and what is not committed yet."""
    version("a")
    git("tag", "-a", "release", "-m", "release")
    git("tag", "a-file", "HEAD:dvc.lock")
    version("b")
    git("branch", "side")
    version("c")
    git("checkout", "-q", "side")
    version("side")
    git("checkout", "-q", "main")
    version("d")
    lock(clean={"data/clean": keep_folder({"own": b"not committed"})})
    collect(1)
    assert {name for name in ("a", "b", "c", "side", "d", "not committed") if here(name)} == {
        "a", "side", "d", "not committed",
    }  # fmt: skip


def test_a_merge_is_a_version(project: Path) -> None:
    """A dvc.lock that only a merge commit has is found, as is the crawl log in it."""
    version("a")
    git("checkout", "-qb", "side")
    version("side")
    git("checkout", "-q", "main")
    version("b")
    subprocess.run(["git", "merge", "-q", "side"], capture_output=True, check=False)
    version("merged")
    version("c")
    collect(2)
    assert [name for name in ("a", "side", "b", "merged", "c") if here(name)] == ["a", "side", "merged", "c"]
    assert here("log merged")
    git("branch", "-D", "side")
    collect(1)
    assert [name for name in ("side", "merged", "c") if here(name)] == ["c"]
    assert here("log side") and here("log merged")


def test_what_a_person_tracks_stays_in_every_version(project: Path) -> None:
    """Nobody can compute it again."""
    for content in ("first", "second"):
        Path("notes.csv").write_text(content)
        dvc("add", "-q", "notes.csv")
        git("add", "-A")
        git("commit", "-qm", content)
    version("a")
    assert garbage(1).files == [] and here("first") and here("second")


def test_answers_stay_as_the_kept_versions_have_them(project: Path) -> None:
    """Their log only grows, so that the last has them all: but for what was forgotten, which goes for good."""
    log = Path("data/annotations/task")
    log.mkdir(parents=True)
    for added, gone in (("forgotten", None), ("kept", "forgotten"), ("new", None)):
        (log / added).write_text(added)
        if gone:
            (log / gone).unlink()
        dvc("add", "-q", "data/annotations")
        version(added)
    assert here("forgotten")
    collect(2)
    assert [here(name) for name in ("forgotten", "kept", "new")] == [False, True, True]


def test_what_would_be_freed_is_said_by_place(project: Path) -> None:
    """Objects and bytes per stage; nothing is touched."""
    version("a")
    version("b")
    keep(b"of no version")
    text = garbage(1).text()
    assert "DVC's cache, clean                        2" in text
    assert "DVC's cache, of no known version          1              13 bytes" in text
    assert here("a") and here("of no version")


def test_entries_of_the_run_cache_go_with_their_objects(project: Path) -> None:
    """One that would restore a freed folder goes; one of a kept folder stays."""
    entries = []
    for name in "ab":
        version(name)
        entry = Path(f".dvc/cache/runs/{name}{name}/key{name}/value")
        entry.parent.mkdir(parents=True)
        stages = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
        entry.write_text(yaml.safe_dump(stages["clean"]))
        entries.append(entry)
    collect(1)
    assert [entry.exists() for entry in entries] == [False, True]


def test_our_objects_go_but_not_those_of_an_unfinished_build(project: Path) -> None:
    """Freed: what a freed version had, what is older than the last stage that ended. Kept: links of data/, the rest."""

    def ours(content: bytes) -> Path:
        path = Path(".gristmill/objects") / f"{'0' * 64}.{md5(content)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    version("a")
    stale, linked, freed, needed = ours(b"stale"), ours(b"linked"), ours(b"a"), ours(b"b")
    os.link(linked, "linked")
    old = Path(".gristmill/building/pretrain/old")
    old.mkdir(parents=True)
    time.sleep(0.01)
    version("b")
    time.sleep(0.01)
    fresh = ours(b"fresh")
    new = Path(".gristmill/building/pretrain/new")
    new.mkdir()
    collect(1)
    assert [path.exists() for path in (stale, freed, old)] == [False] * 3
    assert [path.exists() for path in (linked, needed, fresh, new)] == [True] * 4


def test_links_of_one_file_are_counted_once(project: Path) -> None:
    """DVC's object, ours and data/ may share one inode: bytes are free when its last link goes."""
    version("a")
    version("b")
    name = md5(b"a")
    theirs, ours = Path(".dvc/cache/files/md5") / name[:2] / name[2:], Path(f".gristmill/objects/{'0' * 64}.{name}")
    ours.parent.mkdir(parents=True, exist_ok=True)
    os.link(theirs, ours)
    found = {file.path.name: file.bytes for file in garbage(1).files}
    assert found[theirs.name] + found[ours.name] == 1
    os.link(theirs, "data-of-a-build")
    found = {file.path.name: file.bytes for file in garbage(1).files}
    assert found[theirs.name] == 0 and ours.name not in found


def test_a_listing_that_only_the_remote_has_keeps_its_files(project: Path, tmp_path: Path) -> None:
    """A kept version that is here in part stays in part."""
    store = tmp_path / "store"
    dvc("remote", "add", "-d", "store", str(store))
    version("a")
    dvc("push", "-q")
    listing = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["clean"]["outs"][0]["md5"]
    (Path(".dvc/cache/files/md5") / listing[:2] / listing[2:]).unlink()
    version("b")
    collect(2)
    assert here("a")
    (store / "files/md5" / listing[:2] / listing[2:]).unlink()
    assert "neither here nor on a remote" in garbage(2).text()


def test_nothing_is_freed_while_a_stage_runs_or_dvc_does(project: Path) -> None:
    """A build may use any object."""
    version("a")
    version("b")
    shown = garbage(1)
    with lock_stage("label"), pytest.raises(BusyError, match="label"):
        remove(shown, 1)
    with Repo().lock, pytest.raises(BusyError, match="another DVC command"):
        remove(shown, 1)
    assert here("a")


def test_what_became_needed_after_the_question_stays(project: Path) -> None:
    """The answer may come late: what a build has used since is not freed."""
    version("a")
    version("b")
    shown = garbage(1)
    git("checkout", "-q", "HEAD~", "--", "dvc.lock")
    remove(shown, 1)
    assert here("a") and here("b")


def test_refusals_name_the_next_command(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """History must say in full what is needed."""
    with pytest.raises(GristmillError, match="git add -A && git commit"):
        garbage(1)
    version("a")
    with pytest.raises(GristmillError, match="--keep-last 0"):
        garbage(0)
    listing = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["clean"]["outs"][0]["md5"]
    overwrite(Path(".dvc/cache/files/md5") / listing[:2] / listing[2:], b"[]")
    with pytest.raises(GristmillError, match="gristmill fsck --all --repair"):
        garbage(1)
    tree = git("rev-parse", "HEAD^{tree}").strip()
    broken = Path(f".git/objects/{tree[:2]}/{tree[2:]}").rename("tree")
    with pytest.raises(GristmillError, match="git fsck"):
        garbage(1)
    broken.rename(f".git/objects/{tree[:2]}/{tree[2:]}")
    Path(".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    with pytest.raises(GristmillError, match="outside this project"):
        garbage(1)
    version("b")
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{project}", str(tmp_path / "shallow")], check=True)
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(GristmillError, match="git fetch --unshallow"):
        garbage(1)
