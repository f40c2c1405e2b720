"""Tasks: what params.yaml may say, and what it is told when it says something impossible."""

from typing import Any

import pytest

from catalog.errors import ParameterError
from stages.labels.functions import FunctionVotes
from stages.labels.tasks import parse_tasks, picked
from stages.labels.votes import RatingVotes

GOOD: dict[str, Any] = {
    "name": "mood", "kind": "classification", "sources": ["shop"], "labels": ["bad", "good"],
    "given": {"neg": "bad"}, "ratings": {"bad": [-4, -1], "good": [1, 4]}, "functions": ["complains_en"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "clasification"}, "`kind` is 'clasification'"),
        ({"labels": ["bad"]}, "two or more different labels"),
        ({"labels": ["bad", "good", "bad"]}, "two or more different labels"),
        ({"labels": [True, False]}, "must be texts"),
        ({"given": {"neg": "worse"}}, "label 'worse' is not in `labels`"),
        ({"ratings": {"worse": [1, 2]}}, "label 'worse' is not in `labels`"),
        ({"ratings": {"bad": [-4, 1], "good": [1, 4]}}, "scores of bad and good overlap at 1"),
        ({"ratings": {"bad": [1, -4]}}, "must be \\[lowest, highest\\]"),
        ({"ratings": {"bad": 3}}, "must be \\[lowest, highest\\]"),
        ({"functions": ["complains"]}, "labelling function `complains` does not exist; known: complains_en"),
        ({"priority": ["given", "given"]}, "at most once"),
        ({"priority": ["experts"]}, "at most once"),
        ({"min_confidence": 1001}, "0 to 1000"),
        ({"iterations": 0}, "must be >= 1"),
        ({"lables": []}, "did you mean `labels`"),
        (
            {"kind": "questions"},
            "`functions` is for tasks of kind classification, multilabel, spans, relations; this one",
        ),
        ({"kind": "generation"}, "`labels` is for tasks of kind classification, multilabel"),
        (
            {"kind": "pairs", "min_f1": 0.8},
            "`min_f1` is for tasks of kind spans, relations, questions; this one is pairs",
        ),
        ({"kind": "relations"}, "`relations` is \\[\\], must be one or more different labels"),
        ({"relations": ["near"]}, "`relations` is for tasks of kind relations"),
        ({"kind": "multilabel", "labels": ["a;b"]}, "`separator` is ';'"),
        ({"kind": "multilabel", "consensus": "dawid_skene"}, "must be majority where the kind is multilabel"),
        ({"balance_tolerance": 5}, "`balance_tolerance` is 5, must be 0 to 1"),
    ],
)
def test_an_impossible_task_is_refused(change: dict[str, Any], says: str) -> None:
    """The error names the task, the parameter and the value."""
    with pytest.raises(ParameterError, match=says) as caught:
        parse_tasks([GOOD | change])
    assert "label.tasks.mood" in str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    """Two broken tasks and a repeated name come in one error."""
    with pytest.raises(ParameterError) as caught:
        parse_tasks([GOOD | {"min_confidence": -1, "iterations": 0}, "mood", GOOD, GOOD])  # type: ignore[list-item]
    message = str(caught.value)
    assert all(part in message for part in ("min_confidence", "iterations", "tasks[1]", "2 tasks are named `mood`"))


def test_operators_get_exactly_their_parameters() -> None:
    """A task hands each operator the fields that it has, under the task's name."""
    task = parse_tasks([GOOD])[0]
    assert picked(task, RatingVotes) == RatingVotes(task="mood", sources=["shop"], ratings=GOOD["ratings"])
    assert picked(task, FunctionVotes).labels == ["bad", "good"]
