"""Personal data and secrets -> typed tokens: `<EMAIL>`, `<PHONE>`, `<CN_ID>` and so on (stages/text/personal.py).

The value is never stored: the token says what stood there, the spans where in the clean text. All kinds are looked up
in the text as it came, so that no token is taken for a part of another value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stages.text.personal import KINDS, Kind

SEVEN_DIGITS = re.compile(r"[0-9](?:[ .()+/x-]{0,2}[0-9]){6}")  # every number of a kind holds it; most texts do not
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


def redact(text: str) -> tuple[str, list[Span]]:
    """(text with a token in place of each value, where the tokens stand), in the order of the text."""
    parts, spans = [], []
    at, length = 0, 0
    for start, end, kind in find(text):
        token = f"<{kind}>"
        parts += [text[at:start], token]
        spans.append(Span(length + start - at, kind))
        length += start - at + len(token)
        at = end
    return ("".join([*parts, text[at:]]), spans) if spans else (text, spans)


def find(text: str) -> list[Found]:
    """The values in a text, in its order; none overlap, and the kind that stands first in KINDS wins."""
    folded = text.translate(FOLD) if FULL_WIDTH.search(text) else text
    lowered = folded.lower()
    numbers = SEVEN_DIGITS.search(folded) is not None
    found: list[Found] = []
    for kind in KINDS:
        if (kind.digits and not numbers) or (kind.hints and not any(hint in lowered for hint in kind.hints)):
            continue
        found += [one for one in _of(kind, folded) if not _overlaps(one, found)]
    return sorted(found)


def _of(kind: Kind, text: str) -> Iterator[Found]:
    group = 1 if kind.pattern.groups else 0
    for match in kind.pattern.finditer(text):
        if kind.accept is None or kind.accept(match.group(group)):
            yield Found(match.start(group), match.end(group), kind.token)


def _overlaps(one: Found, found: list[Found]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in found)
