"""What takes longer than a page may: computed beside, while the page says so and looks again.

The comparison of two versions reads both catalogs whole, and a version that nobody asked about yet is built first.
Results are kept by all that decides them, the newest MOST of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

MOST = 32  # results that are kept
PATIENCE = 0.2  # seconds that a page waits before it says that this takes a while

Result = TypeVar("Result")


class Background(Generic[Result]):
    """One computation at a time, each done once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer")
        self._known: dict[Hashable, Future[Result]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result | None:
        """The result, or None while it is being computed. Errors: those of `compute`; they are not kept."""
        with self._lock:
            if key not in self._known:
                self._known[key] = self._pool.submit(compute)
                for old in list(self._known)[:-MOST]:
                    del self._known[old]
            found = self._known[key]
        wait([found], PATIENCE)
        if not found.done():
            return None
        try:
            return found.result()
        except Exception:
            with self._lock:
                self._known.pop(key, None)
            raise
