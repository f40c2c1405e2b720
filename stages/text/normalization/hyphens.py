"""Words that the end of a line parts are joined, in text whose lines are those of a printed page.

The text itself says whether a hyphen belongs to the word: where `wellknown` stands elsewhere in it, that is the word,
where `well-known` does, that is; a word of three parts (`state-of-the-art`) keeps it, any other loses it. What stood in
the next line up to a space moves up; a part that begins in upper case is a name and stays.
"""

from __future__ import annotations

import re

LETTER = r"[^\W\d_]"
PARTED = re.compile(rf"[-\u2010]\n(?<={LETTER}[-\u2010]\n)(?={LETTER})")  # what is rare stands first
SOFT = re.compile(rf"(?<={LETTER})\u00ad(?=[ \t]*\n[ \t]*({LETTER}))")
LAST_WORD = re.compile(rf"(-?)({LETTER}+)\Z")
FIRST_WORD = re.compile(rf"{LETTER}+")
PIECE = re.compile(r"\S*")
WORD = re.compile(rf"{LETTER}+(?:-{LETTER}+)*")
LONGEST = 64  # characters of a word that is looked at before its hyphen


def keep_soft_hyphens(text: str) -> str:
    """Soft hyphens in a word that a line's end parts as hyphens; the normal form would remove them, not the break."""
    return SOFT.sub(lambda found: "\u2010" if found[1].islower() else found[0], text) if "\u00ad" in text else text


def dehyphenate(text: str) -> tuple[str, int]:
    """(text without words that a line's end parts, how many were joined); idempotent."""
    joined, words = 0, None
    while found := [match.start() for match in PARTED.finditer(text) if text[match.end()].islower()]:
        words = words or set(WORD.findall(text.lower()))
        text = _joined(text, found, words)
        joined += len(found)
    return text, joined


def _joined(text: str, places: list[int], words: set[str]) -> str:
    """The text with the hyphens at `places` resolved and the line ended after the word instead of in it."""
    parts, at = [], 0
    for place in places:
        hyphen, head = LAST_WORD.search(text, max(0, place - LONGEST), place).groups()  # type: ignore[union-attr]
        tail = FIRST_WORD.match(text, place + 2)[0]  # type: ignore[index]
        whole, parted = f"{head}{tail}".lower(), f"{head}-{tail}".lower()
        keeps = whole not in words and (bool(hyphen) or parted in words)
        parts += [text[at:place], "-" * keeps]
        at = place + 2
        end = PIECE.match(text, at).end()  # type: ignore[union-attr]
        if text[end : end + 1] == " ":
            parts += [text[at:end], "\n"]
            at = end + 1
    return "".join([*parts, text[at:]])
