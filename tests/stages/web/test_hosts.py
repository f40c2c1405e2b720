"""Hosts that refuse: how long they are left alone, by a clock that is a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stages.web.hosts import LONGEST_BACKOFF, LONGEST_FREEZE, HostState, retry_after

DAY = 86_400.0
TODAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answers", "frozen_until"),
    [
        ([(200, None)], float("-inf")),
        ([(503, None)], 101),
        ([(429, None), (503, None)], 102),
        ([(503, None)] * 4, 108),
        ([(503, None)] * 40, 100 + LONGEST_BACKOFF),
        ([(503, 7.0)], 107),
        ([(503, 7.0), (503, None)], 107),
        ([(429, 9e9)], 100 + LONGEST_FREEZE),
        ([(429, -5.0)], 100),
        ([(500, 7.0)], float("-inf")),
        ([(503, 7.0), (500, None)], 107),
        ([(503, 7.0), (200, None)], float("-inf")),
        ([(503, 7.0), (404, None)], 107),
        ([(503, None), (304, None), (503, None)], 101),
    ],
)
def test_a_host_is_frozen_by_refusals(answers: list[tuple[int, float | None]], frozen_until: float) -> None:
    """429 and 503 freeze: as long as asked, a day at most, or twice as long as the last time; a good answer thaws."""
    state = HostState()
    for status, asked in answers:
        state = state.after(status, asked, 100.0)
    assert state.frozen_until == frozen_until


def test_the_wait_ends() -> None:
    """Seconds left count down to zero, and a new host is not frozen at any time."""
    state = HostState().after(503, 10.0, 0.0)
    assert [state.seconds_left(now) for now in (0.0, 4.0, 10.0, 99.0)] == [10, 6, 0, 0]
    assert HostState().seconds_left(-1e9) == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 99 Oct", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("0", 0),
        (" 120 ", 120),
        ("86401", DAY),
        ("9" * 5000, DAY),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (format_datetime(TODAY + timedelta(seconds=50), usegmt=True), 50),
        (format_datetime(TODAY + timedelta(days=400), usegmt=True), DAY),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds and dates, from now, capped at a day; nonsense counts for nothing."""
    assert retry_after(value, TODAY.timestamp()) == seconds
