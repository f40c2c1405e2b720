"""Marks: the labelled spans of a text, and where they stand in a changed copy of it.

A label of a span task is JSON, [[start, stop, class], ...] in characters (`label/labels`). An operator never changes a
word that a span touches; here the offsets are moved with these words, and each span is held to its text.
"""

from __future__ import annotations

import json

from catalog.digests import canonical_json
from catalog.errors import OperatorError
from stages.augmentation.wording import Spans, Wording


def spans_of(label: str, text: str) -> Spans:
    """The spans of a label. Errors: OperatorError for one that does not lie in the text."""
    spans = tuple((start, stop) for start, stop, _ in json.loads(label))
    for start, stop in spans:
        if not 0 <= start < stop <= len(text):
            raise OperatorError(
                f"the span {start}-{stop} lies outside its text of {len(text)} characters ({text[:40]!r}); "
                "run `dvc repro label`"
            )
    return spans


def moved_label(label: str, text: str, copy: Wording) -> str:
    """The label with the offsets that its spans have in the copy. Errors: OperatorError where one reads otherwise."""
    places, changed = copy.bounds(), copy.text
    shifts = [
        (origin, origin + places[place][1] - places[place][0], places[place][0] - origin) for place, origin in copy.kept
    ]
    moved = []
    for start, stop, name in json.loads(label):
        shift = next((by for first, last, by in shifts if first <= start and stop <= last), None)
        if shift is None or changed[start + shift : stop + shift] != text[start:stop]:
            raise OperatorError(f"a copy of {text[:40]!r} lost its span {start}-{stop} ({text[start:stop]!r})")
        moved.append([start + shift, stop + shift, name])
    return canonical_json(moved)
