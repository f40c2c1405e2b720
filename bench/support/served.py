"""A tiny run of our own, as `finetune` would leave it, and a server of it in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertLMHeadModel, BertModel, EncoderDecoderModel

from bench.support.announced import announced
from catalog.digests import file_digests
from catalog.layout import MANIFEST, stage_root
from catalog.segments import Entry, write_manifest
from stages.model.finetuning.kinds.writing import save_limits
from stages.model.finetuning.params import WritingParams
from stages.model.networks import classifier, token_scorer
from stages.model.networks.architectures import Shape
from stages.model.networks.classifier import Classifier, Description
from stages.model.networks.sequence_to_sequence import draw_wide
from stages.model.networks.token_scorer import Scores, TokenScorer
from stages.model.tokens.tokenizer import trained_tokenizer

ROOT = Path(__file__).parents[2]
STAGE = stage_root("finetune")
SHAPE = Shape(layers=2, hidden=64, heads=1, feed_forward=256, width=64, vocabulary=1024, dropout=0.0)  # as params.yaml
CLASSES = ["negative", "positive"]
TAGS = {"spans": ["O", "B-place", "I-place", "B-person", "I-person"], "questions": ["start", "end"],
        "relations": ["", "in", "by"]}  # fmt: skip
SYLLABLES = ("ka", "lo", "mi", "re", "tu", "shan", "好", "书", "店", "ne", "vol", "ish", "ing", "天", "不", "é")


def made_up_texts(count: int, name: str = "") -> list[str]:
    """Texts of 3 to 30 words, each a function of its position: for a server only the number of tokens matters."""
    return [_text(f"{name}{number}") for number in range(count)]


def _text(name: str) -> str:
    drawn = hashlib.shake_128(name.encode()).digest(91)
    words = (drawn[at : at + 3] for at in range(1, 1 + 3 * (3 + drawn[0] % 28), 3))
    return " ".join("".join(SYLLABLES[byte % len(SYLLABLES)] for byte in word) for word in words)


def write_run(name: str, seed: int, kind: str = "classification") -> Path:
    """The folder of a new run in data/finetune of the current directory, with weights drawn from `seed`.

    What a network answers costs the same whatever it has learnt.
    """
    torch.manual_seed(seed)
    folder = STAGE / name
    folder.mkdir(parents=True)
    (_save_scorer if kind in TAGS else _save_writer if kind == "generation" else _save_classifier)(kind, folder)
    (folder / "run.json").write_text(json.dumps({"kind": kind, "generator": "encoder-decoder"}))
    _tokenizer().save(str(folder / "tokenizer.json"))
    files = sorted(path for path in STAGE.rglob("*") if path.is_file() and path.name != MANIFEST)
    write_manifest(STAGE / MANIFEST, [_entry(path) for path in files], {"made up": "{}"})
    return folder


def _save_classifier(kind: str, folder: Path) -> None:
    model = Classifier(BertModel(SHAPE.config()), len(CLASSES), "mean", dropout=0.0)
    torch.nn.init.normal_(model.output.weight)  # answers of one run differ by more than rounding
    classifier.save(model, Description(labels=CLASSES, pooling="mean", width=SHAPE.width, kind=kind), folder)


def _save_scorer(kind: str, folder: Path) -> None:
    more = {"stride": 0, "longest_answer": 8}
    said = Scores(labels=TAGS[kind], width=SHAPE.width, together=1 + (kind == "relations"), more=more)
    model = TokenScorer(BertModel(SHAPE.config()), said, dropout=0.0)
    torch.nn.init.normal_(model.output.weight)
    token_scorer.save(model, said, folder)


def _save_writer(kind: str, folder: Path) -> None:
    decoder = SHAPE.config()
    decoder.update({"is_decoder": True, "add_cross_attention": True})
    model = EncoderDecoderModel(encoder=BertModel(SHAPE.config()), decoder=BertLMHeadModel(decoder))
    draw_wide(model)
    model.save_pretrained(folder)
    save_limits(SHAPE.width, WritingParams(longest_target=8), folder)


def _tokenizer() -> Tokenizer:
    texts = made_up_texts(300, "tokenizer")
    return trained_tokenizer(texts, vocabulary=SHAPE.vocabulary, lowercase=True, alphabet=100, min_frequency=2)


def _entry(path: Path) -> Entry:
    name = path.relative_to(STAGE).parts[0]
    sha256, md5 = file_digests(path)
    return Entry(
        path=path.relative_to(STAGE).as_posix(), table=name, key=name, rows=0, bytes=path.stat().st_size,
        sha256=sha256, md5=md5, logical=sha256, operator="finetune", action=name, fingerprint=f"of {name}", part=0,
        recipe="made up", inputs="{}",
    )  # fmt: skip


@contextmanager
def server(run: str, *options: str, folder: Path = Path()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, address with a slash) of `gristmill serve RUN` in a project's folder, killed at the end."""
    command = [sys.executable, "-m", "catalog", "serve", run, "--port=0", "--device=cpu", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with announced(command, folder=folder, environment=environment, errors=subprocess.PIPE) as (process, address):
        try:
            yield process, address
        finally:
            process.kill()
