"""kill -9, ^C, a full disk and a read-only cache: nothing half-written is ever used, nothing finished is lost.

The instants are those of builds in a fork server, whose commands are real processes that die by a real SIGKILL, and
which spends its time in the work and not in imports. A few builds of new processes are killed as well.
"""

from __future__ import annotations

import os
import random
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.compared import Builds
from tests.pipeline.crashes import Crashed
from tests.pipeline.workbench import fast_folder

BUSY = re.compile(r"the stage \w+ is being written by process (\d+); wait for it, or `kill \1`")
MEASURING = "stages/text/signals/measuring.py"
MEASURE = '    """The table `signals` of documents: one row per document, in order."""'
LONGEST = 2.5  # seconds that a build of the small project takes in the fork server, about


@pytest.fixture
def crashed(builds: Builds) -> Iterator[Crashed]:
    """A copy of the small project without any result, to crash."""
    with tempfile.TemporaryDirectory(prefix="crashed-", dir=fast_folder()) as home:
        project = Crashed(builds, Path(home, "project"))
        yield project
        project.end()


def killed_at(random_seed: int, count: int) -> list[float]:
    """Instants of a build, in seconds."""
    choose = random.Random(random_seed)
    return [round(choose.uniform(0.1, LONGEST), 3) for _ in range(count)]


def check_kill(crashed: Crashed, seconds: float, module: str) -> None:
    """Kill a build at an instant, all of it or the processes of one module, and build again at once."""
    build = crashed.start()
    time.sleep(seconds)
    crashed.builds.server.kill(module)
    known = crashed.recorded()
    crashed.rebuild(BUSY)
    build.communicate()
    crashed.check(known)


@pytest.mark.parametrize(
    "seconds", [*killed_at(1, 2), *(pytest.param(at, marks=pytest.mark.slow) for at in killed_at(2, 4))]
)
@pytest.mark.parametrize("module", ["", "dvc"], ids=["group", "dvc"])
def test_a_killed_build_goes_on(crashed: Crashed, seconds: float, module: str) -> None:
    """The whole group, or DVC alone while its stage writes on: the same bytes, and what is recorded is not computed."""
    check_kill(crashed, seconds, module)


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", killed_at(int(time.time()) // 86400, 100))
@pytest.mark.parametrize("module", ["", "dvc"], ids=["group", "dvc"])
def test_a_build_killed_at_any_instant_goes_on(crashed: Crashed, seconds: float, module: str) -> None:
    """100 instants, other ones every night."""
    check_kill(crashed, seconds, module)


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.5, 6.0])
@pytest.mark.parametrize("alone", [False, True], ids=["group", "dvc"])
def test_a_killed_build_of_new_processes_goes_on(crashed: Crashed, seconds: float, alone: bool) -> None:
    """As above, without the fork server; the instant falls into imports more often than not."""
    build = crashed.start_real()
    time.sleep(seconds)
    if alone:
        build.kill()
    else:
        os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    known = crashed.recorded()
    crashed.rebuild(BUSY)
    crashed.check(known)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_ends_at_once(crashed: Crashed, workers: str) -> None:
    """^C in a long action: no process is left two seconds later, and the next build goes on from there."""
    crashed.slow_down(MEASURING, MEASURE)
    build = crashed.start_real(GRISTMILL_WORKERS=workers)
    crashed.wait_for("slow")
    time.sleep(0.3)
    seconds = crashed.interrupt(build)
    assert build.returncode != 0
    assert seconds < 2, f"{seconds:.1f} s"
    crashed.speed_up(MEASURING)
    known = crashed.recorded()
    assert known, "what was finished before is recorded"
    crashed.rebuild(BUSY)
    crashed.check(known)
