"""A disk that is full, or may not be written: a clear error, nothing lost, and after mending it the build goes on."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.compared import Builds
from tests.pipeline.crashes import Crashed, mounted, remount
from tests.pipeline.edits import set_parameter
from tests.pipeline.test_crash import BUSY
from tests.pipeline.workbench import differences, outputs

# SQLite says the second where it cannot write, and the third where it cannot even grow its own index; the last is DVC's
FULL = re.compile(r"No space left on device|disk is full|disk I/O error|No possible cache link types")
READ_ONLY = re.compile(r"Read-only file system", re.IGNORECASE)
ROOM = "size=200m"


def kilobytes(folder: Path) -> int:
    """What a folder takes on a disk."""
    done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


@pytest.fixture
def small_disk(builds: Builds, tmp_path: Path) -> Iterator[Crashed]:
    """A project without results on a disk of its own, with room for all of it."""
    folder = tmp_path / "project"
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", ROOM, "gristmill-test"):
        project = Crashed(builds, folder)
        yield project
        project.end()


@pytest.fixture
def own_disk(builds: Builds, tmp_path: Path) -> Iterator[Crashed]:
    """A project without results, whose `.gristmill` is a disk of its own."""
    project = Crashed(builds, tmp_path / "project")
    folder = project.folder / ".gristmill"
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", ROOM, "gristmill-test"):
        yield project
        project.end()


def refused_until_there_is_room(project: Crashed, disk: Path, kilobytes: int) -> str:
    """Build with that much room; make room, build again and check all; what the first build printed."""
    remount(disk, f"size={kilobytes}k")
    status, output = project.repro()
    assert status != 0
    assert FULL.search(output), output
    remount(disk, ROOM)
    known = project.recorded()
    project.rebuild(BUSY)
    project.check(known)
    return output


@pytest.mark.parametrize("share", [0.6, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.1, 0.35, 0.85))])
def test_a_full_disk_loses_nothing(small_disk: Crashed, share: float) -> None:
    """The project fills its disk after some share of what a build writes."""
    before = kilobytes(small_disk.folder)
    needed = kilobytes(small_disk.builds.start) - before
    refused_until_there_is_room(small_disk, small_disk.folder, before + int(share * needed))


def test_a_full_disk_under_our_own_folder_loses_nothing(own_disk: Crashed) -> None:
    """`.gristmill` is a disk of its own, from which nothing can be linked into data/."""
    refused_until_there_is_room(own_disk, own_disk.folder / ".gristmill", 700)


@pytest.mark.parametrize(
    "kilobytes", [700, *(pytest.param(kilobytes, marks=pytest.mark.slow) for kilobytes in (450, 1200))]
)
def test_a_full_disk_is_named_with_what_to_do(own_disk: Crashed, kilobytes: int) -> None:
    """No traceback: the reason from whoever meets it first, and from a stage the next command too."""
    output = refused_until_there_is_room(own_disk, own_disk.folder / ".gristmill", kilobytes)
    said = [line for line in output.splitlines() if line.lower().startswith("error: ") and FULL.search(line)]
    assert "Traceback" not in output, output
    assert said and all("dvc repro" in line for line in said if line.startswith("error: ")), output


@pytest.fixture
def read_only_cache(builds: Builds, tmp_path: Path) -> Iterator[Crashed]:
    """A built project whose DVC cache may be read and not written."""
    project = Crashed(builds, tmp_path / "project")
    project.rebuild(BUSY)
    cache = project.folder / ".dvc/cache"
    with mounted(cache, "--bind", str(cache)):
        remount(cache, "bind,ro")
        yield project
        project.end()


def test_a_read_only_cache_serves_what_it_has(read_only_cache: Crashed) -> None:
    """Nothing changed: nothing is written."""
    status, output = read_only_cache.repro()
    assert status == 0, output


def test_a_read_only_cache_refuses_a_change_and_loses_nothing(read_only_cache: Crashed) -> None:
    """A change is refused with the reason; once the cache may be written, it is built, and so is the way back."""
    project = read_only_cache
    before = outputs(project.folder)
    assert change(project, {"short.zh.few_words": 41})[0] != 0
    status, output = project.repro()
    assert status != 0 and READ_ONLY.search(output) and "Traceback" not in output, output
    remount(project.folder / ".dvc/cache", "bind,rw")
    project.rebuild(BUSY)
    assert differences(outputs(project.folder), before) != []
    status, output = change(project, {})
    assert status == 0, output
    assert differences(outputs(project.folder), before) == []


def change(project: Crashed, overrides: dict[str, float]) -> tuple[int, str]:
    """Set the thresholds of `clean` and build; the exit status and what was printed."""
    subprocess.run(set_parameter("clean.overrides", overrides), shell=True, cwd=project.folder, check=True)
    return project.repro()
