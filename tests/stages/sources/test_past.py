"""When a page is due again, and what a sitemap may bring forward."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.sources.past import due_times, is_later
from stages.sources.settings.site import Schedule

BEGAN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
SCHEDULE = Schedule(days=10, shortest=5, longest=20)
STEPS = {
    "captured": {"outcome": "captured", "previous_digest": None},
    "changed": {"outcome": "captured", "previous_digest": "d"},
    "unchanged": {"outcome": "unchanged", "previous_digest": None},
    "failed": {"outcome": "failed:status 500", "previous_digest": None},
}


def rows(steps: list[str]) -> list[dict[str, Any]]:
    """The fetches of one page, a day apart."""
    return [
        {"uri": "u", "fetched_at": (BEGAN + timedelta(days=number)).isoformat(timespec="microseconds"), **STEPS[step]}
        for number, step in enumerate(steps)
    ]


def days(steps: list[str]) -> float:
    """Days from the last fetch to the next."""
    due = datetime.fromisoformat(due_times(rows(steps), SCHEDULE)["u"])
    return (due - BEGAN - timedelta(days=len(steps) - 1)) / timedelta(days=1)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["captured"], 10),
        (["failed"], 10),
        (["captured", "unchanged"], 14),
        (["captured", "unchanged", "unchanged"], 19.6),
        (["captured", "unchanged", "unchanged", "unchanged"], 20),
        (["captured", "changed"], 8),
        (["captured", *["changed"] * 9], 5),
        (["captured", "unchanged", "changed"], 11.2),
        (["captured", "unchanged", "failed"], 14),
    ],
)
def test_a_page_is_asked_for_the_rarer_the_longer_it_stood_still(steps: list[str], expected: float) -> None:
    """Nutch's factors, 1.4 and 0.8, between the shortest and the longest pause; a failure changes nothing."""
    assert days(steps) == pytest.approx(expected)


@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1))
def test_pauses_stay_between_their_bounds(steps: list[str]) -> None:
    """Whatever happened to a page."""
    assert SCHEDULE.shortest <= round(days(steps), 6) <= SCHEDULE.longest


def test_what_was_not_asked_for_has_no_schedule() -> None:
    """A skipped URL is neither known nor due later."""
    assert due_times([{"uri": "u", "fetched_at": "x", "outcome": "skipped:extension"}], SCHEDULE) == {}


@pytest.mark.parametrize(
    ("said", "later"),
    [
        (None, False),
        ("2026-01-05T12:00:00.000000+00:00", True),
        ("2026-01-05T10:00:00.000000+00:00", False),
        ("2026-01-05T00:00:00.000000+00:00", True),
        ("2026-01-04T00:00:00.000000+00:00", False),
    ],
)
def test_a_lastmod_brings_a_page_forward(said: str | None, later: bool) -> None:
    """One after the fetch does; a bare date counts to its end, since the page may have changed after the fetch."""
    assert is_later(said, "2026-01-05T11:00:00.000000+00:00") is later
