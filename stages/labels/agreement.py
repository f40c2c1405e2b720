"""Agreement between annotators: Krippendorff's alpha, Fleiss' and Cohen's kappa, observed pairwise agreement, F1.

All but Cohen's kappa and F1, which compare two people, are computed from one matrix, `counts[unit, value]`: how many
annotators gave the value to the unit. Who gave it does not enter (annotators are exchangeable), so alpha allows any
number of annotators and any missing votes; units with fewer than two votes cannot be paired and are left out.
All sums are of integers and fractions, so the result is exact and does not depend on the order of rows.

Source: K. Krippendorff, Content Analysis, 3rd edition (2013), chapter 12; "Computing Krippendorff's
Alpha-Reliability" (2011), where the worked example used by the tests is printed. J. L. Fleiss, "Measuring nominal
scale agreement among many raters", Psychological Bulletin 76 (1971). J. Cohen, "A coefficient of agreement for
nominal scales", Educational and Psychological Measurement 20 (1960); its mean over pairs: R. J. Light,
"Measures of response agreement for qualitative data", Psychological Bulletin 76 (1971). Sets of classes: R. Passonneau,
"Measuring agreement on set-valued items (MASI) for semantic and pragmatic annotation", LREC 2006. Spans, for which
chance is not defined: G. Hripcsak and A. Rothschild, "Agreement, the F-measure, and reliability in information
retrieval", JAMIA 12 (2005).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import fsum, lcm
from typing import Any

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


def masi_distance(values: Sequence[frozenset[str]], _totals: Sequence[int]) -> Distance:
    """1 - Jaccard * monotonicity of two sets (Passonneau 2006), in units that make every distance a whole number.

    Monotonicity is 1 for equal sets, 2/3 where one holds the other, 1/3 where they have something in common, else 0.
    """
    whole = 3 * lcm(*range(1, len(frozenset().union(*values)) + 1))

    def distance(c: int, k: int) -> int:
        first, second = values[c], values[k]
        common = len(first & second)
        if first == second:
            return 0
        thirds = 2 if common == min(len(first), len(second)) else 1
        return whole - thirds * common * whole // (3 * len(first | second))

    return distance


DISTANCES: dict[str, Callable[..., Distance]] = {
    "nominal": nominal_distance, "ordinal": ordinal_distance, "interval": interval_distance, "masi": masi_distance,
}  # fmt: skip


def krippendorff_alpha(counts: np.ndarray, level: str, values: Sequence[Any] | None = None) -> Fraction | None:
    """Krippendorff's alpha, 1 for perfect agreement and 0 for what chance gives.

    `counts` has one row per unit and one column per value; columns are in rank order for `ordinal`, and stand
    for the whole numbers `values` for `interval`, for the sets `values` for `masi`. `level` is nominal, ordinal,
    interval or masi. None when alpha is not defined: no unit has two votes, or all votes are the same.
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


def fleiss_kappa(counts: np.ndarray) -> Fraction | None:
    """Fleiss' kappa of the units that have the most common number of votes, for it asks for equal numbers.

    None when nothing can be paired or all votes are the same.
    """
    counts = pairable(counts)
    if not len(counts):
        return None
    sizes = counts.sum(axis=1)
    votes = int(np.bincount(sizes).argmax())
    counts = counts[sizes == votes]
    agreed = Fraction(int((counts * (counts - 1)).sum()), len(counts) * votes * (votes - 1))
    return _beyond_chance(agreed, counts.sum(axis=0).tolist(), counts.sum(axis=0).tolist())


def cohen_kappa(table: np.ndarray) -> Fraction | None:
    """Cohen's kappa of two annotators; table[a, b] counts the units that the first called a and the second b.

    None when they share no unit or both say one and the same thing always.
    """
    total = int(table.sum())
    if not total:
        return None
    return _beyond_chance(Fraction(int(np.trace(table)), total), table.sum(axis=1).tolist(), table.sum(axis=0).tolist())


def _beyond_chance(observed: Fraction, first: list[int], second: list[int]) -> Fraction | None:
    """(observed - chance) / (1 - chance), chance from how often each value is given by the one and by the other."""
    chance = Fraction(sum(a * b for a, b in zip(first, second, strict=True)), sum(first) * sum(second))
    return None if chance == 1 else (observed - chance) / (1 - chance)


def tables_of_pairs(
    unit: np.ndarray, annotator: np.ndarray, code: np.ndarray, values: int
) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """For each two annotators (a < b) with a unit in common, their table as `cohen_kappa` takes it.

    `unit`, `annotator` and `code` are aligned, one element per vote; a unit holds one vote of an annotator at most.
    """
    order = np.lexsort((annotator, unit))
    unit, annotator, code = unit[order], annotator[order], code[order]
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    sizes = np.diff(np.append(starts, len(unit)))
    keys = [np.empty(0, np.int64)]
    people = int(annotator.max(initial=0)) + 1
    for size in np.unique(sizes[sizes > 1]).tolist():
        rows = starts[sizes == size][:, None] + np.arange(size)
        left, right = (rows[:, side].ravel() for side in np.triu_indices(size, 1))
        pair = annotator[left].astype(np.int64) * people + annotator[right]
        keys.append((pair * values + code[left]) * values + code[right])
    cells, counts = np.unique(np.concatenate(keys), return_counts=True)
    pairs, cell = np.divmod(cells, values * values)
    for pair in np.unique(pairs).tolist():
        here = pairs == pair
        table = np.bincount(cell[here], weights=counts[here], minlength=values * values).astype(np.int64)
        yield divmod(pair, people), table.reshape(values, values)


def mean_cohen_kappa(unit: np.ndarray, annotator: np.ndarray, code: np.ndarray, values: int) -> Fraction | None:
    """Mean of Cohen's kappa over all pairs of annotators for whom it is defined (Light 1971); None without one."""
    kappas = [cohen_kappa(table) for _, table in tables_of_pairs(unit, annotator, code, values)]
    defined = [float(kappa) for kappa in kappas if kappa is not None]
    return Fraction(fsum(defined)) / len(defined) if defined else None


def mean_pairwise_f1(said: Mapping[str, Mapping[str, frozenset[Any]]]) -> Fraction | None:
    """Mean over pairs of annotators of the F1 of what the one marked, held to what the other did, on shared units.

    `said` is annotator -> unit -> what is marked there; a mark counts as found where it is equal in all. None where no
    two annotators share a unit on which one of them marked anything.
    """
    shares = []
    for first, second in combinations([said[name] for name in sorted(said)], 2):
        shared = first.keys() & second.keys()
        marked = sum(len(first[unit]) + len(second[unit]) for unit in shared)
        if marked:
            shares.append(Fraction(2 * sum(len(first[unit] & second[unit]) for unit in shared), marked))
    return Fraction(sum(shares, Fraction(0))) / len(shares) if shares else None


def per_million(share: Fraction) -> int:
    """A share as a whole number of millionths, halves to the even neighbour."""
    return round(share * 1_000_000)
