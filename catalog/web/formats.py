"""Values -> what a page shows: numbers with separators and units, hostile text made harmless.

Markup is escaped by the templates; what is done here is what escaping leaves: control and bidirectional characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from catalog.sql.render import cut, plain, printable

UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
LINE_ENDS = re.compile(r"\r\n?|[\n\u2028\u2029]")


def count(value: float | None) -> str:
    """A whole number, in groups of three: 12,345; nothing for null."""
    return "" if value is None else f"{int(value):,}"


def number(value: Any) -> str:
    """Any number: whole ones in groups of three, others with four digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    value = plain(value)
    if value is None:
        return "NaN"
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.4g}"


def size(octets: float | None) -> str:
    """Bytes in the largest unit of which there is one: 1.2 MB (powers of 1,000)."""
    if octets is None:
        return ""
    value, unit = float(octets), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:,.0f} {UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:,.1f} {UNITS[unit]}"


def short(value: float | None) -> str:
    """A count where there is little room: 999, 12.3k, 4.5M."""
    if value is None:
        return ""
    for scale, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            shown = value / scale
            return (f"{shown:.0f}" if shown >= 100 else f"{shown:.1f}".removesuffix(".0")) + name
    return number(value)


def duration(milliseconds: float) -> str:
    """Milliseconds, whole ones; what is less than one is said to be."""
    return f"{milliseconds:,.0f} ms" if milliseconds >= 1 else "< 1 ms"


def share(part: float | None, whole: float | None) -> str:
    """A part of a whole in per cent, with one decimal; nothing where there is no whole."""
    if part is None or not whole:
        return ""
    percent = 100 * float(part) / float(whole)
    digits = 1 if 0.05 <= percent < 99.95 or percent in (0, 100) else 2
    return f"{percent:.{digits}f}\N{NO-BREAK SPACE}%"


def harmless(value: Any, width: int = 0) -> str:
    """A value as one line without control and bidirectional characters; of `width` columns at most, where given."""
    text = printable("" if value is None else str(value))
    return cut(text, width) if width else text


def called(row: Mapping[str, Any], width: int = 0) -> str:
    """What a document is called in a list: its title, or the end of its URI, which is what tells it from others."""
    title = harmless(row["title"], width)
    if title.strip():
        return title
    uri = harmless(row["uri"])
    return uri if not width or len(uri) <= width else f"…{uri[1 - width :]}"


def lines(text: str) -> str:
    """A text whose lines are harmless, each as a line of its own."""
    return "\n".join(printable(line) for line in LINE_ENDS.split(text))


def cell(value: Any) -> str:
    """A value of any type, as a cell of a table that says nothing of its columns."""
    if isinstance(value, int | float):
        return number(value)
    return harmless(value if isinstance(value, str) or value is None else plain(value), 160)


def is_web(uri: Any) -> bool:
    """May a link lead there? Only to http and https, and to what a browser reads as we do."""
    text = str(uri or "")
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and text.isprintable()
        and not set(text) & {" ", "\\"}
    )


def address(path: str, **values: Any) -> str:
    """A path of ours with its query; values that are empty are left out."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{quote(path, safe='/:')}?{urlencode(given)}" if given else quote(path, safe="/:")


FILTERS = {
    "count": count, "number": number, "size": size, "short": short, "duration": duration, "share": share,
    "harmless": harmless, "called": called, "lines": lines, "cell": cell,
}  # fmt: skip
