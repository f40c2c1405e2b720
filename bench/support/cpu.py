"""Processor time of a command and of every process that comes of it, also of those that outlive their parents."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    """CPU seconds (user and system) and wall seconds."""

    cpu: float
    wall: float


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and to the end of all that it started. Errors: SystemExit when it fails.

    Linux only: orphans are adopted, so that the time of worker processes, whose parent does not wait for them, is
    counted too.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = process.stdout.read()
    status = process.wait()
    _adopt_all()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status != 0:
        sys.stderr.write(output.decode(errors="replace"))
        raise SystemExit(f"`{' '.join(command)}` ended with status {status}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(round(cpu, 2), round(time.monotonic() - start, 2))


def _adopt_all() -> None:
    """Wait for every process that is left."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return
