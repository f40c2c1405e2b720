"""Fsck on projects made by hand: forged digests, a remote behind HTTP, files a person tracks, DVC's configuration."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalog.errors import BusyError, GristmillError
from catalog.incremental.stage import lock_stage
from catalog.integrity.fsck import fsck
from catalog.integrity.remotes import set_verify, unverified

# Two blocks of one md5 and two sha256 (Wang, Feng, Lai and Yu, 2004): they differ in six bits.
FORGED = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
GENUINE = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
)


def md5(content: bytes) -> str:
    """How DVC names it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def keep(content: bytes, suffix: str = "", root: Path = Path(".dvc/cache")) -> str:
    """Put bytes into DVC's cache, or a remote, read-only as DVC does; the name of the object."""
    oid = md5(content) + suffix
    overwrite(root / "files/md5" / oid[:2] / oid[2:], content)
    return oid


def overwrite(path: Path, content: bytes) -> None:
    """Change an object in place and leave it read-only: DVC takes it for right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def keep_folder(files: dict[str, bytes]) -> str:
    """Put a folder into DVC's cache; the name of its listing."""
    listing = [{"md5": keep(content), "relpath": name} for name, content in sorted(files.items())]
    return keep(json.dumps(listing).encode(), ".dir")


def lock(**stages: dict[str, str]) -> None:
    """Write a dvc.lock: stage -> {path: object}."""
    nodes = {
        stage: {"cmd": "true", "outs": [{"path": path, "hash": "md5", "md5": oid} for path, oid in outs.items()]}
        for stage, outs in stages.items()
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": nodes}))
    written = {stage: {"cmd": "true", "outs": list(outs)} for stage, outs in stages.items()}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": written}))


def dvc(*arguments: str) -> str:
    """Run DVC as a user does; what it printed."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project of git and DVC, in the current directory."""
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text(
        "[core]\n    analytics = false\n    check_update = false\n    site_cache_dir = .gristmill/dvc\n"
    )
    (folder / ".gitignore").write_text(".gristmill/\n.dvc/cache/\n.dvc/tmp/\n")
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def manifest(path: Path, files: dict[str, bytes]) -> bytes:
    """A manifest with the sha256 of some files."""
    sha256 = [hashlib.sha256(content).hexdigest() for content in files.values()]
    pq.write_table(pa.table({"path": list(files), "sha256": sha256}), path)
    return path.read_bytes()


def test_a_forged_object_of_the_right_md5_is_corrupt(project: Path, tmp_path: Path) -> None:
    """Crawled bytes can be made to collide in md5; the manifest's sha256 tells them apart."""
    assert md5(GENUINE) == md5(FORGED)
    files = {"text/a": GENUINE}
    folder = keep_folder(files | {"manifest.parquet": manifest(tmp_path / "m", files)})
    lock(clean={"data/clean": folder})
    assert fsck().problems == []
    keep(FORGED)
    (problem,) = fsck().problems
    assert (problem.kind, problem.where, problem.item.file) == ("corrupt", "cache", "data/clean/text/a")
    assert problem.expected == f"sha256 {hashlib.sha256(GENUINE).hexdigest()}"
    assert problem.found == f"sha256 {hashlib.sha256(FORGED).hexdigest()}"


def test_a_forged_copy_is_no_copy(project: Path, tmp_path: Path) -> None:
    """What lies in data/ under the right name has the right md5: it must not be restored."""
    files = {"text/a": GENUINE}
    folder = keep_folder(files | {"manifest.parquet": manifest(tmp_path / "m", files)})
    lock(clean={"data/clean": folder})
    keep(b"poison-----")
    overwrite(Path(".dvc/cache/files/md5") / md5(GENUINE)[:2] / md5(GENUINE)[2:], b"poison")
    Path("data/clean/text").mkdir(parents=True)
    Path("data/clean/text/a").write_bytes(FORGED)
    report = fsck(repair=True)
    assert "`dvc repro clean` computes it again" in report.problems[0].remedy
    assert not (Path(".dvc/cache/files/md5") / md5(GENUINE)[:2] / md5(GENUINE)[2:]).exists()


def test_what_a_person_tracks_is_never_overwritten(project: Path) -> None:
    """An edited file of `dvc add` is work in progress: no problem, and no repair."""
    Path("notes.csv").write_text("a")
    dvc("add", "notes.csv")
    Path("notes.csv").write_text("edited")
    report = fsck(repair=True)
    assert report.problems == [] and "notes.csv is not the version" in report.notices[0]
    assert Path("notes.csv").read_text() == "edited"


def test_the_cache_object_of_a_tracked_file_is_restored_from_it(project: Path) -> None:
    """DVC says up to date; the file still has the right bytes."""
    Path("notes.csv").write_text("right")
    dvc("add", "notes.csv")
    cached = Path(".dvc/cache/files/md5") / md5(b"right")[:2] / md5(b"right")[2:]
    overwrite(cached, b"wrong")
    assert "up to date" in dvc("status")
    report = fsck(repair=True)
    assert report.problems == [] and "restored from notes.csv" in report.repaired[0]
    assert cached.read_bytes() == b"right"


def test_other_commits_and_loose_objects_are_checked_on_demand(project: Path) -> None:
    """An object of an older commit, and one that no version names but DVC would trust."""
    for content in (b"old", b"new"):
        lock(clean={"data/clean": keep_folder({"a": content})})
        subprocess.run(["git", "add", "-A"], check=True)
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "build"], check=True)
    old, loose = (Path(".dvc/cache/files/md5") / oid[:2] / oid[2:] for oid in (md5(b"old"), "ab" * 16))
    overwrite(old, b"wrong")
    overwrite(loose, b"anything")
    assert fsck().problems == []
    assert {problem.path for problem in fsck(everything=True).problems} == {str(old), str(loose)}
    (left,) = fsck(everything=True, repair=True).problems
    assert left.item.out.stage == "clean" and not old.exists() and not loose.exists()
    assert fsck(everything=True).problems == []


def test_a_project_of_no_stage_and_no_commit_is_clean(project: Path) -> None:
    """Nothing to check is no error."""
    report = fsck()
    assert (report.problems, report.objects) == ([], 0)


def test_an_unknown_remote_and_a_folder_without_a_project_are_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the remotes there are."""
    dvc("remote", "add", "store", str(tmp_path / "store"))
    with pytest.raises(GristmillError, match=r"no remote is called stoer \(known: store\)"):
        fsck(["stoer"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GristmillError, match="run the command in the root"):
        fsck()


def test_a_conflict_in_the_lock_is_named(project: Path) -> None:
    """Not a traceback."""
    Path("dvc.lock").write_text("<<<<<<< HEAD\nstages: {}\n=======\n")
    with pytest.raises(GristmillError, match=r"dvc.lock is not what DVC writes"):
        fsck()


@pytest.mark.parametrize("left", ["", "schema: '2.0'\nstages:\n  clean:\n    cmd: [tr", "schema: '2.0'\n"])
def test_a_half_written_lock_is_mended_from_git(project: Path, left: str) -> None:
    """DVC was killed while it wrote dvc.lock: fsck says so, and a repair puts back what git has."""
    lock(clean={"data/clean": keep_folder({"a": b"right"})})
    right = Path("dvc.lock").read_bytes()
    subprocess.run("git add -A && git -c user.name=t -c user.email=t@e commit -qm one", shell=True, check=True)
    Path("dvc.lock").write_text(left)
    with pytest.raises(GristmillError, match=r"killed while it wrote dvc.lock; `gristmill fsck --repair`"):
        fsck()
    assert fsck(repair=True).repaired == ["dvc.lock: as git has it, it was half-written"]
    assert Path("dvc.lock").read_bytes() == right


def test_what_git_does_not_have_is_deleted(project: Path) -> None:
    """Results are found again without dvc.lock; DVC makes its rwlock anew."""
    Path(".dvc/tmp").mkdir()
    for name in ("dvc.lock", ".dvc/tmp/rwlock"):
        Path(name).write_text("")
    report = fsck(repair=True)
    assert [line.partition(":")[0] for line in report.repaired] == ["dvc.lock", ".dvc/tmp/rwlock"]
    assert not Path("dvc.lock").exists() and not Path(".dvc/tmp/rwlock").exists()
    dvc("status")


def test_no_repair_while_a_stage_runs(project: Path) -> None:
    """Both would write the same files; looking is allowed."""
    lock(clean={"data/clean": keep_folder({"a": b"right"})})
    keep(b"right")
    overwrite(Path(".dvc/cache/files/md5") / md5(b"right")[:2] / md5(b"right")[2:], b"wrong")
    with lock_stage("dedup"):
        assert len(fsck().problems) == 1
        with pytest.raises(BusyError):
            fsck(repair=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("""['remote "a"']\n    url = /x\n""", """['remote "a"']\n    verify = true\n    url = /x\n"""),
        ("""[remote "a"]\nverify = false ; why\nurl = /x""", """[remote "a"]\n    verify = true\nurl = /x"""),
        (
            """# 1\n['remote "b"']\nverify = true\nurl = /y\n[ 'remote "a"' ] # 2\nurl=/x\n""",
            """# 1\n['remote "b"']\nverify = true\nurl = /y\n[ 'remote "a"' ] # 2\n    verify = true\nurl=/x\n""",
        ),
    ],
)
def test_verify_is_set_and_the_rest_of_the_file_stays(project: Path, before: str, after: str) -> None:
    """DVC's own writer drops comments; DVC reads what is written."""
    Path(".dvc/config").write_text(before)
    assert unverified() == ["a"]
    set_verify("a")
    assert unverified() == []
    assert Path(".dvc/config").read_text() == after
    assert dvc("config", "remote.a.verify").strip() == "true"
