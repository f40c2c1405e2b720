"""Offsets: where in a text an answer points, in characters (code points, as in Python).

Tools that run in a browser have also written UTF-16 code units, which differ behind an emoji, and some count what looks
like one character: so every place is held to the text that came with it. One that came without text is believed only
where all ways to count agree.
"""

from __future__ import annotations

import unicodedata
from typing import Any


class Misfit(ValueError):
    """Why an answer cannot be taken in."""


def held_to(start: Any, stop: Any, said: Any, text: str) -> tuple[int, int]:
    """The offsets of a span in characters, held to the text that came with it. Errors: Misfit."""
    if type(start) is not int or type(stop) is not int or not 0 <= start < stop:
        raise Misfit(f"the span {start}-{stop} is none")
    if said is None:
        return _believed(start, stop, text)
    if not isinstance(said, str):
        raise Misfit(f"the text of a span is {said!r}")
    if text[start:stop] == said:
        return start, stop
    units = text.encode("utf-16-le")
    before, within = units[: 2 * start], units[2 * start : 2 * stop]
    if within == said.encode("utf-16-le", "surrogatepass"):
        first = len(before.decode("utf-16-le", "replace"))
        return first, first + len(said)
    raise Misfit(f"at {start}-{stop} stands {text[start:stop]!r}, and the answer says {said!r}")


def started_at(start: Any, said: Any, text: str) -> tuple[int, int]:
    """The offsets of words of which only the start is known. Errors: Misfit."""
    if type(start) is not int or not isinstance(said, str) or not said:
        raise Misfit(f"an answer has no start and text: {start!r}, {said!r}")
    if text[start : start + len(said)] == said:
        return start, start + len(said)
    return held_to(start, start + len(said.encode("utf-16-le", "surrogatepass")) // 2, said, text)


def found_once(said: str, text: str) -> tuple[int, int]:
    """The offsets of words that stand in the text once. Errors: Misfit."""
    start = text.find(said)
    if start < 0 or text.find(said, start + 1) >= 0:
        times = "not" if start < 0 else "more than once"
        raise Misfit(f"{said!r} stands {times} in the text; write [start, stop]")
    return start, start + len(said)


def _believed(start: int, stop: int, text: str) -> tuple[int, int]:
    if stop > len(text):
        raise Misfit(f"the span {start}-{stop} ends behind its text of {len(text)} characters")
    if not all(_counts_once(character) for character in text[:stop]):
        raise Misfit(f"the span {start}-{stop} came without its text, and before it tools count in different ways")
    return start, stop


def _counts_once(character: str) -> bool:
    """Is it one UTF-16 unit, and never a part of a longer visible character?"""
    joins = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf") or character == "\r"
    return ord(character) < 0x10000 and not joins
