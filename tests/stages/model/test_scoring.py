"""Scores: those of the reference libraries, intervals that cover, tests that know the textbook's numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator
from sacrebleu.metrics import BLEU, CHRF
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from stages.model.evaluation.scoring import measures_of
from stages.model.evaluation.scoring.uncertainty import interval, mcnemar, mean_and_deviation, resamples, wilson
from stages.model.finetuning.units import Unit

CLASSES = ["a", "b", "c"]
PAIRS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60)
WORDS = ["the", "cat", "sat", ",", "on", "3.5", "mats", "(really)", "猫", "坐在", "垫子上。", "it's"]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
SPANS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["PER", "ORG"])), max_size=4, unique_by=lambda s: s[0])


def units(labels: list[str], text: str = "") -> list[Unit]:
    """A unit for each label."""
    return [
        Unit(id=str(place), about="", split="test", source="", language="", text=text, label=label)
        for place, label in enumerate(labels)
    ]


def values(kind: str, labels: list[str], said: list[str], text: str = "") -> dict[str, float]:
    """Every measure of a kind."""
    return {one.name: one.of(units(labels, text), said) for one in measures_of(kind)}


@given(PAIRS)
@settings(max_examples=50, deadline=None)
def test_scores_of_classes_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    """Also where a class is missing on one side."""
    labels, said = (list(side) for side in zip(*pairs, strict=True))
    found = values("classification", labels, said)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, said))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, said, average="macro", zero_division=0))


@given(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_f1_of_spans_is_that_of_nervaluate(pairs: list[tuple[list[tuple[int, str]], list[tuple[int, str]]]]) -> None:
    """Counted over the whole set, equal in both ends and the class (`strict`)."""
    labels, said = (
        [[[2 * s, 2 * s + 1, name] for s, name in one] for one in side] for side in zip(*pairs, strict=True)
    )
    found = values("spans", [json.dumps(one) for one in labels], [json.dumps(one) for one in said])
    if not any(labels) or not any(said):
        assert found["span_f1"] == 0
        return
    marked = [[[{"label": n, "start": s, "end": e} for s, e, n in one] for one in side] for side in (labels, said)]
    strict = Evaluator(marked[0], marked[1], tags=["PER", "ORG"], loader="dict").evaluate()["overall"]["strict"]
    assert found["span_f1"] == pytest.approx(strict.f1)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_chrf_and_bleu_are_those_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    """Over the whole set; Chinese characters are words, as its tokenizer `zh` has them."""
    labels, said = (list(side) for side in zip(*pairs, strict=True))
    found = values("generation", labels, said)
    assert 100 * found["chrf"] == pytest.approx(CHRF().corpus_score(said, [labels]).score)
    assert 100 * found["bleu"] == pytest.approx(BLEU(tokenize="zh", force=True).corpus_score(said, [labels]).score)


@pytest.mark.parametrize(
    ("kind", "label", "said", "expected"),
    [
        ("generation", "the cat sat on the mat", "the cat was on the mat", {"rouge_2": 3 / 5, "rouge_l": 5 / 6}),
        ("generation", "我在北京", "北京在我", {"rouge_1": 1.0, "rouge_l": 0.5}),
        ("questions", "[4,11]", "[0,11]", {"answer_f1": 1.0, "exact_match": 1.0}),  # "red car", "the red car"
        ("questions", "[4,7]", "[4,11]", {"answer_f1": 2 / 3, "exact_match": 0.0}),
        ("questions", "[]", "[]", {"answer_f1": 1.0, "exact_match": 1.0}),
        ("questions", "[]", "[4,7]", {"answer_f1": 0.0}),
        ("multilabel", '["a","b"]', '["b","c"]', {"micro_f1": 0.5, "exact_match": 0.0}),
        ("relations", '{"relations":[[0,1,"of"]],"spans":[[0,1,"x"],[2,3,"y"]]}',
         '{"relations":[[0,1,"of"],[1,0,"of"]],"spans":[[0,1,"x"],[2,3,"y"]]}', {"relation_f1": 2 / 3}),
    ],
)  # fmt: skip
def test_scores_counted_by_hand(kind: str, label: str, said: str, expected: dict[str, float]) -> None:
    """ROUGE by words and by Chinese characters; answers without articles; sets and relations."""
    found = values(kind, [label], [said], "the red car")
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_wilson_interval_is_the_textbook_one() -> None:
    """0 of 10 is (0, 0.2775), 50 of 100 is (0.4038, 0.5962): Newcombe 1998."""
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_the_bootstrap_draws_as_many_units_and_repeats() -> None:
    """The interval of a difference that is there does not hold 0; blocks are the draws of one stream."""
    right = np.random.default_rng(0).random(2000) < 0.8
    gain = (right | (np.random.default_rng(1).random(2000) < 0.2)).astype(float) - right
    counts = np.concatenate(list(resamples(2000, 1200, 1)))
    assert counts.shape == (1200, 2000) and set(counts.sum(1)) == {2000.0}
    low, high = interval(counts @ gain / 2000)
    assert 0 < low < gain.mean() < high
    assert np.array_equal(counts[:10], np.concatenate(list(resamples(2000, 10, 1))))


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_mcnemar_is_the_exact_binomial_test(one: int, other: int) -> None:
    """On those that exactly one of two systems has right."""
    first = np.array([True] * one + [False] * other + [True] * 5)
    second = np.array([False] * one + [True] * other + [True] * 5)
    expected = binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)


def test_deviation_of_one_value_is_zero() -> None:
    """Two values have the sample deviation, one has none."""
    assert mean_and_deviation([0.5]) == (0.5, 0.0)
    assert mean_and_deviation([1.0, 3.0])[1] == pytest.approx(2**0.5)
