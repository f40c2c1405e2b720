"""What is computed beside a page: once, and again where it failed."""

from __future__ import annotations

import threading

import pytest

from catalog.web.background import Background


def test_a_result_is_kept_and_a_failure_is_not() -> None:
    """Also a failure that is a timeout of the computation's own."""
    found: Background[int] = Background()
    answers = iter((TimeoutError("of its own"), ValueError("none"), 7))

    def compute() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    for failure in (TimeoutError, ValueError):
        with pytest.raises(failure):
            found.get("key", compute)
    assert [found.get("key", compute) for _ in range(2)] == [7, 7]


def test_a_page_does_not_wait_for_what_takes_long() -> None:
    """It is told so, and finds the result later."""
    found: Background[int] = Background()
    through = threading.Event()
    assert found.get("key", lambda: 7 * through.wait(10)) is None
    through.set()
    while (answer := found.get("key", lambda: 0)) is None:
        pass
    assert answer == 7
