"""What the bench `soak` does to a build, and what it counts."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.support.faults import Faults
from bench.support.soaked import Tally, made_up_pages, why

WRITE = "open('big', 'wb', 0).write(bytes(1 << 20))"


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """Faults of a project with one module and one object in its cache."""
    (tmp_path / "big_file.py").write_text(WRITE)
    (tmp_path / "forever.py").write_text("while True: pass")
    (tmp_path / ".dvc/cache/files/md5/ab").mkdir(parents=True)
    (tmp_path / ".dvc/cache/files/md5/ab/cdef").write_bytes(b"right")
    project = SimpleNamespace(folder=tmp_path, environment=lambda: {"PYTHONPATH": str(tmp_path)})
    return Faults(cast(Any, project), Tally(), random.Random(1))


def test_a_file_cannot_grow_beyond_the_limit(faults: Faults, tmp_path: Path) -> None:
    """As on a full disk: what was written stands, and without the limit all of it is."""
    faults.command("big_file", limit=4096)
    assert (tmp_path / "big").stat().st_size == 4096
    assert faults.command("big_file")[0] == 0 and (tmp_path / "big").stat().st_size == 1 << 20


def test_a_build_is_killed(faults: Faults) -> None:
    """By SIGKILL, which nothing can catch."""
    assert faults.command("forever", seconds=0.3)[0] == -signal.SIGKILL


def test_an_object_rots_in_the_cache_alone(faults: Faults, tmp_path: Path) -> None:
    """The workspace, which is linked to it, keeps what it has."""
    cached, linked = tmp_path / ".dvc/cache/files/md5/ab/cdef", tmp_path / "linked"
    linked.hardlink_to(cached)
    assert faults._rot() == "cache"
    assert cached.read_bytes() != b"right" == linked.read_bytes() and len(cached.read_bytes()) == 5


def test_pages_are_the_same_each_time_and_some_are_twins() -> None:
    """So that a clean build can be compared, and duplicates are found."""
    pages = made_up_pages(40)
    assert pages == made_up_pages(40) and len({body for _, body in pages}) == 38


def test_what_was_refused_is_counted_by_its_reason() -> None:
    """A lock that a build holds is one thing; an error that nobody expects is told in its own words."""
    assert why("ERROR: Unable to acquire lock. Most likely another DVC process is running.") == "lock"
    assert why("some\nerror: the moon is full") == "error: the moon is full" and why("") == "nothing said"
    tally = Tally()
    tally.count("refused", "pushes: lock")
    tally.count("refused", "pushes: lock")
    assert tally.plain()["refused"] == {"pushes: lock": 2} and tally.plain()["faults"] == {}
