"""Batches made beside training: a thread stays a few of them ahead, so that a GPU never waits for one."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
_WAIT = 0.1  # seconds between two looks at whether anyone still listens


def prefetched(items: Iterator[Item], ahead: int = 4) -> Iterator[Item]:
    """The same items in the same order; an error of `items` is raised in its place. The thread ends with the reader."""
    made: Queue[tuple[str, Item | BaseException | None]] = Queue(ahead)
    gone = Event()
    Thread(target=_fill, args=(items, made, gone), daemon=True).start()
    try:
        while True:
            kind, item = made.get()
            if kind == "item":
                yield item  # type: ignore[misc]
            elif kind == "error":
                raise item  # type: ignore[misc]
            else:
                return
    finally:
        gone.set()


def _fill(items: Iterator[Item], made: Queue[tuple[str, Item | BaseException | None]], gone: Event) -> None:
    try:
        for item in items:
            if not _put(made, ("item", item), gone):
                return
        _put(made, ("end", None), gone)
    except BaseException as error:
        _put(made, ("error", error), gone)


def _put(
    made: Queue[tuple[str, Item | BaseException | None]], entry: tuple[str, Item | BaseException | None], gone: Event
) -> bool:
    """Wait for room; False where the reader is gone."""
    while not gone.is_set():
        try:
            made.put(entry, timeout=_WAIT)
            return True
        except Full:
            continue
    return False
