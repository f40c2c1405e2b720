"""Guesses: what a classifier says of documents that it did not learn from, and which labels it doubts."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import InputError
from catalog.layout import PREDICTIONS
from catalog.segments import read_segments
from stages.labels.people.guesses import TFIDF, beliefs, known, predictions, saved, suspects
from stages.labels.people.queue import askable, ordered, read_predictions
from stages.labels.tasks import Task, parse_tasks
from tests.stages.labels.annotation_tables import PEOPLE, answer, corpus, guideline, log
from tests.stages.test_label import label

WORDS = {
    "positive": ["happy", "bright", "lovely", "kind", "warm", "sweet"],
    "negative": ["awful", "dull", "broken", "cold", "sour", "grim"],
}
PLANTED = 6  # labels that are wrong, of 120


@pytest.fixture
def wrong(project: Path) -> set[str]:
    """120 texts whose words say their class, 100 of which people labelled; those that they got wrong."""
    draw = random.Random(1)
    truth = {f"{place:03d}": ("positive", "negative")[place % 2] for place in range(120)}
    texts = {name: " ".join(draw.choices(WORDS[said], k=8)) for name, said in truth.items()}
    planted = set(draw.sample(sorted(truth)[:100], PLANTED))
    flipped = {"positive": "negative", "negative": "positive"}
    corpus(texts)
    version = guideline()
    log(*(answer(name, texts[name], flipped[said] if name in planted else said, guideline=version)
          for name, said in sorted(truth.items())[:100]))  # fmt: skip
    label(PEOPLE)
    return planted


def task() -> Task:
    """The task as the commands see it."""
    return parse_tasks([PEOPLE])[0]


def test_suspects_are_asked_again_though_they_were_answered(wrong: set[str]) -> None:
    """Nothing but wrong labels, and most of them; once a second person answered, the text rests."""
    texts = read_segments("clean", "text")
    rows = askable(task(), texts, guideline(), 2)
    found = [row["id"] for row in ordered("suspects", task(), rows, {}, 1)]
    assert set(found) <= wrong and len(found) >= PLANTED / 2
    assert not wrong & {row["id"] for row in askable(task(), texts, guideline(), 1)}
    name = min(wrong)
    documents = known(task(), texts)
    text = documents.texts[documents.ids.index(name)]
    log(answer(name, text, "positive", "bob", guideline=guideline()))
    assert name not in {row["id"] for row in askable(task(), texts, guideline(), 2)}


def test_nobody_is_judged_by_a_model_that_saw_it(wrong: set[str]) -> None:
    """So wrong labels look unlikely; documents without a label are classified by one that saw all."""
    documents = known(task(), read_segments("clean", "text"))
    values = beliefs(documents, np.ones(len(documents.ids), bool))
    rows = zip(documents.ids, documents.labels, values, strict=True)
    given = {name: row[documents.classes.index(said)] for name, said, row in rows if said}
    assert max(given[name] for name in wrong) < min(share for name, share in given.items() if name not in wrong)
    assert values.sum(axis=1) == pytest.approx(1)


def test_predictions_are_what_the_queue_reads(wrong: set[str]) -> None:
    """One for each document, the least sure of which come first."""
    rows = predictions(task(), read_segments("clean", "text"), TFIDF)
    assert saved("mood", rows).parent == PREDICTIONS
    found = read_predictions("mood", None)
    assert len(found) == 120 and {row["run"] for row in found.values()} == {"tfidf"}
    asked = ordered("uncertainty", task(), askable(task(), read_segments("clean", "text"), guideline(), 1), found, 1)
    sure = [found[row["id"]]["confidence"] for row in asked]
    assert len(sure) == 20 and sure == sorted(sure)


def test_without_labels_or_cleanlab_the_error_says_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask at random first; install the extra."""
    corpus({"a": "a text"})
    guideline()
    label(PEOPLE)
    documents = known(task(), read_segments("clean", "text"))
    with pytest.raises(InputError, match=r"too few labels to learn from \(0\); label some at random first"):
        beliefs(documents, np.ones(1, bool))
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(InputError, match=r"pip install 'gristmill\[cleanlab\]'"):
        suspects(documents)
