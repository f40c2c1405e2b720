"""Served answers are those of the offline path, whatever is computed beside a text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.support.served import made_up_texts, write_run
from stages.model.finetuning.kinds import saved_run
from stages.model.finetuning.kinds.classes import Classes
from stages.model.finetuning.kinds.predicting import loaded_tokenizer
from stages.model.networks import classifier
from stages.model.networks.answering import Classed, opened, row_width, units_of

TEXTS = [*made_up_texts(120), "好", "a" * 400, "[MASK] [CLS]", "\x00", " ", "👩‍👩‍👧"]
QUESTIONS = [(text, "") for text in TEXTS]
LABELS = {"classification": "negative", "pairs": "negative", "multilabel": "[]"}
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


def asked(kind: str) -> list[tuple[str, str]]:
    """`TEXTS`, each with what the kind asks beside it; of relations the first three and the last character."""
    if kind != "relations":
        return ABOUT[:: 10 if kind == "generation" else 1]
    long = [text for text in TEXTS if len(text) > 4]
    return [(text, json.dumps([{"start": 0, "stop": 3}, {"start": len(text) - 1, "stop": len(text)}])) for text in long]


def predicted(kind: str, folder: Path) -> list[Any]:
    """What `evaluate` says of the same, all together."""
    _, network, model = saved_run(folder)
    labels = {"relations": '{"relations":[],"spans":[[0,3,""],[%d,%d,""]]}', "spans": "[]", "questions": "[]"}
    label = labels.get(kind, LABELS.get(kind, ""))
    units = [replace(unit, label=label % (len(unit.text) - 1, len(unit.text)) if "%" in label else label)
             for unit in units_of(asked(kind))]  # fmt: skip
    found = network.predicted(model, units)
    return [json.loads(one) if kind in (*labels, "multilabel") else one for one in found]


def as_label(answer: dict[str, Any]) -> Any:
    """An answer as a label is written."""
    if "spans" in answer:
        return [[one["start"], one["stop"], one["label"]] for one in answer["spans"]]
    if "answer" in answer:
        return [answer["answer"]["start"], answer["answer"]["stop"]] if answer["answer"] else []
    return answer.get("label", answer.get("text"))


def placed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Every place of an answer."""
    ends = [one[side] for one in answer.get("relations", []) for side in ("from", "to")]
    return [*answer.get("spans", []), *filter(None, [answer.get("answer")]), *ends]


@pytest.mark.parametrize(
    "kind", ["classification", "multilabel", "pairs", "spans", "questions", "relations", "generation"]
)
def test_every_kind_answers_what_it_predicts_offline(project: Path, kind: str) -> None:
    """One at a time; places are of the text as it was sent."""
    run = write_run("tiny", seed=1, kind=kind)
    predictor = opened(run, "cpu", 1)
    found = [predictor.answers([question])[0] for question in asked(kind)]
    expected = predicted(kind, run)
    if kind == "relations":
        said = [[[one["from"]["start"] > 0, one["to"]["start"] > 0, one["label"]] for one in answer["relations"]]
                for answer in found]  # fmt: skip
        assert said == [label["relations"] for label in expected] and predictor.labels == ["by", "in"]
    else:
        assert [as_label(answer) for answer in found] == expected
    assert len({json.dumps(one) for one in expected}) > 1, "answers must differ, or any would be right"
    seconds = {"pairs": "about", "questions": "about", "relations": "spans"}
    assert (predictor.kind, predictor.second) == (kind, seconds.get(kind, ""))
    for (text, _), answer in zip(asked(kind), found, strict=True):
        for place in placed(answer):
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


@pytest.mark.parametrize(("longest", "most", "width"), [(2, 64, 16), (16, 64, 16), (17, 64, 32), (50, 48, 48)])
def test_rows_are_no_wider_than_the_longest_text_needs(longest: int, most: int, width: int) -> None:
    """Powers of two, so that few shapes are met."""
    assert row_width(longest, most) == width
