"""How far a score can be trusted: intervals, paired tests, and mean and deviation over seeds.

Intervals hold 95 %: Wilson 1927 for one share; percentile bootstrap over units for anything else, where systems that
are compared see the same draws. McNemar 1947 in its exact form: are two systems wrong equally often?
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import mean, stdev

import numpy as np
import numpy.typing as npt

Z95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval
_DRAWN_AT_ONCE = 2_000_000  # units
Floats = npt.NDArray[np.float64]


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share measured on `n` units."""
    centre = share + Z95**2 / (2 * n)
    spread = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def resamples(units: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each of so many draws with replacement has each unit: blocks of [some of the draws, units]."""
    generator = np.random.default_rng(seed)
    size = max(1, _DRAWN_AT_ONCE // max(1, units))
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        chosen = generator.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
        yield np.bincount(chosen.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of the values of all draws."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Probability of a difference at least as large where both are equally often right; two-sided, exact."""
    one, other = int((first & ~second).sum()), int((~first & second).sum())
    total, term = 0, 1
    for number in range(min(one, other) + 1):
        total += term
        term = term * (one + other - number) // (number + 1)
    return min(1.0, 2 * total / 2 ** (one + other))


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; the deviation of one value is 0."""
    return mean(values), stdev(values) if len(values) > 1 else 0.0
