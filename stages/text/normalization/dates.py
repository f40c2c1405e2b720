"""A date as people and machines write it -> ISO 8601, or None; nothing is guessed from the clock or the locale.

Reads   ISO 8601 with reduced precision, RFC 2822, compact digits, Unix seconds and milliseconds, year before month
        before day with any separator (2024/1/2, 2024年1月2日), and English month names.
A time with an offset becomes UTC (`Z`); one without stays as it is. 1/2/2024 is ambiguous and therefore None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

LONGEST = 100  # characters
OLDEST = 1000  # year; the year 1 is the zero of some systems

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>{'|'.join(MONTHS)})[a-z]{{0,6}}\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME = (
    r"(?:(?:T|[ ,]{1,3}(?:at )?)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r" ?(?P<half>[ap]m)?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d))?)?"
)
_FORMS = tuple(
    re.compile(form + _TIME, re.I)
    for form in (
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
        r"(?P<year>\d{4}) ?[-/.年] ?(?P<month>\d{1,2}) ?[-/.月] ?(?P<day>\d{1,2})日?",
        rf"(?:[a-z]{{3,9}}, )?{_MONTH} {_DAY},? (?P<year>\d{{4}})",
        rf"(?:[a-z]{{3,9}},? )?{_DAY} {_MONTH},? (?P<year>\d{{4}})",
    )
)
_REDUCED = re.compile(r"(\d{4})(?:-(\d\d))?")
_EPOCH = re.compile(r"(\d{9,10})(?:\d{3})?(?:\.\d{1,9})?")  # from 1973 on


def iso_date(text: str | None) -> str | None:
    """`text` as `2024`, `2024-01`, `2024-01-02`, `2024-01-02T03:04:05` or `2024-01-02T03:04:05Z`; idempotent."""
    plain = " ".join((text or "")[: LONGEST + 1].split())
    if not plain or len(plain) > LONGEST:
        return None
    if found := _REDUCED.fullmatch(plain):
        return plain if int(found[1]) >= OLDEST and 1 <= int(found[2] or 1) <= 12 else None
    try:
        for form in _FORMS:
            if found := form.fullmatch(plain):
                return _written(found.groupdict())
        if found := _EPOCH.fullmatch(plain):
            return _utc(datetime.fromtimestamp(int(found[1]), UTC))
        return _mail_date(plain)
    except (ValueError, OverflowError):
        return None


def _written(parts: Mapping[str, str | None]) -> str | None:
    """Errors: ValueError for what no calendar has."""
    month = MONTHS.index(str(parts["name"])[:3].lower()) + 1 if parts.get("name") else int(parts["month"] or 0)
    date = datetime(int(parts["year"] or 0), month, int(parts["day"] or 0))
    if date.year < OLDEST:
        return None
    if not parts["hour"]:
        return date.date().isoformat()
    hour = int(parts["hour"])
    if half := (parts["half"] or "").lower():
        hour = hour % 12 + 12 * (half == "pm")
    moment = date.replace(hour=hour, minute=int(parts["minute"] or 0), second=min(int(parts["second"] or 0), 59))
    return _utc(moment.replace(tzinfo=_zone(parts["zone"]))) if parts["zone"] else moment.isoformat()


def _zone(text: str) -> timezone:
    digits = text[1:].replace(":", "").ljust(4, "0")
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _mail_date(text: str) -> str | None:
    """RFC 2822; a zone it does not know counts as none."""
    found = parsedate_tz(text)
    if not found or found[0] < OLDEST or ":" not in text:
        return None
    moment = datetime(*found[:6])
    return (
        moment.isoformat() if found[9] is None else _utc(moment.replace(tzinfo=timezone(timedelta(seconds=found[9]))))
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
