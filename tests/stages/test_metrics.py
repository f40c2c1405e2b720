"""Scores: equal to scikit-learn's, intervals that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from stages.model.metrics import accuracy, bootstrap_difference, confusion, macro_f1, mean_and_deviation, wilson

CLASSES = ["a", "b", "c"]
PAIRS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60)


@given(PAIRS)
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    """Accuracy, confusion and macro F1, also where a class is missing on one side."""
    labels, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    assert accuracy(labels, predicted) == pytest.approx(accuracy_score(labels, predicted))
    assert np.array_equal(confusion(labels, predicted, CLASSES), confusion_matrix(labels, predicted, labels=CLASSES))
    assert macro_f1(labels, predicted) == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))


def test_wilson_interval_is_the_textbook_one() -> None:
    """0 of 10 is (0, 0.2775), 50 of 100 is (0.4038, 0.5962): Newcombe 1998."""
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_bootstrap_interval_holds_the_difference_and_repeats() -> None:
    """A clear gain has an interval above zero; no gain has one around zero."""
    right = np.random.default_rng(0).random((3, 2000)) < 0.8
    better = right | (np.random.default_rng(1).random((3, 2000)) < 0.2)
    low, high = bootstrap_difference(list(right), list(better), 500, 1)
    assert 0 < low < float(better.mean() - right.mean()) < high
    assert (low, high) == bootstrap_difference(list(right), list(better), 500, 1)
    assert bootstrap_difference(list(right), list(right), 500, 1) == (0.0, 0.0)


def test_deviation_of_one_value_is_zero() -> None:
    """Two values have the sample deviation, one has none."""
    assert mean_and_deviation([0.5]) == (0.5, 0.0)
    assert mean_and_deviation([1.0, 3.0])[1] == pytest.approx(2**0.5)
