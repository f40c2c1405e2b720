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

from stages.model import token_scorer
from stages.model.batches import framed, laid_out
from stages.model.network import Packed
from stages.publication.models.card import SCORES
from stages.publication.models.measured import HeldOut, measured
from stages.publication.models.onnx_files import onnx_scores, write_int8, write_onnx
from stages.publication.models.weights import exported, save
from tests.catalog.small_corpus import TEXTS
from tests.stages.run_folders import LABELS, SEEN, WIDTH, our_scores, write_run, write_scorer, write_tokenizer

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
    ("labels", "together", "auto"),
    [
        (["O", "B-PER", "I-PER"], 1, "AutoModelForTokenClassification"),
        (["start", "end"], 1, "AutoModelForQuestionAnswering"),
        (["", "works_for"], 2, "AutoModel"),
    ],
)
def test_plain_transformers_gives_the_scores_of_our_scorer(
    tmp_path: Path, architecture: str, labels: list[str], together: int, auto: str
) -> None:
    """Of tokens for spans, of begin and end for questions, of two tokens for relations; characters stand alone."""
    write_scorer(tmp_path / "run", labels, together, architecture)
    alone = "AutoModel" if architecture == "modernbert" else auto
    found = loaded(tmp_path / "run", tmp_path / "out", alone, places=PLACES)
    scores = torch.stack([found["begins"], found["ends"]], 2) if "begins" in found else found["scores"]
    tokens = [row[mask > 0].numpy() for row, mask in zip(*(found["batch"][name] for name in
              ("input_ids", "attention_mask")), strict=True)]  # fmt: skip
    assert len(tokens[1]) == len(TEXTS["test_zh"]) + 2
    model, _ = token_scorer.load(tmp_path / "run")
    for number, ids_of in enumerate(tokens):
        asked = PLACES[number].numpy() if together == 2 else np.arange(len(ids_of))
        example = framed(ids_of[1:-1], np.uint64(number), 0, 0)
        batch = replace(laid_out([[example]], WIDTH), guesses=asked)
        with torch.inference_mode():
            ours = model(Packed(batch, torch.device("cpu")))
        theirs = scores[number][None] if together == 2 else scores[number, : len(ids_of)]
        assert (ours - theirs).abs().max() < 1e-5


def test_several_classes_a_text_and_pairs_say_so(tmp_path: Path) -> None:
    """In the configuration, and in how the card reads the scores."""
    write_run(tmp_path / "run", "cls", kind="multilabel")
    given = exported(tmp_path / "run")
    assert (given.kind, given.model.config.problem_type) == ("multilabel", "multi_label_classification")
    test = HeldOut(right=np.array(['["negative"]', "[]"]), said=np.array(["[]", "[]"]), batches=[])
    found = measured("x", np.array([[1.0, -1.0], [-1.0, 1.0]]), given, test)
    assert (found.accuracy, found.same) == (0.5, 0)


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
    write_run(tmp_path / "run", "mean", architecture)
    given = exported(tmp_path / "run")
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
        assert np.abs(onnx_scores(path, [batch]) - our_scores(tmp_path / "run", texts)).max() < 1e-4
