"""Given values: what sources say in each form, where it points after cleaning, and what becomes of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.digests import sha256_of
from tests.stages.test_label import label, put, rows

TEXT = "Anna moved to Rome."
MESSY = "Menu\n\n😀 Anna  moved to Rome."  # as the source wrote it: cleaning made TEXT of it
TOPICS = {"kind": "multilabel", "labels": ["arts", "news", "sport"], "given": {"kunst": "arts"}}
NAMES = {"kind": "spans", "labels": ["PER", "LOC"], "given": {}}
LINKS = {"kind": "relations", "labels": ["PER", "LOC"], "relations": ["in"], "given": {}}
ENTAILS = {"kind": "pairs", "labels": ["no", "yes"], "given": {"0": "no", "1": "yes"}}
ASKED: dict[str, Any] = {"kind": "questions", "given": {}}
SPANS = [
    {"start": 8, "end": 12, "text": "Anna", "labels": ["PER"]},
    {"start": 23, "end": 27, "text": "Rome", "labels": ["LOC"]},
]  # in MESSY
BOTH = '[[0,4,"PER"],[14,18,"LOC"]]'


def corpus(*captures: dict[str, Any]) -> None:
    """Documents whose captures have these columns; all have the text TEXT now, so that they are one text."""
    found = [
        {"id": f"{place}", "source": "shop", "language": "en", "text": TEXT, "text_digest": sha256_of(TEXT),
         "body": capture.get("written", TEXT), "cluster": sha256_of(TEXT), "representative": "0",
         "drop_reason": "exact_duplicate" if place else None} | capture
        for place, capture in enumerate(captures)
    ]  # fmt: skip
    put("crawl", {"one": [row | {"drop_reason": None} for row in found]})
    put("clean", {"one": [row | {"drop_reason": None} for row in found]})
    put("dedup", {"one": found})


def voted(task: dict[str, Any], *captures: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The votes on some captures, and why others have none; together they are all."""
    corpus(*captures)
    label({"name": "task"} | task)
    votes, misfits = rows("votes"), rows("misfits")
    assert len(votes) + len(misfits) == sum(capture["given_label"] is not None for capture in captures)
    return [row["label"] for row in votes], [row["reason"] for row in misfits]


@pytest.mark.parametrize(
    ("task", "capture", "vote"),
    [
        (TOPICS, {"given_label": "sport; kunst"}, '["arts","sport"]'),
        (TOPICS, {"given_label": '["news", "news"]'}, '["news"]'),
        (TOPICS, {"given_label": "[]"}, "[]"),
        (NAMES, {"given_label": json.dumps(SPANS), "written": MESSY}, BOTH),
        (NAMES, {"given_label": '[[5, 9, "PER"]]', "written": "Hi!\n\nAnna moved to Rome."}, '[[0,4,"PER"]]'),
        (NAMES, {"given_label": "[]", "written": MESSY}, "[]"),
        (LINKS, {"given_label": json.dumps({"spans": SPANS[::-1], "relations": [[1, 0, "in"]]}), "written": MESSY},
         f'{{"relations":[[0,1,"in"]],"spans":{BOTH}}}'),
        (ENTAILS, {"given_label": "1", "second_text": " She moved. "}, "yes"),
        (ASKED, {"given_label": "14", "target_text": "Rome", "second_text": "Where to?"}, "[14,18]"),
        (ASKED, {"given_label": "[23]", "target_text": '["Rome"]', "second_text": "Where to?", "written": MESSY},
         "[14,18]"),
        (ASKED, {"given_label": "24", "target_text": "Rome", "second_text": "Where to?", "written": MESSY}, "[14,18]"),
        (ASKED, {"given_label": "[]", "target_text": "[]", "second_text": "When?"}, "[]"),
    ],
)  # fmt: skip
def test_a_given_label_of_each_kind_is_a_vote(
    project: Path, task: dict[str, Any], capture: dict[str, Any], vote: str
) -> None:
    """Classes are named as the task does; places are those of the clean text, counted in either way before."""
    assert voted(task, capture) == ([vote], [])


@pytest.mark.parametrize(
    ("task", "capture", "reason"),
    [
        (TOPICS, {"given_label": "sport; wine"}, "the label 'wine' is not in the task's"),
        (NAMES, {"given_label": "[[8, 12"}, "its label is not JSON"),
        (NAMES, {"given_label": '[[5, 9, "PER"]]', "written": "Hi, Anne moved to Rome."}, "cleaning changed the text"),
        (NAMES, {"given_label": '[[8, 12, "PER"]]', "written": MESSY}, "the span 8-12 came without its text"),
        (LINKS, {"given_label": json.dumps(SPANS)}, "its label has no spans and relations"),
        (
            LINKS,
            {"given_label": '{"spans": [[0, 4, "PER"]], "relations": [[0, 1, "in"]]}'},
            "a relation is not between",
        ),
        (ENTAILS, {"given_label": "1"}, "its row has no second text"),
        (ASKED, {"given_label": "13", "target_text": "Rome", "second_text": "?"}, "at 13-17 stands ' Rom'"),
        (ASKED, {"given_label": "14", "second_text": "?"}, "it has 1 starts and 0 texts"),
    ],
)
def test_a_given_label_that_does_not_fit_is_set_aside(
    project: Path, task: dict[str, Any], capture: dict[str, Any], reason: str
) -> None:
    """With the reason, and the row stands nowhere else."""
    votes, (why,) = voted(task, capture)
    assert (votes, why[: len(reason)]) == ([], reason)


def test_what_stands_beside_a_text_is_redacted_too(project: Path) -> None:
    """No personal data in a second text, a label that is set aside, or why it is."""
    asked = {"given_label": "14", "target_text": "Rome", "second_text": "Where to, ann@example.com?"}
    assert voted(ASKED, asked) == (["[14,18]"], [])
    assert [row["about"] for row in rows("votes")] == ["Where to, <EMAIL>?"]
    gone = {"given_label": '[{"start": 3, "text": "a ann@example.com"}]', "written": "to ann@example.com"}
    votes, (why,) = voted(NAMES, gone | {"second_text": None})
    assert votes == [] and "ann@" not in why and all("ann@" not in row["label"] for row in rows("misfits"))


def test_many_questions_about_one_text_keep_a_label_each(project: Path) -> None:
    """Their copies of the text are one document; answers to one question are pooled, those to another not."""
    ask = [("Where to?", "14", "Rome"), ("Who?", "0", "Anna"), ("Who?", "0", "Anna"), ("Who?", "0", "Anna moved")]
    captures = [{"given_label": at, "target_text": words, "second_text": about} for about, at, words in ask]
    corpus(*captures, {"given_label": "[]", "target_text": "[]", "second_text": "When?"})
    label({"name": "task"} | ASKED)
    found = [(row["id"], row["about"], row["label"], row["votes"], row["drop_reason"]) for row in rows("labels")]
    assert found == [
        ("0", "When?", "[]", 1, None), ("0", "Where to?", "[14,18]", 1, None), ("0", "Who?", None, 3, "label_conflict"),
    ]  # fmt: skip
    label({"name": "task", "given_conflict": "majority"} | ASKED)
    assert [(row["label"], row["confidence"]) for row in rows("labels")][-1] == ("[0,4]", 667)
    assert [row["drop_reason"] for row in rows("verdicts")] == [None]
