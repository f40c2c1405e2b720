"""Measures of spans and relations: F1 of those that are equal in all, over the whole set (as CoNLL-2003 counts)."""

from __future__ import annotations

import json

from stages.model.evaluation.scoring.measure import EXACT, Measure, f1, overlap, precision, recall


def spans(label: str) -> frozenset[object]:
    """The spans of a label."""
    return frozenset(map(tuple, json.loads(label)))


def relations(label: str) -> frozenset[object]:
    """The relations of a label, each with both of its spans."""
    said = json.loads(label)
    places = [tuple(span) for span in said["spans"]]
    return frozenset((places[start], places[stop], name) for start, stop, name in said["relations"])


_SPANS, _RELATIONS = overlap(spans), overlap(relations)
MEASURES = {
    "spans": [
        Measure(name="span_f1", statistics=_SPANS, value=f1),
        Measure(name="span_precision", statistics=_SPANS, value=precision),
        Measure(name="span_recall", statistics=_SPANS, value=recall),
        EXACT,
    ],
    "relations": [
        Measure(name="relation_f1", statistics=_RELATIONS, value=f1),
        Measure(name="relation_precision", statistics=_RELATIONS, value=precision),
        Measure(name="relation_recall", statistics=_RELATIONS, value=recall),
        EXACT,
    ],
}
