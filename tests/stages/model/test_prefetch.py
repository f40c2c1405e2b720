"""Batches made ahead: the same ones, in order; errors come through, and nobody works for a reader that left."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from stages.model.training.prefetch import prefetched


def test_the_same_items_in_order() -> None:
    """More items than are kept ahead."""
    assert list(prefetched(iter(range(100)), ahead=3)) == list(range(100))


def test_an_error_is_raised_in_its_place() -> None:
    """What came before it is delivered."""

    def failing() -> Iterator[int]:
        yield from range(5)
        raise ValueError("no more")

    seen = []
    with pytest.raises(ValueError, match="no more"):
        for item in prefetched(failing()):
            seen.append(item)
    assert seen == list(range(5))


def test_the_thread_ends_with_its_reader() -> None:
    """An endless source, left after three items."""
    before = threading.active_count()
    items = prefetched(count())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if "_fill" in thread.name:
            thread.join(5)
    assert threading.active_count() == before
