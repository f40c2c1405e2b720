"""Carry: an answer about a text, moved to what cleaning has made of that text since.

Spans move when each of them stands, word for word, in a stretch that both texts have in common; their offsets are those
of the new text. All other answers are about the whole text: they move when the texts differ in nothing but Unicode form
(NFKC) and white space. What cannot be moved is asked again. Letters, case and punctuation are meaning: "it's fine :)"
and "it's fine :(" are two texts.

Stretches are found between words (characters in scripts without spaces), so that no span ends inside of a changed word:
the label on "York" is not carried into "Yorkshire".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any

from stages.labels.values import Span, spans_in, with_spans

UNITS = re.compile(
    r"[^\W⺀-鿿豈-﫿]+|.", re.DOTALL
)  # words, and single characters of all else and of Chinese or Japanese

Stretch = tuple[int, int, int]  # where it starts in the old text, where in the new one, characters


def carried(kind: str, value: Any, old: str, new: str) -> Any:
    """The same answer about the new text, None when it cannot be moved. `value` as in `label/annotations`, decoded."""
    if spans := spans_in(kind, value):
        moved = moved_spans(spans, old, new)
        return None if moved is None else with_spans(kind, value, moved)
    return value if normalised(old) == normalised(new) else None


def normalised(text: str) -> str:
    """The text in NFKC, with single spaces for runs of white space, and none at its ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def moved_spans(spans: Sequence[Span], old: str, new: str) -> list[Span] | None:
    """The spans with the offsets they have in the new text; None when one of them does not stand there unchanged."""
    stretches = list(common_stretches(old, new)) if old != new else [(0, 0, len(old))]
    moved: list[Span] = []
    for start, stop, label in spans:
        within = [there - here for here, there, size in stretches if here <= start and stop <= here + size]
        if not within:
            return None
        moved.append([start + within[0], stop + within[0], label])
    return moved


def common_stretches(old: str, new: str) -> Iterator[Stretch]:
    """What both texts have in common, in order; neighbours in both texts are one stretch."""
    units = UNITS.findall(old), UNITS.findall(new)
    here, there = (list(accumulate(map(len, found), initial=0)) for found in units)
    before: Stretch = (0, 0, 0)
    for block in SequenceMatcher(str.isspace, *units).get_matching_blocks():  # no stretch hangs on a space alone
        start, place = here[block.a], there[block.b]
        size = here[block.a + block.size] - start
        if start == before[0] + before[2] and place == before[1] + before[2]:
            before = (before[0], before[1], before[2] + size)
        else:
            yield before
            before = (start, place, size)
    yield before
