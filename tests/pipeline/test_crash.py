"""kill -9 at any moment: the next `dvc repro` ends with the bytes of an undisturbed build."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.pipeline.conftest import Project


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", [2.0, 5.0, 9.0])
def test_a_killed_build_goes_on_to_the_same_bytes(project: Project, seconds: float) -> None:
    """The whole process group dies; nothing half-written is ever used."""
    wanted = project.digests()
    for name in (".gristmill", ".dvc/cache", "data", "dvc.lock"):
        path = project.folder / name
        path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    environment = os.environ | {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "PYTHONPATH": str(project.folder),
    }
    build = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=project.folder, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(seconds)
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    project.repro()
    assert project.digests() == wanted
    assert "WRONG" not in project.gristmill("verify")
    assert list((project.folder / ".gristmill/objects").glob("tmp-*")) == []
