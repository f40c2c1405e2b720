"""train-quality and its signals: separable labels are learnt, the file is the same bytes, and clean applies it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from catalog.digests import file_sha256, sha256_of
from catalog.errors import InputError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import LABELS, SPLITS
from stages.scores import training
from stages.scores.classifier import classify, read_model, written
from stages.scores.training import auc
from tests.stages.test_clean import built, clean, column

__all__ = ["built"]  # a fixture

GOOD = "the careful reader of this page will learn how rivers carve valleys over many quiet years"
POOR = "click here buy now best cheap deals online free shipping win prizes subscribe today"


def sentence(words: Sequence[str], number: int) -> str:
    """Ten words chosen by hash."""
    drawn = bytes.fromhex(sha256_of(f"{words[0]} {number}"))
    return " ".join(words[one % len(words)] for one in drawn[:10])


@pytest.fixture
def labelled(project: Path) -> Path:
    """A project of 120 texts of two kinds, labelled and split; it has no more of the stages than is read."""
    texts = [
        (f"{kind}{at}", sentence(words.split(), at)) for kind, words in (("g", GOOD), ("p", POOR)) for at in range(60)
    ]
    ids = [name for name, _ in texts]
    labels = ["good" if name[0] == "g" else "poor" for name in ids]
    splits = ["test" if sha256_of(name)[0] in "012" else "train" for name in ids]
    nulls, count = [None] * len(ids), len(ids)
    tables = {
        "clean": ("text", pa.table({"id": ids, "source": [f"{one}-site" for one in labels], "language": ["en"] * count,
                                    "text": [text for _, text in texts]})),
        "label": ("labels", pa.table({
            "id": ids, "task": ["use"] * count, "cluster": ids, "split": splits, "label": labels,
            "about": pa.array(nulls, pa.string()), "target_text": pa.array(nulls, pa.string()),
            "method": ["given"] * count, "confidence": pa.array([1000] * count, pa.int16()),
            "votes": pa.array([1] * count, pa.int32()),
            "drop_reason": pa.array(nulls, pa.string()),
        }, schema=LABELS.remove_metadata())),
    }  # fmt: skip
    for stage_name, (table, rows) in tables.items():
        extra = {"splits": pa.table({"id": ids, "cluster": ids, "split": splits}, schema=SPLITS.remove_metadata())}
        write = {table: rows} | (extra if stage_name == "label" else {})
        operator = Operator(name="write", run=_yielded, writes={name: one.schema for name, one in write.items()})
        Path("params.yaml").write_text("{}")
        with _unaccounted(stage_name) as stage:
            stage.act_all(operator, [Action(name="test", inputs={}, args=(write,))])
    return project


def _yielded(tables: dict[str, pa.Table]):  # type: ignore[no-untyped-def]
    for name, rows in tables.items():
        yield name, None, rows


class _unaccounted(Stage):
    """A stage that stands alone."""

    def _conserve(self) -> None:
        """There is nothing upstream."""


def trained(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Path:
    """Run the program."""
    monkeypatch.setattr(sys, "argv", ["train-quality", "model.safetensors", *arguments])
    training.main()
    return Path("model.safetensors")


def test_a_task_is_learnt(labelled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two kinds of text that share no word are told apart, on documents that were held out."""
    model = trained(monkeypatch, "--task=use", "--positive=good")
    said = capsys.readouterr().out
    assert "accuracy 1.0000" in said and "AUC 1.0000" in said and file_sha256(model) in said


def test_the_same_documents_give_the_same_bytes(labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a task or from the sources that say the same; another seed gives others."""
    digest = file_sha256(trained(monkeypatch, "--task=use", "--positive=good"))
    assert file_sha256(trained(monkeypatch, "--good=good-site", "--poor=poor-site")) == digest
    assert file_sha256(trained(monkeypatch, "--task=use", "--positive=good", "--seed=2")) != digest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task=use"], "needs --task NAME --positive LABEL"),
        (["--task=usage", "--positive=good"], "tasks with labels: use"),
        (["--task=use", "--positive=fine"], "labels: good, poor"),
        (["--good=good-site", "--poor=spam"], "no document is of spam"),
        (["--task=use", "--positive=good", "--positive=poor"], "not of both kinds"),
    ],
)
def test_what_cannot_be_learnt_is_named(
    labelled: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """With what there is."""
    with pytest.raises(InputError, match=message):
        trained(monkeypatch, *arguments)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2).filter(
        lambda rows: len({b for _, b in rows}) == 2
    )
)
def test_auc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    """With ties."""
    scores, positive = np.array([a for a, _ in rows], float), np.array([b for _, b in rows])
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


def test_clean_applies_a_classifier(built: Path) -> None:
    """By a pinned file; another place of the same bytes computes nothing."""
    weights = np.zeros((4, 2), np.float32)
    Path("one.safetensors").write_bytes(written(weights, ["bad", "good"], ["good"], {}))
    Path("two.safetensors").write_bytes(Path("one.safetensors").read_bytes())
    pinned = {"path": "one.safetensors", "sha256": file_sha256(Path("one.safetensors"))}
    assert {"quality", "toxicity"} <= set(clean(quality=pinned, toxicity=pinned))
    assert column("quality", "value") == column("toxicity", "value") == [0.5] * 3
    assert "quality" not in clean(quality=pinned | {"path": "two.safetensors"}, toxicity=pinned)


def test_a_file_that_is_not_the_pinned_one_is_refused(built: Path) -> None:
    """Missing, changed, or no classifier."""
    with pytest.raises(InputError, match=r"train-quality m\.safetensors"):
        list(read_model("quality", "m.safetensors", "0" * 64))
    Path("m.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(InputError, match="correct params"):
        list(read_model("quality", "m.safetensors", "0" * 64))
    with pytest.raises(InputError, match="no model of"):
        list(read_model("quality", "m.safetensors", file_sha256(Path("m.safetensors"))))


def test_a_document_does_not_depend_on_others() -> None:
    """The probability of a text is the same alone and among others; one without a token has none."""
    weights = np.random.default_rng(1).normal(size=(64, 2)).astype(np.float32)
    model = pa.table({"file": pa.array([written(weights, ["a", "b"], ["b"], {})], pa.binary())})
    texts = pa.table({"text": [GOOD, "", POOR, "好的书"], "language": ["en", "und", "en", "zh"]})
    found = classify(texts, model)
    assert np.isnan(found[1])
    for at in (0, 2, 3):
        assert classify(texts.slice(at, 1), model)[0] == found[at]
