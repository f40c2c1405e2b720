"""Measure and scores: agreement per source, and counts per labelling function."""

from typing import Any

import pytest

from catalog.schema import AGREEMENT
from stages.labels.measure import MeasureParams, measure
from stages.labels.scores import FUNCTIONS, ScoreParams, score
from tests.stages.label_tables import Part, consensus, parts, votes_part

LABELS = ["bad", "good"]


def agreement(
    documents: list[tuple[str, str, str]], votes: Part, kind: Any = "classification"
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(scope, metric) -> (value, items, annotators)."""
    segments = parts(documents)
    params = MeasureParams(task="mood", kind=kind, labels=LABELS)
    ((_, key, table),) = measure(segments, segments, [votes], params=params)
    assert (key, table.schema.equals(AGREEMENT.remove_metadata())) == ("all", True)
    return {(row["scope"], row["metric"]): (row["value"], row["items"], row["annotators"]) for row in table.to_pylist()}


def test_agreement_of_raters_per_source_and_for_all() -> None:
    """Raters who agree in one source and not in the other are told apart."""
    documents = [("a", "press", "1"), ("b", "press", "2"), ("c", "shop", "3"), ("d", "shop", "4")]
    said = {"a": (2, 2), "b": (-2, -2), "c": (1, -1), "d": (-1, 1)}
    votes = [
        (name, f"rater-{place + 1:02d}", "good" if value > 0 else "bad")
        for name, values in said.items() for place, value in enumerate(values)
    ]  # fmt: skip
    found = agreement(documents, votes_part(votes, [value for values in said.values() for value in values]))
    assert found["press", "krippendorff_alpha_nominal"] == (1_000_000, 2, 2)
    assert found["press", "krippendorff_alpha_interval"] == (1_000_000, 2, 2)
    assert found["shop", "krippendorff_alpha_nominal"] == (-500_000, 2, 2)
    assert found["shop", "percent_agreement"] == (0, 2, 2)
    assert found["all", "percent_agreement"] == (500_000, 4, 2)


def test_agreement_of_a_source_with_itself() -> None:
    """Without raters, the given labels on copies of one text are compared; functions and odd labels are not."""
    documents = [("a", "shop", "1"), ("b", "shop", "1"), ("c", "shop", "2"), ("d", "shop", "2")]
    votes = [(name, "given:shop", label) for name, label in zip("abcd", ["good", "good", "good", "bad"], strict=True)]
    votes += [("a", "function:f", "bad"), ("b", "given:shop", "odd")]
    assert agreement(documents, votes_part(votes))["shop", "percent_agreement"] == (500_000, 2, 1)


A, B = '[[0,4,"PER"]]', '[[0,4,"PER"],[9,12,"PER"]]'
JOINED, APART = f'{{"relations":[[0,1,"met"]],"spans":{B}}}', f'{{"relations":[],"spans":{B}}}'


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("multilabel", ('["bad"]', '["bad"]', '["bad","good"]', '["good"]'),
         {"krippendorff_alpha_masi": 500_000, "percent_agreement": 500_000}),
        ("spans", (A, B, A, A), {"span_f1": 800_000, "percent_agreement": 500_000}),
        ("relations", (JOINED, JOINED, JOINED, APART),
         {"span_f1": 1_000_000, "relation_f1": 666_667, "percent_agreement": 500_000}),
        ("questions", ("[0,4]", "[0,4]", "[0,4]", "[]"), {"span_f1": 666_667, "percent_agreement": 500_000}),
    ],
)  # fmt: skip
def test_agreement_of_two_people_on_two_texts_in_each_kind(
    kind: str, said: tuple[str, ...], expected: dict[str, int]
) -> None:
    """They agree on the first text and not on the second; one person alone is nobody to agree with."""
    documents = [("a", "shop", "1"), ("b", "shop", "2")]
    who = [("a", "person:ann"), ("a", "person:bob"), ("b", "person:ann"), ("b", "person:bob")]
    votes = [(*pair, label) for pair, label in zip(who, said, strict=True)]
    found = agreement(documents, votes_part(votes), kind)
    assert {metric: value for (scope, metric), (value, *_) in found.items() if scope == "all"} == expected
    assert agreement(documents, votes_part(votes[::2]), kind) == {}


def test_no_votes_give_no_agreement() -> None:
    """A task without votes has no rows rather than a number."""
    assert agreement([("a", "shop", "1")], votes_part([])) == {}


def test_scores_count_what_each_function_did() -> None:
    """Coverage, overlap, conflict and accuracy as counts of kept documents; copies count once."""
    documents = [(name, "shop", text) for name, text in zip("abcde", ["1", "2", "3", "4", "1"], strict=True)]
    votes = [("a", "given:shop", "good"), ("b", "given:shop", "good"), ("e", "function:f", "good")]
    votes += [("a", "function:f", "good"), ("b", "function:f", "bad"), ("c", "function:f", "bad")]
    votes += [("b", "function:g", "good"), ("c", "function:g", "bad")]
    mood = consensus()
    params = ScoreParams(
        task="mood", kind="classification", labels=LABELS, priority=mood.priority, given_conflict="drop",
        consensus="majority", iterations=10, min_confidence=0, class_balance=None, functions=["f", "g", "silent"],
        sources=["shop"], languages=["en"],
    )  # fmt: skip
    segments = parts(documents)
    ((_, _, table),) = score(segments, segments, [votes_part(votes)], params=params)
    assert table.schema.equals(FUNCTIONS.remove_metadata())
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("mood", "f", 4, 3, 2, 1, 2, 1), ("mood", "g", 4, 2, 2, 1, 1, 1), ("mood", "silent", 4, 0, 0, 0, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["spans", "multilabel"])
def test_functions_that_mark_are_scored_by_whole_labels(kind: str) -> None:
    """An answer is right when it is the label that people came to, which may be one that nobody gave as a whole."""
    here, both, none = {"spans": ('[[0,1,"good"]]', '[[0,1,"bad"],[0,1,"good"]]', "[]")}.get(
        kind, ('["good"]', '["bad","good"]', "[]")
    )
    votes = [("a", "given:shop", here), ("b", "given:shop", both), ("c", "given:shop", none)]
    votes += [
        ("a", "function:f", here),
        ("b", "function:f", here),
        ("c", "function:f", none),
        ("a", "function:g", both),
    ]
    mood = consensus()
    params = ScoreParams(
        task="mood", kind=kind, labels=LABELS, priority=mood.priority, given_conflict="drop",  # type: ignore[arg-type]
        consensus="majority", iterations=10, min_confidence=0, class_balance=None, functions=["f", "g"],
        sources=["shop"], languages=["en"],
    )  # fmt: skip
    segments = parts([(name, "shop", name) for name in "abc"])
    ((_, _, table),) = score(segments, segments, [votes_part(votes)], params=params)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("mood", "f", 3, 3, 1, 1, 3, 2), ("mood", "g", 3, 1, 1, 1, 1, 0),
    ]  # fmt: skip
