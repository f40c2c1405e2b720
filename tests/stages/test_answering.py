"""Served answers are those of the offline path, whatever is computed beside a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.support.served import made_up_texts, write_run
from stages.model import classifier
from stages.model.answering import TextClassifier, opened, row_width
from stages.model.examples import from_lists
from stages.model.kinds.training import outputs
from stages.model.tokenizer import token_ids

TEXTS = [*made_up_texts(120), "好", "a" * 400, "[MASK] [CLS]", "\x00", " ", "👩‍👩‍👧"]


@pytest.fixture
def run(project: Path) -> Path:
    """The folder of a run."""
    return write_run("tiny", seed=1)


@pytest.fixture
def predictor(run: Path) -> TextClassifier:
    """It, opened."""
    return opened(run, "cpu", 1)


def offline(folder: Path, predictor: TextClassifier) -> np.ndarray:
    """The scores of `TEXTS` as `evaluate` computes them: all together, in rows of the network's width."""
    model, said = classifier.load(folder)
    lists = [np.array(ids, np.int64) for ids in token_ids(predictor.tokenizer, TEXTS)]
    names = [f"document {place}" for place in range(len(TEXTS))]
    data = from_lists(names, lists, said.labels[:1] * len(TEXTS), said.labels, said.width)
    return np.concatenate(outputs(model, data, said.width))


@pytest.mark.parametrize("together", [1, 3, 64, len(TEXTS)])
def test_served_logits_are_the_offline_ones(run: Path, predictor: TextClassifier, together: int) -> None:
    """To 1e-5, one at a time or many together, in whatever order."""
    order = np.random.default_rng(together).permutation(len(TEXTS))
    parts = [order[start : start + together] for start in range(0, len(order), together)]
    served = np.zeros((len(TEXTS), 2), np.float32)
    for part in parts:
        served[part] = predictor.logits([TEXTS[place] for place in part])
    expected = offline(run, predictor)
    assert np.abs(served - expected).max() <= 1e-5
    assert np.ptp(expected, axis=0).min() > 0.1, "texts must differ, or every answer would be right"


def test_an_answer_has_its_label_its_probabilities_and_its_logits(predictor: TextClassifier) -> None:
    """By class, and they agree."""
    for answer, logits in zip(predictor.answers(TEXTS[:8]), predictor.logits(TEXTS[:8]), strict=True):
        assert list(answer["logits"].values()) == pytest.approx(logits.tolist(), abs=1e-6)
        shares = np.exp(logits) / np.exp(logits).sum()
        assert list(answer["probabilities"].values()) == pytest.approx(shares.tolist(), abs=1e-6)
        assert answer["label"] == predictor.labels[int(logits.argmax())]


@pytest.mark.parametrize(("longest", "most", "width"), [(2, 64, 16), (16, 64, 16), (17, 64, 32), (50, 48, 48)])
def test_rows_are_no_wider_than_the_longest_text_needs(longest: int, most: int, width: int) -> None:
    """Powers of two, so that few shapes are met."""
    assert row_width(longest, most) == width
