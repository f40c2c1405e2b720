"""Damaged files, a few for every change, a thousand in CI, 100,000 at night: no reader hangs, loses a row, or fails but
by an error of ours.

Readers run in this process, without the child that guards them in a build: what would cost a row there is a bug here.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.mutations import damaged
from tests.fuzz.readers import FUZZED, refused

SECONDS = 2.0  # of CPU time for one file
NIGHT = 100_000


class Hang(Exception):
    """A file that takes a reader too long; no error of ours, so that no reader may hide it as one."""


@contextmanager
def watched() -> Iterator[None]:
    """Errors: Hang when the block takes more than SECONDS of CPU time; in native code, once that returns."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Hang(f"more than {SECONDS} s of CPU time")

    before, start = signal.signal(signal.SIGVTALRM, end), time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    if time.process_time() - start > SECONDS:
        raise Hang(f"{time.process_time() - start:.1f} s of CPU time")


@pytest.mark.parametrize("inputs", [40, pytest.param(NIGHT, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", FUZZED)
def test_no_damaged_file_breaks_its_reader(name: str, inputs: int, project: Path) -> None:
    """Whole files first: they are read, so that what damaged ones do means something."""
    reader = FUZZED[name]
    assert not any(refused(reader.read, seed) for seed in reader.seeds)

    @settings(
        max_examples=inputs, deadline=None, database=None, derandomize=inputs < NIGHT,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damaged(reader.seeds))
    def hold(data: bytes) -> None:
        try:
            with watched():
                refused(reader.read, data)
        except Hang:  # what a collection of the suite's garbage or a neighbour on the core costs, it costs once
            with watched():
                refused(reader.read, data)

    hold()
