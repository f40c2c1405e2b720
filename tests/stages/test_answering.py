"""Served answers are those of the offline path, whatever is computed beside a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.support.served import made_up_texts, write_run
from catalog.errors import InputError
from stages.model import classifier, token_scorer
from stages.model.answering import Classed, opened, row_width, units_of
from stages.model.kinds.classes import Classes
from stages.model.kinds.predicting import loaded_tokenizer
from stages.model.kinds.questions import Questions
from stages.model.kinds.spans import Spans

TEXTS = [*made_up_texts(120), "好", "a" * 400, "[MASK] [CLS]", "\x00", " ", "👩‍👩‍👧"]
QUESTIONS = [(text, "") for text in TEXTS]
ABOUT = list(zip(TEXTS, made_up_texts(len(TEXTS), "about"), strict=True))


def offline(folder: Path) -> np.ndarray:
    """The scores of `TEXTS` as `evaluate` computes them: all together, in rows of the network's width."""
    model, said = classifier.load(folder)
    return Classes(loaded_tokenizer(folder), said).scores(model, units_of(QUESTIONS))


@pytest.mark.parametrize("together", [1, 3, 64, len(TEXTS)])
def test_served_logits_are_the_offline_ones(project: Path, together: int) -> None:
    """To 1e-5, one at a time or many together, in whatever order."""
    run = write_run("tiny", seed=1)
    predictor = opened(run, "cpu", 1)
    assert isinstance(predictor, Classed)
    order = np.random.default_rng(together).permutation(len(TEXTS))
    served = np.zeros((len(TEXTS), 2), np.float32)
    for start in range(0, len(order), together):
        part = order[start : start + together]
        served[part] = predictor.logits([QUESTIONS[place] for place in part])
    expected = offline(run)
    assert np.abs(served - expected).max() <= 1e-5
    assert np.ptp(expected, axis=0).min() > 0.1, "texts must differ, or every answer would be right"


def predicted(kind: str, folder: Path) -> list[Any]:
    """What `evaluate` says of `ABOUT`, all together."""
    units = units_of(ABOUT, label="[]")
    if kind in ("spans", "questions"):
        scorer, scores = token_scorer.load(folder)
        network: Any = {"spans": Spans, "questions": Questions}[kind](loaded_tokenizer(folder), scores)
        return [json.loads(label) for label in network.predicted(scorer, units)]
    model, said = classifier.load(folder)
    labels = Classes(loaded_tokenizer(folder), said).predicted(model, units)
    return [json.loads(label) if kind == "multilabel" else label for label in labels]


def as_label(answer: dict[str, Any]) -> Any:
    """An answer as a label is written; every text of a place is checked."""
    if "label" in answer:
        return answer["label"]
    if "spans" in answer:
        return [[one["start"], one["stop"], one["label"]] for one in answer["spans"]]
    found = answer["answer"]
    return [found["start"], found["stop"]] if found else []


@pytest.mark.parametrize("kind", ["classification", "multilabel", "pairs", "spans", "questions"])
def test_every_kind_answers_what_it_predicts_offline(project: Path, kind: str) -> None:
    """One at a time; places are of the text as it was sent."""
    run = write_run("tiny", seed=1, kind=kind)
    predictor = opened(run, "cpu", 1)
    found = [predictor.answers([question])[0] for question in ABOUT]
    expected = predicted(kind, run)
    assert [as_label(answer) for answer in found] == expected
    assert len({json.dumps(one) for one in expected}) > 1, "answers must differ, or any would be right"
    assert (predictor.kind, predictor.two_texts) == (kind, kind in ("pairs", "questions"))
    for (text, _), answer in zip(ABOUT, found, strict=True):
        for place in answer.get("spans", [answer["answer"]] if answer.get("answer") else []):
            assert place["text"] == text[place["start"] : place["stop"]] != ""


def test_an_answer_has_its_label_its_probabilities_and_its_logits(project: Path) -> None:
    """By class, and they agree."""
    predictor = opened(write_run("tiny", seed=1), "cpu", 1)
    assert isinstance(predictor, Classed)
    for answer, logits in zip(predictor.answers(QUESTIONS[:8]), predictor.logits(QUESTIONS[:8]), strict=True):
        assert list(answer["logits"].values()) == pytest.approx(logits.tolist(), abs=1e-6)
        shares = np.exp(logits) / np.exp(logits).sum()
        assert list(answer["probabilities"].values()) == pytest.approx(shares.tolist(), abs=1e-6)
        assert answer["label"] == predictor.labels[int(logits.argmax())]


def test_a_kind_that_is_not_served_is_named(project: Path) -> None:
    """With those that are."""
    run = write_run("tiny", seed=1, kind="spans")
    (run / "run.json").write_text('{"kind": "relations"}')
    with pytest.raises(InputError, match=r"kind relations is not served; classification, .* are"):
        opened(run, "cpu", 1)


@pytest.mark.parametrize(("longest", "most", "width"), [(2, 64, 16), (16, 64, 16), (17, 64, 32), (50, 48, 48)])
def test_rows_are_no_wider_than_the_longest_text_needs(longest: int, most: int, width: int) -> None:
    """Powers of two, so that few shapes are met."""
    assert row_width(longest, most) == width
