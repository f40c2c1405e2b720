"""A measure: numbers of each unit, and what their sums come to. So any of them can be drawn again by the bootstrap.

Accuracy adds up right answers and units; F1 adds up what was found, said and there; chrF and BLEU add up n-grams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.model.finetuning.units import Unit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`statistics` of units and what was said of them, [units, k]; `value` of sums of these, [..., k] -> [...]."""

    name: str
    statistics: Callable[[Sequence[Unit], Sequence[str]], Floats]
    value: Callable[[Floats], Floats]

    def of(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """The value over some units."""
        return float(self.value(self.statistics(units, predicted).sum(0)))


def ratio(above: Floats, below: Floats) -> Floats:
    """above / below, 0 where below is 0."""
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=below > 0)


def mean(sums: Floats) -> Floats:
    """Of sums of a number and of ones, [..., 2]: the mean."""
    return ratio(sums[..., 0], sums[..., 1])


def f1(sums: Floats) -> Floats:
    """Of sums of what was found, said and there, [..., 3]: the harmonic mean of precision and recall."""
    return ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def precision(sums: Floats) -> Floats:
    """Of the same: found / said."""
    return ratio(sums[..., 0], sums[..., 1])


def recall(sums: Floats) -> Floats:
    """Of the same: found / there."""
    return ratio(sums[..., 0], sums[..., 2])


def each(number: Callable[[Unit, str], float]) -> Callable[[Sequence[Unit], Sequence[str]], Floats]:
    """Statistics for `mean`, of a number of each unit."""
    return lambda units, predicted: np.array(
        [(number(unit, said), 1.0) for unit, said in zip(units, predicted, strict=True)], np.float64
    ).reshape(len(units), 2)


def overlap(
    items: Callable[[str], frozenset[object]],
) -> Callable[[Sequence[Unit], Sequence[str]], Floats]:
    """Statistics for `f1`: how many of the items that a label names were found, said and there."""

    def statistics(units: Sequence[Unit], predicted: Sequence[str]) -> Floats:
        rows = [(items(said), items(unit.label)) for unit, said in zip(units, predicted, strict=True)]
        counts = [(len(said & there), len(said), len(there)) for said, there in rows]
        return np.array(counts, np.float64).reshape(len(units), 3)

    return statistics


EXACT = Measure(name="exact_match", statistics=each(lambda unit, said: unit.label == said), value=mean)
