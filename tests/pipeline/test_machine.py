"""Incremental equals clean: random sequences of edits, losses and crashes end with the bytes of a clean build.

Each sequence works on a copy of a small real project, with real git and real `dvc repro`. After it, every file that
DVC tracks, and every digest in dvc.lock, is compared with those of an empty clone of the same working tree, built by
processes with another hash seed. A failing sequence is printed as lines of shell to paste.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.pipeline.compared import Builds
from tests.pipeline.machine import Machine

UNHURRIED = settings(
    deadline=None, database=None, stateful_step_count=8, print_blob=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("sequences", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_any_sequence_ends_with_the_bytes_of_a_clean_build(builds: Builds, sequences: int) -> None:
    """The same sequences every time, and those that Hypothesis runs and does not count."""
    Machine.builds = builds
    run_state_machine_as_test(Machine, settings=settings(UNHURRIED, max_examples=sequences, derandomize=True))


@pytest.mark.nightly
def test_many_sequences_end_with_the_bytes_of_a_clean_build(builds: Builds) -> None:
    """200 sequences, other ones every night."""
    Machine.builds = replace(builds, by_dvc=True)
    phases = [Phase.generate, Phase.shrink]
    run_state_machine_as_test(Machine, settings=settings(UNHURRIED, max_examples=200, phases=phases))
