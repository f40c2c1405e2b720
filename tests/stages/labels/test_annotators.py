"""Annotators and fitness: who is right how often, and which task may be trained on."""

import numpy as np
import pyarrow as pa
import pytest

from catalog.errors import GristmillError
from catalog.schema import AGREEMENT, ANNOTATORS, CONFUSIONS, LABELS, TASKS
from stages.finetune import kind_of
from stages.labels.annotators import AnnotatorParams, assess
from stages.labels.fitness import FitnessParams, Target, judge_tasks
from stages.model.finetuning.params import RunsParams
from tests.stages.label_tables import Part, parts, votes_part

ANNOTATOR_PARAMS = AnnotatorParams(
    task="mood", kind="classification", labels=["bad", "good"], gold=["given:desk"], iterations=20
)


def assessed(votes: list[tuple[str, str, str]]) -> tuple[dict[str, tuple], dict[tuple[str, str, str], int]]:
    """label/annotators by name, and label/confusions by (annotator, truth, said)."""
    segments = parts([(name, "desk", name) for name in sorted({vote[0] for vote in votes})])
    tables = {
        name: table for name, _, table in assess(segments, segments, [votes_part(votes)], params=ANNOTATOR_PARAMS)
    }
    assert tables["annotators"].schema.equals(ANNOTATORS.remove_metadata())
    assert tables["confusions"].schema.equals(CONFUSIONS.remove_metadata())
    people = {row.pop("annotator"): tuple(row.values())[1:] for row in tables["annotators"].to_pylist()}
    cells = {(row["annotator"], row["truth"], row["said"]): row["share"] for row in tables["confusions"].to_pylist()}
    return people, cells


def raters(documents: int, accuracy: list[float]) -> list[tuple[str, str, str]]:
    """The votes of raters of known accuracy, on documents of which every second is good."""
    draws = np.random.default_rng(1)
    names = np.array(["bad", "good"])
    right = draws.random((documents, len(accuracy))) < accuracy
    return [
        (f"{place:04d}", f"rater-{who + 1:02d}", str(names[(place + (not right[place, who])) % 2]))
        for place in range(documents) for who in range(len(accuracy))
    ]  # fmt: skip


def test_annotators_are_checked_on_gold_documents_alone() -> None:
    """Two documents have gold; a third where gold says two things, and a fourth without, check nobody."""
    votes = [("a", "given:desk", "good"), ("b", "given:desk", "bad"), ("c", "given:desk", "bad")]
    votes += [("c", "given:desk", "good"), *((name, "rater-01", "good") for name in "abcd"), ("a", "rater-02", "odd")]
    people, _ = assessed([*votes, ("b", "rater-02", "bad")])
    assert people == {"rater-01": (4, 2, 1, people["rater-01"][3]), "rater-02": (1, 1, 1, people["rater-02"][3])}


def test_accuracies_are_found_without_gold() -> None:
    """The estimate is within three points of the accuracy with which the votes were drawn, rows of confusion are 1."""
    people, cells = assessed(raters(2000, [0.95, 0.8, 0.7, 0.6]))
    assert [row[3] / 1e6 for row in people.values()] == pytest.approx([0.95, 0.8, 0.7, 0.6], abs=0.03)
    for who in people:
        for truth in ("bad", "good"):
            assert sum(cells[who, truth, said] for said in ("bad", "good")) == pytest.approx(1e6, abs=1)


def test_one_annotator_alone_has_no_estimate() -> None:
    """Nothing can be said of one person without gold."""
    people, cells = assessed([("a", "rater-01", "good"), ("b", "rater-01", "bad")])
    assert (people, cells) == ({"rater-01": (2, 0, 0, None)}, {})


def fitness(min_alpha: float | None, values: dict[str, int]) -> list[dict[str, object]]:
    """label/tasks of a task whose agreement has these values, one document labelled and one not."""
    measured = [("all", *pair) for pair in values.items()] + [("shop", "krippendorff_alpha_nominal", 0)]
    agreement = [
        {"task": "mood", "scope": scope, "metric": metric, "value": value, "items": 2, "annotators": 2}
        for scope, metric, value in measured
    ]
    labels = [
        {"id": name, "task": "mood", "cluster": name, "split": "train", "label": label, "target_text": None,
         "method": "majority", "confidence": 1000, "votes": 2, "drop_reason": reason}
        for name, label, reason in [("a", "good", None), ("b", None, "no_consensus")]
    ]  # fmt: skip
    given = [
        pa.Table.from_pylist(rows, schema=kind.remove_metadata())
        for rows, kind in ((labels, LABELS), (agreement, AGREEMENT))
    ]
    params = FitnessParams(targets=[Target(task="mood", kind="classification", min_alpha=min_alpha)])
    (_, _, table), _ = judge_tasks([Part("a", given[0])], [Part("all", given[1])], params=params)
    assert table.schema.equals(TASKS.remove_metadata())
    return table.to_pylist()


@pytest.mark.parametrize(
    ("min_alpha", "values", "alpha", "fit"),
    [
        (None, {}, None, True),
        (0.6, {}, None, False),
        (0.6, {"krippendorff_alpha_nominal": 599_999}, 599_999, False),
        (0.6, {"krippendorff_alpha_nominal": 600_000}, 600_000, True),
        (0.6, {"krippendorff_alpha_nominal": 700_000, "krippendorff_alpha_interval": 500_000}, 500_000, False),
        (0.6, {"percent_agreement": 900_000}, None, False),
    ],
)
def test_a_task_is_fit_where_its_alpha_reaches_what_it_asks_for(
    min_alpha: float | None, values: dict[str, int], alpha: int | None, fit: bool
) -> None:
    """Scores count before labels, the share of equal pairs never; without a target every task is fit."""
    (row,) = fitness(min_alpha, values)
    assert (row["alpha"], row["fit"], row["labelled"], row["unlabelled"]) == (alpha, fit, 1, 1)


def test_finetune_refuses_an_unfit_task_and_says_what_to_do() -> None:
    """The error names the task, both numbers and the parameter; and a task that does not exist."""
    tasks = Part("all", pa.Table.from_pylist(fitness(0.8, {"krippendorff_alpha_nominal": 512_300})))
    with pytest.raises(GristmillError, match=r"`mood`.*0\.512.*min_alpha is 0\.8.*accept_unfit") as error:
        kind_of([tasks], "mood", RunsParams())  # type: ignore[list-item]
    assert "from annotators where task = 'mood'" in str(error.value)
    assert kind_of([tasks], "mood", RunsParams(accept_unfit=True)) == "classification"  # type: ignore[list-item]
    with pytest.raises(GristmillError, match=r"finetune\.task is `topic`, and label\.tasks has mood"):
        kind_of([tasks], "topic", RunsParams())  # type: ignore[list-item]


def test_copies_are_asked_for_only_where_there_are_any() -> None:
    """The copy of a pair would not have its label."""
    row = fitness(None, {})[0] | {"kind": "pairs"}
    runs = RunsParams(systems=["scratch", "scratch-augmented"])
    with pytest.raises(GristmillError, match="scratch-augmented, but augment makes no copies of a task of kind pairs"):
        kind_of([Part("all", pa.Table.from_pylist([row]))], "mood", runs)  # type: ignore[list-item]
