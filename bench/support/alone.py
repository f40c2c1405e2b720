"""Work in a process of its own, whose peak of memory is that of the work."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
STATUS = Path("/proc/self/status")


def alone(work: Callable[[int], Found], count: int) -> Found:
    """What `work` returns in a new process; it must stand at the top of its module."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, count).result()


def peak() -> int:
    """Bytes: the most memory that this process has held. On Linux getrusage would begin with the peak of the parent."""
    if STATUS.exists():
        return int(STATUS.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


def fresh_peak() -> int:
    """`peak` so far; on Linux it counts anew from here."""
    if STATUS.exists():
        STATUS.with_name("clear_refs").write_text("5")
    return peak()
