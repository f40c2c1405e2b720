"""Exported weights: plain classes of transformers, and ONNX, give the scores of our network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

from stages.model.finetuning.kinds import saved_run
from stages.model.finetuning.kinds.training import outputs
from stages.model.networks import token_scorer
from stages.model.networks.network import Packed
from stages.model.training.batches import framed, laid_out
from stages.publication.models.called import Called
from stages.publication.models.card import SCORES
from stages.publication.models.measured import HeldOut, measured
from stages.publication.models.onnx_files import onnx_scores, write_int8, write_onnx
from stages.publication.models.weights import Exported, exported, save
from tests.catalog.small_corpus import TEXTS
from tests.stages.model.run_folders import (
    LABELS,
    SCORED,
    SEEN,
    WIDTH,
    our_scores,
    units_of,
    write_run,
    write_scorer,
    write_tokenizer,
)

TINY = {"vocab_size": 340, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def loaded(run: Path, out: Path, auto: str, **more: Any) -> dict[str, Any]:
    """What the lines of the card leave behind, on a padded batch of SEEN by the exported tokenizer."""
    given = exported(run)
    save(given, run, out)
    assert given.auto == auto
    model = getattr(transformers, auto).from_pretrained(out).eval()
    batch = transformers.AutoTokenizer.from_pretrained(out)(SEEN, return_tensors="pt", padding=True)
    assert set(batch) == set(given.inputs)
    names = {"safetensors": safetensors, "torch": torch, "model": model, "batch": batch, "folder": str(out)} | more
    with torch.inference_mode():
        exec("\n".join(SCORES[given.form]), names)
    return names


@pytest.mark.parametrize(
    ("architecture", "pooling", "auto"),
    [
        ("bert", "cls", "AutoModelForSequenceClassification"),
        ("bert", "mean", "AutoModelForTokenClassification"),
        ("gpt", "mean", "AutoModelForTokenClassification"),
        ("modernbert", "mean", "AutoModel"),
    ],
)
def test_plain_transformers_gives_the_scores_of_our_classifier(
    tmp_path: Path, architecture: str, pooling: str, auto: str
) -> None:
    """As its card says to load it; special tokens spelt in a text are letters, as for ours."""
    write_run(tmp_path / "run", pooling, architecture)
    found = loaded(tmp_path / "run", tmp_path / "out", auto)
    scores = found["scores"].numpy()
    assert np.abs(scores - our_scores(tmp_path / "run", SEEN)).max() < 1e-5
    assert np.ptp(scores[:, 0]) > 0.01
    assert [found["model"].config.id2label[place] for place in range(2)] == LABELS


PLACES = torch.tensor([[1, 3], [2, 1], [4, 2]])


@pytest.mark.parametrize("architecture", ["bert", "gpt", "modernbert"])
@pytest.mark.parametrize(
    ("kind", "auto"),
    [
        ("spans", "AutoModelForTokenClassification"),
        ("questions", "AutoModelForQuestionAnswering"),
        ("relations", "AutoModel"),
    ],
)
def test_plain_transformers_gives_the_scores_of_our_scorer(
    tmp_path: Path, architecture: str, kind: str, auto: str
) -> None:
    """Of tokens for spans, of begin and end for questions, of two tokens for relations; characters stand alone."""
    write_scorer(tmp_path / "run", kind, architecture)
    alone = "AutoModel" if architecture == "modernbert" else auto
    found = loaded(tmp_path / "run", tmp_path / "out", alone, places=PLACES)
    scores = torch.stack([found["begins"], found["ends"]], 2) if "begins" in found else found["scores"]
    tokens = [row[mask > 0].numpy() for row, mask in zip(*(found["batch"][name] for name in
              ("input_ids", "attention_mask")), strict=True)]  # fmt: skip
    assert len(tokens[1]) == len(TEXTS["test_zh"]) + 2
    model, _ = token_scorer.load(tmp_path / "run")
    for number, ids_of in enumerate(tokens):
        asked = PLACES[number].numpy() if kind == "relations" else np.arange(len(ids_of))
        example = framed(ids_of[1:-1], np.uint64(number), 0, 0)
        batch = replace(laid_out([[example]], WIDTH), guesses=asked)
        with torch.inference_mode():
            ours = model(Packed(batch, torch.device("cpu")))
        theirs = scores[number][None] if kind == "relations" else scores[number, : len(ids_of)]
        assert (ours - theirs).abs().max() < 1e-5


def test_several_classes_a_text_say_so(tmp_path: Path) -> None:
    """In the configuration."""
    write_run(tmp_path / "run", "cls", kind="multilabel")
    given = exported(tmp_path / "run")
    assert (given.kind, given.model.config.problem_type) == ("multilabel", "multi_label_classification")


KINDS = ["classification", "pairs", "multilabel", "spans", "questions", "relations"]


def written(run: Path, kind: str, architecture: str = "bert", pooling: str = "cls") -> Exported:
    """A run of a kind of task, as it is exported."""
    if kind in SCORED:
        write_scorer(run, kind, architecture)
    else:
        write_run(run, pooling, architecture, kind)
    return exported(run)


def difference(run: Path, kind: str, called: Called) -> float:
    """The largest one between scores of our own network and of an exported form, both asked by the kind of task."""
    _, network, model = saved_run(run)
    units = units_of(kind)
    data = network.examples(units)
    both = [outputs(one, data, network.width) for one in (model, called)]
    assert len(both[0]) == len(data) >= len(units) and np.ptp(np.concatenate(both[0])) > 0.1
    assert network.predicted(called, units) == network.predicted(model, units)
    return max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(*both, strict=True))


@pytest.mark.parametrize("architecture", ["bert", "gpt", "modernbert"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_task_predicts_with_an_exported_network_as_with_its_own(
    tmp_path: Path, kind: str, architecture: str
) -> None:
    """Texts too long for a row are among them, pairs of spans and windows with their questions."""
    pooling = "cls" if architecture == "bert" else "mean"
    given = written(tmp_path / "run", kind, architecture, pooling)
    assert given.kind == kind
    assert difference(tmp_path / "run", kind, Called(given)) < 1e-5


def test_a_form_is_measured_by_what_counts_for_its_kind_of_task(tmp_path: Path) -> None:
    """And by whether it says what the run said, text by text."""
    given = written(tmp_path / "run", "spans")
    _, network, model = saved_run(tmp_path / "run")
    said = network.predicted(model, units_of("spans"))
    units = [replace(unit, label=label) for unit, label in zip(units_of("spans"), said, strict=True)]
    found = measured("x", Called(given), HeldOut(units=units, said=["[]", *said[1:]], network=network))
    assert said[0] != "[]"
    assert (found.metric, found.value, found.same, found.documents) == ("span_f1", 1.0, len(said) - 1, len(said))


def test_a_network_that_writes_is_exported_whole(tmp_path: Path) -> None:
    """An encoder-decoder loads by its Auto class, with the limits it was trained by."""
    parts = {"encoder": BertConfig(**TINY), "decoder": BertConfig(**TINY, is_decoder=True, add_cross_attention=True)}
    ours = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(*parts.values()))
    ours.save_pretrained(tmp_path / "run")
    write_tokenizer(tmp_path / "run")
    (tmp_path / "run" / "limits.json").write_text('{"width": 24}')
    given = exported(tmp_path / "run")
    save(given, tmp_path / "run", tmp_path / "out")
    assert (given.auto, given.width) == ("AutoModelForSeq2SeqLM", 24)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out")
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.nightly
@pytest.mark.parametrize("architecture", ["bert", "gpt", "modernbert"])
def test_onnx_gives_the_same_scores_in_the_same_bytes(tmp_path: Path, architecture: str) -> None:
    """Whatever the size of a batch, and written twice; no path of a machine is in the files."""
    given = written(tmp_path / "run", "classification", architecture, "mean")
    save(given, tmp_path / "run", tmp_path)
    forms = []
    for _ in range(2):
        path = write_onnx(given, tmp_path)
        forms.append([path.read_bytes(), write_int8(path).read_bytes()])
    assert forms[0] == forms[1] and len(forms[0][1]) < len(forms[0][0])
    assert b".py" not in forms[0][0] and str(Path.home()).encode() not in forms[0][0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for texts in (SEEN[:1], SEEN):
        batch = dict(tokenizer(texts, return_tensors="np", padding=True))
        assert np.abs(onnx_scores(path)(batch) - our_scores(tmp_path / "run", texts)).max() < 1e-4


@pytest.mark.nightly
@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_gives_the_scores_of_every_kind_of_task(tmp_path: Path, kind: str, architecture: str) -> None:
    """As ONNX Runtime computes them; with weights of 8 bits about the same."""
    given = written(tmp_path / "run", kind, architecture, "mean")
    path = write_onnx(given, tmp_path)
    assert difference(tmp_path / "run", kind, Called(given, onnx_scores(path))) < 1e-4
    small, whole = Called(given, onnx_scores(write_int8(path))), Called(given)
    network, units = saved_run(tmp_path / "run")[1], units_of(kind)
    network.predicted(small, units), network.predicted(whole, units)
    rough = np.concatenate([some.ravel() for some in small.said]), np.concatenate([some.ravel() for some in whole.said])
    assert np.corrcoef(*rough)[0, 1] > 0.95
