"""Versions go between clones through real servers: only what changed is computed, and sent."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.clones import computed, first
from tests.pipeline.compared import Builds
from tests.pipeline.edits import document, line_of
from tests.pipeline.workbench import differences, locked, outputs
from tests.servers.running import Served
from tests.servers.s3 import bucket, seaweedfs
from tests.servers.ssh import openssh
from tests.servers.webdav import wsgidav

EDITED = dict.fromkeys(("crawl.files", "clean.extract", "clean.measure", "clean.judge"), 1)
"""What an edited document makes stale: the file it stands in, and of 5 segments of the corpus one."""
Server = Callable[[Path], contextlib.AbstractContextManager[Served]]


@contextlib.contextmanager
def folder(home: Path) -> Iterator[Served]:
    """A shared disk."""
    yield Served(url=str(home / "store"))


@contextlib.contextmanager
def s3(home: Path) -> Iterator[Served]:
    """A bucket."""
    with seaweedfs(home) as port:
        yield bucket(port, "dvc")


@pytest.fixture(
    params=[
        folder,
        s3,
        pytest.param(openssh, marks=pytest.mark.nightly),
        pytest.param(wsgidav, marks=pytest.mark.nightly),
    ],
    ids=lambda server: server.__name__,
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A remote on a real server."""
    with request.param(tmp_path_factory.mktemp("server")) as found:
        yield found


def test_two_clones_share_versions(builds: Builds, served: Served, tmp_path: Path) -> None:
    """A colleague pulls, edits one document, computes and sends what follows from it; the first one pulls it back."""
    ours = first(builds, tmp_path / "ours")
    said = ours.set_up(served)
    assert all(secret not in (ours.folder / ".dvc/config").read_text() + said for secret in served.secrets.values())
    ours.commit()
    theirs = ours.clone(tmp_path / "theirs", served)
    theirs.dvc("pull")
    assert differences(outputs(theirs.folder), outputs(ours.folder)) == []

    theirs.edit("inbox/1.jsonl", line_of(document(3)), line_of(document(3) | {"text": "A quiet river, read again."}))
    theirs.dvc("repro")
    assert computed(theirs, ("crawl", "clean")) == EDITED
    sent = theirs.share("--yes")
    new, there = map(int, re.findall(r"in all +(\d+) +[\d,]+ +(\d+)", sent)[0])
    assert 0 < new < there, sent
    theirs.commit()

    ours.run("git", "pull", "-q", str(theirs.folder), "main")
    ours.dvc("pull")
    assert differences(outputs(ours.folder), outputs(theirs.folder)) == []
    assert locked(ours.folder) == locked(theirs.folder)
    assert "Running stage" not in ours.dvc("repro")
