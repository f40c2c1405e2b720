"""Measures of classes: accuracy and macro F1 of one class; F1 over all classes, and equal sets, of several."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from stages.model.evaluation.scoring.measure import EXACT, Floats, Measure, each, f1, mean, overlap, ratio
from stages.model.finetuning.units import Unit


def confusions(units: Sequence[Unit], predicted: Sequence[str]) -> Floats:
    """[units, classes * classes]: one 1 in each row, at (right class, predicted class)."""
    classes = sorted({unit.label for unit in units} | set(predicted))
    number = {label: place for place, label in enumerate(classes)}
    found = np.zeros((len(units), len(classes) ** 2))
    cells = [number[unit.label] * len(classes) + number[said] for unit, said in zip(units, predicted, strict=True)]
    found[np.arange(len(units)), cells] = 1
    return found


def macro_f1(sums: Floats) -> Floats:
    """Mean over the classes of F1; of a class neither there nor said, 0."""
    size = round(sums.shape[-1] ** 0.5)
    counts = sums.reshape(*sums.shape[:-1], size, size)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return ratio(2 * right, counts.sum(-1) + counts.sum(-2)).mean(-1)


ACCURACY = Measure(name="accuracy", statistics=each(lambda unit, said: unit.label == said), value=mean)
_ONE = [ACCURACY, Measure(name="macro_f1", statistics=confusions, value=macro_f1)]
MEASURES = {
    "classification": _ONE,
    "pairs": _ONE,
    "multilabel": [
        Measure(name="micro_f1", statistics=overlap(lambda label: frozenset(json.loads(label))), value=f1),
        EXACT,
    ],
}
