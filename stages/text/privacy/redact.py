"""Personal data and secrets -> typed tokens: `<EMAIL>`, `<PHONE>`, `<CN_ID>` and so on
(stages/text/privacy/patterns.py).

The value is never stored: the token says what stood there, the spans where in the clean text. All kinds are looked up
in the text as it came, so that no token is taken for a part of another value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stages.text.privacy.patterns import KINDS, Kind

FULL_WIDTH = re.compile("[\uff01-\uff5e\u3000]")
FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: 0x20,
    0x2010: 0x2D,
    0x2011: 0x2D,
    0x2013: 0x2D,
}


class Span(NamedTuple):
    """Where a token stands in the clean text: first character, and the kind it names."""

    start: int
    kind: str


class Found(NamedTuple):
    """A value in the text as it came: its first character, the one after its last, its kind."""

    start: int
    end: int
    kind: str


def redact(text: str, names: Callable[[str], list[Found]] | None = None) -> tuple[str, list[Span]]:
    """(text with a token in place of each value, where the tokens stand), in the order of the text.

    `names` finds more than patterns do (stages/text/privacy/names.py); where both find something, the pattern wins.
    """
    parts, spans = [], []
    at, length = 0, 0
    found = find(text)
    if names:
        found = sorted([*found, *(name for name in names(text) if not _overlaps(name, found))])
    for start, end, kind in found:
        token = f"<{kind}>"
        parts += [text[at:start], token]
        spans.append(Span(length + start - at, kind))
        length += start - at + len(token)
        at = end
    return ("".join([*parts, text[at:]]), spans) if spans else (text, spans)


def redacted_text(text: str) -> str:
    """What may be written down of a text whose tokens nobody counts."""
    return redact(text)[0]


def find(text: str) -> list[Found]:
    """The values in a text, in its order; none overlap, and the kind that stands first in KINDS wins."""
    folded = text.translate(FOLD) if not text.isascii() and FULL_WIDTH.search(text) else text
    places: dict[re.Pattern[str], list[tuple[int, int]]] = {}
    found: list[Found] = []
    for kind in KINDS:
        if kind.near not in places:
            places[kind.near] = [match.span() for match in kind.near.finditer(folded)]
        if places[kind.near]:
            found += [one for one in _of(kind, folded, places[kind.near]) if not _overlaps(one, found)]
    return sorted(found)


def _of(kind: Kind, text: str, places: list[tuple[int, int]]) -> Iterator[Found]:
    """Every value of a kind, looked for around `places` only."""
    group = 1 if kind.pattern.groups else 0
    for low, high in _windows(places, kind.before, kind.behind):
        for match in kind.pattern.finditer(text, max(0, low), high):
            if kind.accept is None or kind.accept(match.group(group)):
                yield Found(match.start(group), match.end(group), kind.token)


def _windows(places: list[tuple[int, int]], before: int, behind: int) -> Iterator[tuple[int, int]]:
    """Places with so many characters on both sides, those that touch joined."""
    low, high = places[0][0] - before, places[0][1] + behind
    for start, end in places[1:]:
        if start - before > high:
            yield low, high
            low = start - before
        high = end + behind
    yield low, high


def _overlaps(one: Found, found: list[Found]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in found)
