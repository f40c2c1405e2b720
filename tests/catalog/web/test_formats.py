"""Numbers with their units, and names of documents."""

from __future__ import annotations

from itertools import pairwise

import pytest

from catalog.web.charts import round_numbers
from catalog.web.formats import address, called, duration, lines, number, share, short, size


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (duration(0), "< 1 ms"), (duration(0.99), "< 1 ms"), (duration(1), "1 ms"), (duration(1234.5), "1,234 ms"),
        (number(1234567), "1,234,567"), (number(0.12345), "0.1235"), (number(float("nan")), "NaN"), (number(None), ""),
        (size(0), "0 B"), (size(1500), "1.5 KB"), (size(999_999_999_999), "1,000 GB"), (size(None), ""),
        (short(999), "999"), (short(12_345), "12.3k"), (short(4_000_000), "4M"),
        (share(1, 3), "33.3\N{NO-BREAK SPACE}%"), (share(99_999, 100_000), "100.00\N{NO-BREAK SPACE}%"),
        (share(1, 100_000), "0.00\N{NO-BREAK SPACE}%"),
        (share(0, 5), "0.0\N{NO-BREAK SPACE}%"), (share(1, 0), ""),
        (called({"title": " ", "uri": "pypi:a==1/b.txt#0123456789"}, 12), "…#0123456789"),
        (called({"title": "A\u202etitle\n2", "uri": "x"}), "Atitle 2"),
        (lines("a\x1b[2J\u2028b\r\nc"), "a\nb\nc"),
        (address("/labels/a b/?", q="x&y", none=None, empty=""), "/labels/a%20b/%3F?q=x%26y"),
    ],
)  # fmt: skip
def test_what_is_shown(shown: str, expected: str) -> None:
    """One line each."""
    assert shown == expected


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.5085, 0.9655), (-3, 1e6), (4.4, 4.4), (0, 0), (1e-9, 2e-9)])
def test_round_numbers_hold_a_range(low: float, high: float) -> None:
    """A few, evenly spaced, around it."""
    marks = round_numbers(low, high)
    assert marks[0] <= low and marks[-1] >= high and 3 <= len(marks) <= 7
    steps = [second - first for first, second in pairwise(marks)]
    assert max(steps) == pytest.approx(min(steps))
