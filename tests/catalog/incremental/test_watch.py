"""Watch: a source file is read once per version, and a file that changes while it is read spoils no result."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.incremental import watch
from catalog.incremental.journal import Journal
from catalog.incremental.stage import Action, Stage
from catalog.incremental.store import seal
from catalog.incremental.watch import Watch
from tests.catalog.incremental.test_stage import READ, trace


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose bytes were read."""
    names: list[str] = []

    def spy(path: Path) -> str:
        names.append(str(path))
        return file_sha256(path)

    monkeypatch.setattr(watch, "file_sha256", spy)
    return names


def aged(name: str, content: bytes, seconds: float = 60) -> Path:
    """A file written some time ago."""
    path = Path(name)
    path.write_bytes(content)
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_a_file_is_hashed_once_until_it_changes(project: Path, hashed: list[str]) -> None:
    """Another run, in another process, does not read it either."""
    one, two = aged("one", b"1"), aged("two", b"2")
    first = Watch(Journal(), 1).digests([one, two])
    assert Watch(Journal(), 1).digests([one, two]) == first
    assert hashed == ["one", "two"]
    aged("two", b"3", seconds=30)
    assert Watch(Journal(), 1).digests([one, two])["two"] == file_sha256(two)
    assert hashed == ["one", "two", "two"]


def test_a_fresh_file_is_not_trusted(project: Path, hashed: list[str]) -> None:
    """It could change again within the same tick of the clock."""
    fresh = aged("fresh", b"1", seconds=0)
    for _ in range(2):
        Watch(Journal(), 1).digests([fresh])
    assert hashed == ["fresh", "fresh"]


def test_a_file_that_is_sealed_while_it_is_read_is_as_it_was(project: Path) -> None:
    """DVC links what it tracks to a result of the same bytes; the seal of other bytes is a change."""
    one, two = aged("one", b"1"), aged("two", b"2")
    watched = Watch(Journal(), 1)
    watched.digests([one, two])
    for path in (one, two):
        seal(path, file_sha256(one))
    assert watched.changed() == ["two"]


def test_a_file_that_changes_while_it_is_read_stops_the_stage(project: Path) -> None:
    """What was computed from it is not found again under the digest it had."""
    words = aged("words", b"x")

    def run(*, meddle: bool) -> None:
        with Stage("crawl") as stage:
            digest = stage.digests([words])["words"]
            stage.act_all(READ, [Action(name="a", inputs={"words": digest}, args=([words.read_text()],))])
            if meddle:
                words.write_bytes(b"y")

    with pytest.raises(InputError, match="words changed while it was read; run `dvc repro` again"):
        run(meddle=True)
    assert not Path("data/crawl/snapshot/manifest.parquet").exists()
    aged("words", b"x")
    run(meddle=False)
    assert trace("crawl") == [("stale", "first build")]
