"""What is different in two texts, piece by piece, in time that no text can stretch.

Lines are compared first, then the words of those that differ; beyond MOST_LINES or MOST_WORDS a part is all different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_LINES = 2_000
MOST_WORDS = 2_500
BEGINNING = 24  # characters of a line by which it is found in markup
NEAR = 400  # characters of markup in which the next word of a line is looked for
WORDS = re.compile(r"(?:(?![\u3040-\u30ff\u3400-\u9fff])\w)+|\s+|.", re.DOTALL)  # of unspaced scripts, characters


class Piece(NamedTuple):
    """A part of a text; `same` when the other text has it too."""

    text: str
    same: bool


def differences(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts as pieces, which joined are the text again."""
    left: list[Piece] = []
    right: list[Piece] = []
    for old, new, same in _blocks(before.splitlines(keepends=True), after.splitlines(keepends=True), MOST_LINES):
        if same:
            left.append(Piece(old, True))
            right.append(Piece(new, True))
            continue
        for old_words, new_words, equal in _blocks(WORDS.findall(old), WORDS.findall(new), MOST_WORDS):
            left.append(Piece(old_words, equal))
            right.append(Piece(new_words, equal))
    return _joined(left), _joined(right)


def _blocks(before: Sequence[str], after: Sequence[str], most: int) -> Iterator[tuple[str, str, bool]]:
    """(part of the one, part of the other, are they equal?), in order."""
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    yield "".join(before[:start]), "".join(after[:start]), True
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(old), len(new)) > most:
        yield "".join(old), "".join(new), False
    else:
        for kind, first, last, begin, stop in SequenceMatcher(None, old, new).get_opcodes():
            yield "".join(old[first:last]), "".join(new[begin:stop]), kind == "equal"
    yield "".join(before[len(before) - end :]), "".join(after[len(after) - end :]), True


def _shared(before: Sequence[str], after: Sequence[str]) -> int:
    """Length of what both begin with."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (old, new) in pairs if old != new), min(len(before), len(after)))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece, without empty ones."""
    found: list[Piece] = []
    for piece in pieces:
        if piece.text and found and found[-1].same == piece.same:
            found[-1] = Piece(found[-1].text + piece.text, piece.same)
        elif piece.text:
            found.append(piece)
    return found


def kept_in(markup: str, text: str) -> list[Piece]:
    """The source of a page as pieces; `same` where the words of the text stand that was read out of it.

    Each line is looked for behind the one before, by how it begins or by its longest word, then its words one by one:
    tags and entities may stand between them.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines():
        words = re.findall(r"\w+", line)
        start = _start(markup, line, max(words, key=len, default=""), at)
        if start is None:
            continue
        at = start
        for word in words:
            place = markup.find(word, at, at + NEAR)
            if place >= 0:
                at = place + len(word)
                spans.append((place, at))
    return _joined(list(_marked(markup, spans)))


def _start(markup: str, line: str, longest: str, at: int) -> int | None:
    """Where to look for the words of a line, behind `at`; None where it is not there."""
    begin = line.strip("•-*#>| \t")[:BEGINNING]
    place = markup.find(begin, at) if begin else -1
    if place >= 0:
        return place
    place = markup.find(longest, at) if longest else -1
    return None if place < 0 else max(at, place - 2 * line.index(longest) - BEGINNING)


def _marked(markup: str, spans: list[tuple[int, int]]) -> Iterator[Piece]:
    """The spans and what stands between them; a gap without letters and tags belongs to what it joins."""
    end = 0
    for start, stop in spans:
        between = markup[end:start]
        yield Piece(between, bool(end) and not re.search(r"[\w<>]", between))
        yield Piece(markup[start:stop], True)
        end = stop
    yield Piece(markup[end:], False)
