"""How a host that refuses is left alone: Retry-After and growing pauses, as a pure record.

Times are seconds of the caller's clock; nothing here reads one. The fetcher keeps a record per host and port; a crawl
that outlives its process stores `refusals` and `frozen_until` and builds the record again.
"""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass

REFUSALS = frozenset((429, 503))
FIRST_FREEZE = 1.0  # seconds after the first refusal without a Retry-After, doubled for each further one
LONGEST_BACKOFF = 3600.0  # seconds that doubling may reach
LONGEST_FREEZE = 86_400.0  # seconds; what a Retry-After may ask for at most: a day


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """How one host answered lately (`refusals` in a row), and the time until which it is left alone."""

    refusals: int = 0
    frozen_until: float = float("-inf")

    def after(self, status: int, asked: float | None, now: float) -> HostState:
        """The state after an answer with `status` that asks to wait `asked` seconds; any good answer thaws."""
        if status not in REFUSALS:
            return HostState() if status < 400 else self
        backoff = min(LONGEST_BACKOFF, FIRST_FREEZE * 2.0 ** min(self.refusals, 20))
        wait = backoff if asked is None else min(LONGEST_FREEZE, max(asked, 0.0))
        return HostState(refusals=self.refusals + 1, frozen_until=max(self.frozen_until, now + wait))

    def seconds_left(self, now: float) -> float:
        """Seconds until the host may be asked again; 0 where it may be now."""
        return max(0.0, self.frozen_until - now)


def retry_after(value: str | None, today: float | None = None) -> float | None:
    """Seconds that a Retry-After header asks to wait, a day at most; None where there is none or it says nothing.

    The header counts in seconds or names a date; a date counts from `today` (seconds since 1970, by default now).
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST_FREEZE, float(text[:9]))
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(LONGEST_FREEZE, max(0.0, at - (time.time() if today is None else today)))
