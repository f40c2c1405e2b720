"""Digests of source files, remembered by inode, size and time of change, so that a terabyte is not read at each run.

A file written to less than RACY before it was hashed is not remembered: it could change again within one tick of the
file system's clock. At the end of a run `changed` names files that somebody wrote to while they were read. To seal is
not to write: a file that DVC tracks is one inode with a result of the same bytes (catalog/incremental/store.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from catalog.digests import file_sha256
from catalog.incremental.journal import Journal, Seen
from catalog.incremental.store import sealed_at

RACY = 2 * 10**9  # nanoseconds; the coarsest clock of a file system in use (FAT)


class Watch:
    """The source files that one run reads."""

    def __init__(self, journal: Journal, threads: int) -> None:
        self._journal, self._threads = journal, threads
        self._read: dict[str, Seen] = {}

    def digests(self, paths: Iterable[Path]) -> dict[str, str]:
        """sha256 of each file, by its path as text. Errors: OSError for a file that is not there."""
        names = list(dict.fromkeys(path.as_posix() for path in paths))
        stats = {name: _stat(name) for name in names}
        known = self._journal.seen(names)
        found = {name: seen.sha256 for name, seen in known.items() if seen[:3] == stats[name]}
        unknown = [name for name in names if name not in found]
        with ThreadPoolExecutor(self._threads) as threads:
            fresh = dict(zip(unknown, threads.map(lambda name: file_sha256(Path(name)), unknown), strict=True))
        quiet = time.time_ns() - RACY
        self._journal.note_seen({
            name: Seen(*stats[name], sha256) for name, sha256 in fresh.items() if stats[name][2] < quiet
        })  # fmt: skip
        digests = found | fresh
        self._read |= {name: Seen(*stats[name], digests[name]) for name in names}
        return digests

    def changed(self) -> list[str]:
        """Files that are not what they were when their digest was asked for."""
        return [name for name, seen in self._read.items() if not _is_as(name, seen)]


def _is_as(name: str, seen: Seen) -> bool:
    try:
        stat = _stat(name)
    except FileNotFoundError:
        return False
    return stat in (seen[:3], (*seen[:2], sealed_at(seen.sha256)))


def _stat(name: str) -> tuple[int, int, int]:
    stat = os.stat(name)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
