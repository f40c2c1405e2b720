"""Agreement: published values, and an independent computation from the definition."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.agreement import krippendorff_alpha, per_million, percent_agreement, value_counts

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers, twelve units.
TEXTBOOK = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# The same author's example with three observers and fifteen units, as the encyclopedia entry on alpha prints it.
THREE_OBSERVERS = [
    [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
    [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
    [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
]
UNITS = st.lists(st.lists(st.integers(-4, 4), max_size=5), min_size=1, max_size=8)


def matrix(units: list[list[int]]) -> tuple[np.ndarray, list[int]]:
    """Counts per unit and value, and the values, of votes listed per unit."""
    values = sorted({vote for votes in units for vote in votes}) or [0]
    unit = np.array([position for position, votes in enumerate(units) for _ in votes], np.int64)
    code = np.array([values.index(vote) for votes in units for vote in votes], np.int64)
    return value_counts(unit, code, len(values)), values


def by_definition(units: list[list[int]], level: str) -> Fraction | None:
    """Alpha straight from the definition: mean distance within units over mean distance of any two votes."""
    units = [votes for votes in units if len(votes) > 1]
    pool = sorted(vote for votes in units for vote in votes)

    def distance(a: int, b: int) -> Fraction:
        if level == "nominal":
            return Fraction(a != b)
        if level == "interval":
            return Fraction((a - b) ** 2)
        low, high = min(a, b), max(a, b)
        between = sum(low <= vote <= high for vote in pool)
        return (between - Fraction(pool.count(low) + pool.count(high), 2)) ** 2 if a != b else Fraction(0)

    expected = sum((distance(a, b) for a, b in itertools.permutations(pool, 2)), Fraction(0))
    if not expected:
        return None
    observed = Fraction(0)
    for votes in units:
        observed += sum((distance(a, b) for a, b in itertools.permutations(votes, 2)), Fraction(0)) / (len(votes) - 1)
    return 1 - observed / len(pool) / (expected / (len(pool) * (len(pool) - 1)))


@pytest.mark.parametrize(
    ("votes", "level", "published"),
    [
        (TEXTBOOK, "nominal", 0.743), (TEXTBOOK, "ordinal", 0.815), (TEXTBOOK, "interval", 0.849),
        (THREE_OBSERVERS, "nominal", 0.691), (THREE_OBSERVERS, "ordinal", 0.807), (THREE_OBSERVERS, "interval", 0.811),
    ],
)  # fmt: skip
def test_alpha_is_the_published_one(votes: list[list[int | None]], level: str, published: float) -> None:
    """The worked examples with missing votes give the values printed for them."""
    units = [[vote for vote in column if vote is not None] for column in zip(*votes, strict=True)]
    counts, values = matrix(units)
    alpha = krippendorff_alpha(counts, level, values)
    assert alpha is not None
    assert round(float(alpha), 3) == published


def test_published_nominal_alpha_of_two_observers() -> None:
    """The binary example with two observers and ten units in the same paper gives 0.095."""
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    counts, _ = matrix([list(pair) for pair in zip(first, second, strict=True)])
    alpha = krippendorff_alpha(counts, "nominal")
    assert alpha is not None
    assert round(float(alpha), 3) == 0.095


@settings(deadline=None)
@given(UNITS, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_equals_the_definition(units: list[list[int]], level: str) -> None:
    """The counted alpha equals, exactly, the sum over all pairs of votes."""
    counts, values = matrix(units)
    assert krippendorff_alpha(counts, level, values) == by_definition(units, level)


@settings(deadline=None)
@given(UNITS)
def test_percent_agreement_is_the_mean_share_of_equal_pairs(units: list[list[int]]) -> None:
    """Observed agreement equals the mean over units of the share of equal pairs."""
    pairs = [list(itertools.permutations(votes, 2)) for votes in units if len(votes) > 1]
    shares = [Fraction(sum(a == b for a, b in of_unit), len(of_unit)) for of_unit in pairs]
    expected = sum(shares, Fraction(0)) / len(shares) if shares else None
    assert percent_agreement(matrix(units)[0]) == expected


@pytest.mark.parametrize("units", [[[1]], [[], [2]], [[3, 3], [3, 3, 3]]])
def test_alpha_is_undefined_without_pairs_or_without_variation(units: list[list[int]]) -> None:
    """One vote per unit, or one value everywhere, gives no alpha rather than a wrong one."""
    assert krippendorff_alpha(matrix(units)[0], "nominal") is None


def test_large_counts_do_not_overflow() -> None:
    """The ordinal distance of a million votes is exact, though its sums leave 64 bits."""
    counts = np.full((20_000, 2), 25, np.int64)
    alpha = krippendorff_alpha(counts, "ordinal")
    assert alpha == krippendorff_alpha(counts, "nominal")


def test_per_million_rounds_shares() -> None:
    """Shares are stored as whole millionths, negative ones too."""
    assert [per_million(Fraction(2, 3)), per_million(Fraction(-1, 3))] == [666_667, -333_333]
