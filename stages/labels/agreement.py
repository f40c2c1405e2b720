"""Agreement between annotators: Krippendorff's alpha and the observed pairwise agreement.

Everything is computed from one matrix, `counts[unit, value]`: how many annotators gave the value to the unit.
Who gave it does not enter (alpha treats annotators as exchangeable), so any number of annotators and any
missing votes are allowed; units with fewer than two votes cannot be paired and are left out.
All sums are of integers and fractions, so the result is exact and does not depend on the order of rows.

Source: K. Krippendorff, Content Analysis, 3rd edition (2013), chapter 12; "Computing Krippendorff's
Alpha-Reliability" (2011), where the worked example used by the tests is printed.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

Distance = Callable[[int, int], int]


def value_counts(units: np.ndarray, codes: np.ndarray, values: int) -> np.ndarray:
    """Votes per unit and value: an int64 matrix of shape (largest unit code + 1, values)."""
    height = int(units.max()) + 1 if len(units) else 0
    flat = np.bincount(units.astype(np.int64) * values + codes, minlength=height * values)
    return flat.reshape(height, values)


def pairable(counts: np.ndarray) -> np.ndarray:
    """The rows of `counts` that hold at least two votes."""
    return counts[counts.sum(axis=1) >= 2]


def pairs_by_size(counts: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """For each number of votes m a unit can have: m and the ordered pairs (c, k) within those units, counted."""
    sizes = counts.sum(axis=1)
    pairs = []
    for size in np.unique(sizes).tolist():
        rows = counts[sizes == size]
        pairs.append((size, rows.T @ rows - np.diag(rows.sum(axis=0))))
    return pairs


def nominal_distance(_values: Sequence[int], _totals: Sequence[int]) -> Distance:
    """0 for equal values, 1 for different ones."""
    return lambda c, k: int(c != k)


def ordinal_distance(_values: Sequence[int], totals: Sequence[int]) -> Distance:
    """Squared number of votes between two ranks (four times it, to stay whole: alpha is a ratio)."""
    below = [0]
    for total in totals:
        below.append(below[-1] + total)
    middle = [2 * low + total for low, total in zip(below, totals, strict=False)]
    return lambda c, k: (middle[c] - middle[k]) ** 2


def interval_distance(values: Sequence[int], _totals: Sequence[int]) -> Distance:
    """Squared difference of the values."""
    return lambda c, k: (values[c] - values[k]) ** 2


DISTANCES = {"nominal": nominal_distance, "ordinal": ordinal_distance, "interval": interval_distance}


def krippendorff_alpha(counts: np.ndarray, level: str, values: Sequence[int] | None = None) -> Fraction | None:
    """Krippendorff's alpha, 1 for perfect agreement and 0 for what chance gives.

    `counts` has one row per unit and one column per value; columns are in rank order for `ordinal`, and stand
    for the whole numbers `values` for `interval`. `level` is nominal, ordinal or interval. None when alpha is
    not defined: no unit has two votes, or all votes are the same.
    """
    counts = pairable(counts)
    totals: list[int] = counts.sum(axis=0).tolist()
    columns = range(len(totals))
    distance = DISTANCES[level](values if values is not None else list(columns), totals)
    expected = sum(totals[c] * totals[k] * distance(c, k) for c in columns for k in columns)
    if expected == 0:
        return None
    observed = Fraction(0)
    for size, pairs in pairs_by_size(counts):
        table = pairs.tolist()
        observed += Fraction(sum(table[c][k] * distance(c, k) for c in columns for k in columns), size - 1)
    return 1 - (sum(totals) - 1) * observed / expected


def percent_agreement(counts: np.ndarray) -> Fraction | None:
    """Share of pairs of votes on one unit that are equal, averaged over units; None when nothing can be paired."""
    counts = pairable(counts)
    if not len(counts):
        return None
    agreed = sum(Fraction(int(np.trace(pairs)), size * (size - 1)) for size, pairs in pairs_by_size(counts))
    return Fraction(agreed) / len(counts)


def per_million(share: Fraction) -> int:
    """A share as a whole number of millionths, halves to the even neighbour."""
    return round(share * 1_000_000)
