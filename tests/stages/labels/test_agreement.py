"""Agreement: published values, and an independent computation from the definition."""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator
from nltk.metrics import masi_distance
from nltk.metrics.agreement import AnnotationTask
from sklearn.metrics import cohen_kappa_score

from stages.labels.agreement import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    mean_cohen_kappa,
    mean_pairwise_f1,
    per_million,
    percent_agreement,
    tables_of_pairs,
    value_counts,
)

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


# Ten subjects, fourteen raters and five categories, as the encyclopedia entry on Fleiss' kappa prints them.
FOURTEEN_RATERS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_fleiss_kappa_of_the_printed_example() -> None:
    """0.210, whatever is added that has another number of votes."""
    counts = np.array(FOURTEEN_RATERS)
    assert float(fleiss_kappa(counts) or 0) == pytest.approx(0.2099, abs=1e-4)
    assert fleiss_kappa(np.vstack([counts, [[2, 0, 0, 0, 0]]])) == fleiss_kappa(counts)


def test_fleiss_kappa_is_undefined_without_pairs_and_without_two_values() -> None:
    """One vote a unit, or one value for all: there is nothing to compare with chance."""
    assert fleiss_kappa(np.array([[1, 0], [0, 1]])) is None
    assert fleiss_kappa(np.array([[2, 0], [2, 0]])) is None


ANSWERS = st.lists(st.lists(st.integers(-1, 2), min_size=3, max_size=3), min_size=1, max_size=12)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_cohen_kappa_is_that_of_scikit_learn_for_each_pair(rows: list[list[int]], random: random.Random) -> None:
    """Votes in any order, -1 for no vote: each pair of annotators has the kappa of the units they share."""
    votes = [(unit, who, code) for unit, row in enumerate(rows) for who, code in enumerate(row) if code >= 0]
    random.shuffle(votes)
    unit, who, code = np.array(votes, np.int64).reshape(-1, 3).T
    tables = dict(tables_of_pairs(unit, who, code, 3))
    kappas = []
    for pair in itertools.combinations(range(3), 2):
        shared = [(row[pair[0]], row[pair[1]]) for row in rows if min(row[pair[0]], row[pair[1]]) >= 0]
        assert (pair in tables) == bool(shared)
        kappa = cohen_kappa(tables[pair]) if shared else None
        if kappa is not None:
            kappas.append(cohen_kappa_score(*zip(*shared, strict=True)))
            assert float(kappa) == pytest.approx(kappas[-1], abs=1e-9)
    mean = mean_cohen_kappa(unit, who, code, 3)
    assert (mean is None) == (not kappas)
    assert mean is None or float(mean) == pytest.approx(sum(kappas) / len(kappas), abs=1e-9)


SETS = st.frozensets(st.sampled_from("abcd"), min_size=1)  # nltk divides by zero where two sets are empty


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(SETS, min_size=2, max_size=4), min_size=2, max_size=6))
def test_alpha_on_sets_is_that_of_nltk(units: list[list[frozenset[str]]]) -> None:
    """Krippendorff's alpha with the distance MASI, for any number of annotators."""
    triples = [(f"coder-{who}", item, said) for item, unit in enumerate(units) for who, said in enumerate(unit)]
    values = sorted({said for unit in units for said in unit}, key=sorted)
    unit = np.array([item for _, item, _ in triples], np.int64)
    code = np.array([values.index(said) for *_, said in triples], np.int64)
    alpha = krippendorff_alpha(value_counts(unit, code, len(values)), "masi", values)
    reference = AnnotationTask(triples, distance=masi_distance).alpha()
    assert float(1 if alpha is None else alpha) == pytest.approx(reference, abs=1e-9)


def test_two_empty_sets_agree() -> None:
    """Nobody names a class, twice: equal; beside another set: as far apart as can be."""
    counts, values = np.array([[2, 0], [0, 2]]), [frozenset[str](), frozenset("a")]
    assert krippendorff_alpha(counts, "masi", values) == 1
    assert krippendorff_alpha(np.array([[1, 1]]), "masi", values) == 0


SPAN = st.tuples(st.sampled_from([0, 5, 10]), st.integers(2, 4), st.sampled_from(["PER", "LOC"]))
SPANS = st.lists(SPAN, unique_by=lambda span: span[0]).map(
    lambda spans: frozenset((start, start + size, name) for start, size, name in spans)
)  # that do not overlap: of those nervaluate takes the first for the only match


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=5))
def test_f1_of_two_annotators_is_that_of_nervaluate(units: list[tuple[frozenset, frozenset]]) -> None:
    """`strict`: a span counts as found where both ends and the class are equal."""
    sides = [
        [[{"start": start, "end": stop, "label": name} for start, stop, name in sorted(unit[side])] for unit in units]
        for side in (0, 1)
    ]
    reference = Evaluator(*sides, tags=["PER", "LOC"], loader="dict").evaluate()["overall"]["strict"]
    said = {f"{side}": {f"{at}": unit[side] for at, unit in enumerate(units)} for side in (0, 1)}
    f1 = mean_pairwise_f1(said)
    assert (f1 is None) == (not any(first or second for first, second in units))
    assert float(f1 or 0) == pytest.approx(reference.f1, abs=1e-9)


def test_f1_is_a_mean_over_pairs_on_units_they_share() -> None:
    """Two who agree, one who differs from both, one who shares nothing with anybody."""
    one, two = frozenset([(0, 1, "A")]), frozenset([(1, 2, "A")])
    said = {"a": {"x": one, "y": one}, "b": {"x": one}, "c": {"x": two}, "d": {"z": one}}
    assert mean_pairwise_f1(said) == Fraction(1, 3)
