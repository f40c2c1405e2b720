"""Dates: which writings are one, and what they become."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normalization.dates import LONGEST, iso_date


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        ("2024-05-01", "2024-05-01"),
        ("20240501", "2024-05-01"),
        ("2024/5/1", "2024-05-01"),
        ("2024年5月1日", "2024-05-01"),
        ("2024年5月1日 09:30", "2024-05-01T09:30:00"),
        ("May 1, 2024", "2024-05-01"),
        ("Wednesday, May 1st, 2024 at 3:04 pm", "2024-05-01T15:04:00"),
        ("1 Sept. 2024", "2024-09-01"),
        ("2024-05-01T10:00:00.123+02:00", "2024-05-01T08:00:00Z"),
        ("2024-05-01 10:00:00 -0330", "2024-05-01T13:30:00Z"),
        ("2024-05-01T23:59:60Z", "2024-05-01T23:59:59Z"),
        ("Wed, 01 May 2024 10:00:00 +0200", "2024-05-01T08:00:00Z"),
        ("1714557600", "2024-05-01T10:00:00Z"),
        ("1714557600123", "2024-05-01T10:00:00Z"),
        ("  2024-05-01\n", "2024-05-01"),
    ],
)
def test_a_date_is_written_in_one_way(text: str, date: str) -> None:
    """ISO 8601 in as much precision as was given."""
    assert iso_date(text) == date


@pytest.mark.parametrize(
    "text",
    [
        "", None, "yesterday", "1/2/2024", "0001-01-01T00:00:00Z", "2024-02-30", "2024-13", "42",
        "9999-12-31T23:59:59-05:00",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str | None) -> None:
    """Ambiguous, impossible, the zero of some systems, beyond the calendar."""
    assert iso_date(text) is None


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_machines_agree(moment: datetime) -> None:
    """RFC 2822, ISO 8601 and our own writing of a moment are the same; writing again changes nothing."""
    ours = iso_date(moment.isoformat())
    assert ours is not None and iso_date(format_datetime(moment)) == ours == iso_date(ours)
    assert datetime.fromisoformat(ours) == moment.replace(microsecond=0)


@given(st.text(alphabet="0123456789-/.:, TZ+apmMay年月日", max_size=LONGEST + 1))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """No error, and what comes out comes out again."""
    if found := iso_date(text):
        assert iso_date(found) == found


@pytest.mark.parametrize("text", ["1" * 100_000, "May " * 25_000, "2024-" * 20_000, " " * 100_000 + "2024"])
def test_a_long_text_costs_little(text: str) -> None:
    """It is not looked at beyond the longest date."""
    began = time.process_time()
    iso_date(text)
    assert time.process_time() - began < 2
