"""The corruptions that DVC calls up to date: each is shown, found, mended, and a colleague pulls the right bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import Project

UP_TO_DATE = "Data and pipelines are up to date"


def digest(path: Path) -> str:
    """md5 of a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def stored(root: Path, oid: str) -> Path:
    """Where a cache or a remote keeps an object."""
    return root / "files/md5" / oid[:2] / oid[2:]


def poison(path: Path) -> None:
    """Flip a byte in place and leave mode and dates as they were."""
    state = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(state.st_mode)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def dvc(project: Project, *arguments: str, check: bool = True) -> str:
    """Run DVC; what it printed."""
    done = project.run(sys.executable, "-m", "dvc", *arguments, check=check)
    return done.stdout + done.stderr


def fsck(project: Project, *arguments: str) -> dict:
    """What `gristmill fsck` found; its exit status must agree."""
    done = project.run(sys.executable, "-m", "catalog", "fsck", "--json", *arguments, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["clean"] else 1)
    return found


def a_file(project: Project, table: str) -> Path:
    """Some segment of a table."""
    return sorted((project.folder / "data" / table).glob("*.parquet"))[0]


def a_linked_file(project: Project, table: str) -> Path:
    """The same, linked to our own object as a build leaves it."""
    path = a_file(project, table)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    ours = project.folder / f".gristmill/objects/{sha256}.{digest(path)}"
    ours.unlink(missing_ok=True)
    os.link(path, ours)
    return path


def listing(project: Project, stage: str) -> str:
    """The object that lists a stage's folder."""
    lock = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))
    return next(out["md5"] for out in lock["stages"][stage]["outs"] if out["path"] == f"data/{stage}")


@pytest.fixture
def remote(project: Project, tmp_path: Path) -> Path:
    """A remote that has everything."""
    folder = tmp_path / "store"
    dvc(project, "remote", "add", "-d", "store", str(folder))
    project.commit()
    dvc(project, "push")
    return folder


def clone(project: Project, tmp_path: Path, name: str) -> Project:
    """A colleague's clone, without data."""
    project.run("git", "clone", "-q", str(project.folder), str(tmp_path / name))
    return Project(tmp_path / name)


def test_a_poisoned_cache_object_is_restored_from_the_workspace(project: Project) -> None:
    """DVC trusts an object by its mode."""
    path = a_file(project, "clean/text")
    cached = stored(project.folder / ".dvc/cache", digest(path))
    poison(cached)
    assert UP_TO_DATE in dvc(project, "status")
    found = fsck(project)
    (problem,) = found["problems"]
    assert (problem["kind"], problem["where"], problem["stage"]) == ("corrupt", "cache", "clean")
    assert problem["file"] == str(path.relative_to(project.folder)) and problem["file"] in problem["remedy"]
    assert fsck(project, "--repair")["problems"] == []
    assert cached.read_bytes() == path.read_bytes() and cached.stat().st_mode & 0o777 == 0o444
    assert fsck(project)["problems"] == [] and UP_TO_DATE in dvc(project, "status")


@pytest.mark.slow
def test_without_any_copy_it_is_deleted_and_computed_again(project: Project) -> None:
    """DVC would have put the poison back over the rebuilt file."""
    path, wanted = a_file(project, "clean/text"), project.digests()
    cached, content = stored(project.folder / ".dvc/cache", digest(path)), path.read_bytes()
    poison(cached)
    shutil.rmtree(project.folder / ".gristmill")
    shutil.rmtree(project.folder / "data/clean")
    (problem,) = fsck(project, "--repair")["problems"]
    assert "`dvc repro clean` computes it again" in problem["remedy"] and not cached.exists()
    assert any("data/clean" in notice for notice in fsck(project)["notices"])
    project.repro()
    assert project.digests() == wanted and path.read_bytes() == content and cached.read_bytes() == content
    assert fsck(project)["problems"] == []


def test_an_edit_of_the_one_inode_that_all_share_is_computed_again(project: Project) -> None:
    """DVC's object, ours and data/ are links of one file: no copy is right, so all go and the stage runs."""
    path, wanted = a_linked_file(project, "clean/text"), project.digests()
    content, cached = path.read_bytes(), stored(project.folder / ".dvc/cache", digest(path))
    cached.unlink()
    os.link(path, cached)
    poison(path)
    assert {problem["where"] for problem in fsck(project)["problems"]} == {"cache", "workspace", "objects"}
    left = fsck(project, "--repair")["problems"]
    assert {problem["where"] for problem in left} == {"cache", "workspace"}
    assert all("`dvc repro clean` computes it again" in problem["remedy"] for problem in left)
    project.repro()
    assert project.digests() == wanted and path.read_bytes() == cached.read_bytes() == content
    assert fsck(project)["problems"] == []


@pytest.mark.slow
def test_a_file_that_two_stages_share_is_computed_again_for_both(project: Project) -> None:
    """The first stage brings the object back; DVC would believe that the second one's file is it."""
    path, wanted = a_linked_file(project, "clean/signals"), project.digests()
    twin = project.folder / "data/catalog/signals" / path.name
    content, cached = path.read_bytes(), stored(project.folder / ".dvc/cache", digest(path))
    for other in (cached, twin):
        assert other.read_bytes() == content
        other.unlink()
        os.link(path, other)
    poison(path)
    left = fsck(project, "--repair")["problems"]
    assert {problem["where"] for problem in left} == {"cache", "workspace"} and not twin.exists()
    project.repro()
    assert project.digests() == wanted and path.read_bytes() == twin.read_bytes() == content
    assert fsck(project)["problems"] == []


def test_a_linked_cache_is_mended_from_the_remote(project: Project, remote: Path) -> None:
    """With hard links, who edits data/ edits the cache: no copy is left here but the remote has one."""
    path = a_file(project, "clean/text")
    content, cached = path.read_bytes(), stored(project.folder / ".dvc/cache", digest(path))
    shutil.rmtree(project.folder / ".gristmill/objects")
    path.unlink()
    os.link(cached, path)
    poison(path)
    assert {problem["where"] for problem in fsck(project)["problems"]} == {"cache", "workspace"}
    report = fsck(project, "--repair")
    assert report["problems"] == [] and any("the remote store" in line for line in report["repaired"])
    assert path.read_bytes() == cached.read_bytes() == content and not path.samefile(cached)


def test_a_damaged_file_of_data_is_restored(project: Project) -> None:
    """Size and dates are the same, so DVC does not look; our own object shares the inode and is dropped."""
    path = a_linked_file(project, "dedup/signatures")
    content = path.read_bytes()
    assert UP_TO_DATE in dvc(project, "status")
    poison(path)
    assert UP_TO_DATE in dvc(project, "status")
    assert {problem["where"] for problem in fsck(project)["problems"]} == {"workspace", "objects"}
    assert fsck(project, "--repair")["problems"] == []
    assert path.read_bytes() == content
    assert UP_TO_DATE in dvc(project, "status")


def test_another_build_in_data_is_not_corruption(project: Project) -> None:
    """A folder without its manifest was left by a build that did not end; our own object is wrong all the same."""
    (project.folder / "data/clean/manifest.parquet").unlink()
    poison(a_linked_file(project, "clean/text"))
    found = fsck(project)
    assert [problem["where"] for problem in found["problems"]] == ["objects"]
    assert any(notice.startswith("data/clean is not the version") for notice in found["notices"])


@pytest.mark.slow
def test_a_corrupt_object_on_a_remote(project: Project, remote: Path, tmp_path: Path) -> None:
    """A colleague pulls wrong bytes without a word; after the repair the right ones, and pulls are verified."""
    path = a_file(project, "clean/text")
    poison(stored(remote, digest(path)))
    assert "in sync" in dvc(project, "status", "-c") and "up to date" in dvc(project, "push")
    victim = clone(project, tmp_path, "victim")
    dvc(victim, "pull")
    pulled = victim.folder / path.relative_to(project.folder)
    assert pulled.read_bytes() != path.read_bytes() and UP_TO_DATE in dvc(victim, "status")
    found = fsck(project, "--remote", "store")
    (problem,) = found["problems"]
    assert (problem["kind"], problem["where"]) == ("corrupt", "store")
    assert any("verify = true" in notice for notice in found["notices"])
    assert fsck(project, "--remote", "store", "--repair")["problems"] == []
    project.commit()
    colleague = clone(project, tmp_path, "colleague")
    dvc(colleague, "pull")
    assert colleague.files() == project.files()
    poison(stored(remote, digest(path)))
    assert "failed" in dvc(clone(project, tmp_path, "warned"), "pull", check=False)


@pytest.mark.slow
def test_a_remote_that_lost_an_object(project: Project, remote: Path, tmp_path: Path) -> None:
    """DVC takes a listing for all its files: push has nothing to do, and the colleague's pull fails."""
    path = a_file(project, "label/splits")
    stored(remote, digest(path)).unlink()
    assert "up to date" in dvc(project, "push") and "in sync" in dvc(project, "status", "-c")
    assert "failed" in dvc(clone(project, tmp_path, "victim"), "pull", check=False)
    (problem,) = fsck(project, "--remote", "store")["problems"]
    assert (problem["kind"], problem["found"], problem["stage"]) == ("lost", "nothing", "label")
    assert fsck(project, "--remote", "store", "--repair")["problems"] == []
    colleague = clone(project, tmp_path, "colleague")
    dvc(colleague, "pull")
    assert colleague.files() == project.files()


@pytest.mark.slow
def test_corrupt_and_lost_listings_are_mended(project: Project, remote: Path, tmp_path: Path) -> None:
    """A listing is an object too: the cache's is made again from data/, the remote's from the cache's."""
    clean, label = listing(project, "clean"), listing(project, "label")
    cached = stored(project.folder / ".dvc/cache", clean)
    content = cached.read_bytes()
    poison(cached)
    poison(stored(remote, clean))
    stored(remote, label).unlink()
    found = fsck(project, "--remote", "store")
    assert {(p["kind"], p["where"], p["object"]) for p in found["problems"]} == {
        ("corrupt", "cache", clean), ("corrupt", "store", clean), ("lost", "store", label),
    }  # fmt: skip
    assert fsck(project, "--remote", "store", "--repair")["problems"] == []
    assert cached.read_bytes() == stored(remote, clean).read_bytes() == content
    colleague = clone(project, tmp_path, "colleague")
    dvc(colleague, "pull")
    assert colleague.files() == project.files()


def test_a_clone_without_data_is_clean_and_can_check_a_remote(project: Project, remote: Path, tmp_path: Path) -> None:
    """What was never pulled is not corrupt; the remote's listings say what to look for, its manifests the sha256."""
    bare = clone(project, tmp_path, "bare")
    found = fsck(bare)
    assert found["objects"] == 0 and any("data/clean (clean) is not here" in notice for notice in found["notices"])
    assert fsck(bare, "--remote", "store")["objects"] > 50
    poison(stored(remote, digest(a_file(project, "clean/text"))))
    (problem,) = fsck(bare, "--remote", "store", "--repair")["problems"]
    assert "dvc repro clean" in problem["remedy"]


def test_a_version_that_was_not_pushed_is_no_loss(project: Project, remote: Path) -> None:
    """A remote with neither the listing nor all files never had it: said as information, with the command."""
    stored(remote, listing(project, "clean")).unlink()
    stored(remote, digest(project.folder / "data/clean/manifest.parquet")).unlink()
    found = fsck(project, "--remote", "store")
    assert found["problems"] == []
    assert any("not pushed to store; `dvc push -r store data/clean`" in notice for notice in found["notices"])


def test_an_object_that_only_data_has_is_said_and_committed(project: Project) -> None:
    """Nothing is lost yet: the notice names the command that puts it back."""
    path = a_file(project, "clean/text")
    cached = stored(project.folder / ".dvc/cache", digest(path))
    cached.unlink()
    found = fsck(project)
    assert found["problems"] == []
    assert "data/clean (clean): 1 object not in DVC's cache; `dvc commit -f data/clean`" in found["notices"]
    dvc(project, "commit", "-f", "data/clean")
    assert cached.read_bytes() == path.read_bytes() and fsck(project)["notices"] == []
