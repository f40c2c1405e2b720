"""Measures of answers: equal words, and F1 of the words in common (Rajpurkar et al. 2016; of characters in Chinese).

The words are those of the text at the place that was named; no answer and none said are equal.
"""

from __future__ import annotations

import json
from collections import Counter

from stages.model.evaluation.scoring.measure import Measure, each, mean
from stages.model.evaluation.scoring.words import plain_words
from stages.model.finetuning.units import Unit

_ARTICLES = ("a", "an", "the")


def words_at(text: str, label: str) -> list[str]:
    """The words of the answer that a label names, without English articles."""
    place = json.loads(label)
    said = plain_words(text[slice(*place)]) if place else []
    return [word for word in said if word not in _ARTICLES]


def exact(unit: Unit, said: str) -> float:
    """1 where both answers are the same words."""
    return float(words_at(unit.text, unit.label) == words_at(unit.text, said))


def answer_f1(unit: Unit, said: str) -> float:
    """F1 of the words of both answers, as bags."""
    there, found = words_at(unit.text, unit.label), words_at(unit.text, said)
    if not there or not found:
        return float(there == found)
    common = (Counter(there) & Counter(found)).total()
    return 2 * common / (len(there) + len(found))


MEASURES = {
    "questions": [
        Measure(name="answer_f1", statistics=each(answer_f1), value=mean),
        Measure(name="exact_match", statistics=each(exact), value=mean),
    ]
}
