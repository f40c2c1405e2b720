"""Folders of runs as fine-tuning leaves them, with random weights, for the tests of exported models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, PreTrainedModel

from stages.model.finetuning.units import Unit
from stages.model.networks import classifier, token_scorer
from stages.model.networks.architectures import Shape
from stages.model.networks.classifier import Classifier, Description
from stages.model.networks.network import Packed
from stages.model.networks.token_scorer import Scores, TokenScorer
from stages.model.tokens.tokenizer import token_ids, trained_tokenizer
from stages.model.training.batches import framed, laid_out
from tests.catalog.small_corpus import seen

SEEN = ["A fine film, said John.", "这部电影很好看", "It is what it is, with [MASK] and [SEP] in it."]
LABELS = ["negative", "positive"]
SCORED = {"spans": ["O", "B-PER", "I-PER"], "questions": ["start", "end"], "relations": ["", "works_for"]}
WIDTH = 32


def body(architecture: str) -> PreTrainedModel:
    """A network with random weights, large enough to tell texts apart."""
    torch.manual_seed(1)
    shape = Shape(
        layers=2,
        hidden=16,
        heads=2,
        feed_forward=32,
        width=WIDTH,
        vocabulary=340,
        dropout=0.0,
        architecture=architecture,
    )
    config = shape.config()
    config.initializer_range = 0.5
    return AutoModel.from_config(config)


def write_tokenizer(out: Path) -> None:
    """The tokenizer of a run, and the list of what it read."""
    tokenizer = trained_tokenizer(SEEN, vocabulary=340, lowercase=True, alphabet=60, min_frequency=1)
    (out / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "cls", "sep", "mask")}
    names |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    (out / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")
    for name, text in seen([2], "train_en").items():
        (out / name).write_text(text, encoding="utf-8")


def write_run(out: Path, pooling: str, architecture: str = "bert", kind: str = "classification") -> None:
    """The folder of a classifier."""
    model = Classifier(body(architecture), len(LABELS), pooling, dropout=0.1)
    out.mkdir(parents=True)
    classifier.save(model, Description(labels=LABELS, pooling=pooling, width=WIDTH, kind=kind), out)
    _write_rest(out, kind)


def write_scorer(out: Path, kind: str, architecture: str) -> None:
    """The folder of a scorer of tokens, of kind spans, questions or relations."""
    more = {"stride": 0, "longest_answer": 30} if kind == "questions" else {}
    said = Scores(labels=SCORED[kind], width=WIDTH, together=2 if kind == "relations" else 1, more=more)
    model = TokenScorer(body(architecture), said, dropout=0.1)
    out.mkdir(parents=True)
    token_scorer.save(model, said, out)
    _write_rest(out, kind)


def _write_rest(out: Path, kind: str) -> None:
    write_tokenizer(out)
    (out / "run.json").write_text(json.dumps({"kind": kind, "generator": "encoder-decoder"}), encoding="utf-8")


def units_of(kind: str) -> list[Unit]:
    """SEEN as units of a kind of task, and a text that does not fit the width."""
    about = {"pairs": "Nobody said it.", "questions": "Who said so?"}.get(kind, "")
    label = {
        "spans": '[[2, 6, "PER"]]',
        "questions": "[]",
        "relations": json.dumps({"spans": [[0, 1, ""], [5, 7, ""], [3, 4, ""]], "relations": [[0, 1, "works_for"]]}),
    }.get(kind, LABELS[0])
    label = "[]" if kind == "multilabel" else label
    return [
        Unit(id=str(place), about=about, split="test", source="x", language="en", text=text, label=label)
        for place, text in enumerate([*SEEN, " and ".join(SEEN)])
    ]


def our_scores(folder: Path, texts: list[str]) -> np.ndarray:
    """What our own network says, all texts packed into rows: [texts, classes]."""
    from tokenizers import Tokenizer

    model, _ = classifier.load(folder)
    lists = token_ids(Tokenizer.from_file(str(folder / "tokenizer.json")), texts)
    rows = [[framed(np.array(one, np.int64), np.uint64(place), 0, 0)] for place, one in enumerate(lists)]
    with torch.inference_mode():
        return model(Packed(laid_out(rows, WIDTH), torch.device("cpu"))).numpy()
