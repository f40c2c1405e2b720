"""What an interface says about its rate limits -> seconds to wait, and seconds between requests.

Retry-After                                      the fetcher obeys it (stages/web/hosts.py)
X-RateLimit-Remaining, -Reset (also RateLimit-*)  GitHub: seconds since 1970; Mastodon: ISO 8601; Reddit, Bluesky
                                                 and the IETF draft: seconds from now, or since 1970
X-Rate-Limit-Limit, X-Rate-Limit-Interval        Crossref: requests per `1s`
`backoff` of the answer                          StackExchange: seconds (settings `failures.backoff`)
"""

from __future__ import annotations

import re
from datetime import datetime

PREFIXES = ("x-ratelimit-", "ratelimit-", "x-rate-limit-")
LONGEST_PAUSE = 60.0  # seconds between requests that an interface's headers may ask for
SINCE_1970 = 100_000_000  # a larger number is a time, a smaller one a number of seconds
INTERVAL = re.compile(r"(\d{1,6})s")


def headers_of(lines: bytes) -> dict[str, str]:
    """Recorded headers by their name in lower case; a repeated one is joined with a comma."""
    found: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        key = name.strip().lower()
        found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
    return found


def exhausted_for(headers: dict[str, str], now: float) -> float:
    """Seconds until requests are allowed again; 0 while some are left, or nothing is said. `now`: since 1970."""
    left = _number(_first(headers, "remaining"))
    if left is None or left >= 1:
        return 0.0
    at = _reset(_first(headers, "reset"), now)
    return max(0.0, at - now) if at is not None else 0.0


def pause_between(headers: dict[str, str]) -> float:
    """Seconds between requests that a limit per interval asks for; 0 where none is stated."""
    limit = _number(headers.get("x-rate-limit-limit"))
    interval = INTERVAL.fullmatch(headers.get("x-rate-limit-interval", ""))
    return min(LONGEST_PAUSE, int(interval[1]) / limit) if limit and limit > 0 and interval else 0.0


def _first(headers: dict[str, str], name: str) -> str | None:
    return next((headers[prefix + name] for prefix in PREFIXES if prefix + name in headers), None)


def _number(text: str | None) -> float | None:
    try:
        return float(text[:20]) if text else None
    except ValueError:
        return None


def _reset(text: str | None, now: float) -> float | None:
    """When a limit ends, in seconds since 1970."""
    number = _number(text)
    if number is not None:
        return number if number > SINCE_1970 else now + number
    try:
        moment = datetime.fromisoformat(text or "")
    except (ValueError, OverflowError):
        return None
    return moment.timestamp() if moment.tzinfo else None
