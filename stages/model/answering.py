"""A saved run that answers questions, for a server: the networks of stages/model/kinds, given texts instead of units.

Reads   the folder of one run (what `finetune` writes); safetensors and JSON only.
A question is a text, and a second one where the kind is about two. An answer is what `evaluate` would predict; the
batch decides the last bits of a score, so it differs from the offline one by about 1e-7 of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catalog.errors import InputError
from stages.labels.values import TWO_TEXTS
from stages.model import classifier, token_scorer
from stages.model.classifier import Classifier
from stages.model.kinds.classes import Classes
from stages.model.kinds.predicting import loaded_tokenizer
from stages.model.kinds.questions import Questions
from stages.model.kinds.spans import Spans
from stages.model.kinds.training import outputs
from stages.model.loop import device_named, made_deterministic
from stages.model.token_scorer import TokenScorer
from stages.model.units import Unit

Question = tuple[str, str]  # a text, and the second one or ""
Answer = dict[str, Any]
SHORTEST = 16  # tokens of the narrowest row


class Classed:
    """Of kind classification, pairs or multilabel: {"label", "probabilities", "logits"}, the latter two by class."""

    def __init__(self, network: Classes, model: Classifier) -> None:
        self._network, self._model = network, model
        self.kind, self.labels = network.said.kind, network.said.labels
        self.two_texts = self.kind in TWO_TEXTS

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, as JSON knows it, in their order; the label of several classes is a list."""
        logits = torch.from_numpy(self.logits(questions))
        several = self.kind == "multilabel"
        shares = (logits.sigmoid() if several else logits.softmax(1)).tolist()
        return [
            {"label": self._label(row), "probabilities": dict(zip(self.labels, share, strict=True)),
             "logits": dict(zip(self.labels, row, strict=True))}
            for row, share in zip(logits.tolist(), shares, strict=True)
        ]  # fmt: skip

    def _label(self, logits: list[float]) -> str | list[str]:
        if self.kind == "multilabel":
            return [name for name, logit in zip(self.labels, logits, strict=True) if logit > 0]
        return self.labels[max(range(len(logits)), key=logits.__getitem__)]

    def logits(self, questions: Sequence[Question]) -> np.ndarray:
        """Scores before the softmax, [questions, classes]; packed into rows no wider than the longest needs."""
        data = self._network.unlabelled(units_of(questions))
        return np.concatenate(outputs(self._model, data, row_width(int(data.lengths().max()), self._network.width)))


class Placed:
    """Of kind spans: {"spans": [{"start", "stop", "text", "label"}]}; of kind questions: {"answer": the same or null}.

    Places are characters of the text as it was sent.
    """

    def __init__(self, kind: str, network: Spans | Questions, model: TokenScorer) -> None:
        self.kind, self._network, self._model = kind, network, model
        self.labels = sorted({tag[2:] for tag in network.said.labels if "-" in tag})
        self.two_texts = kind in TWO_TEXTS

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, as JSON knows it, in their order."""
        found = map(json.loads, self._network.predicted(self._model, units_of(questions, label="[]")))
        if self.kind == "spans":
            return [{"spans": [_place(text, *span[:2]) | {"label": span[2]} for span in spans]}
                    for (text, _), spans in zip(questions, found, strict=True)]  # fmt: skip
        return [{"answer": _place(text, *place) if place else None}
                for (text, _), place in zip(questions, found, strict=True)]  # fmt: skip


def opened(folder: Path, device: str, threads: int) -> Classed | Placed:
    """What answers from a run's folder, on a device (`auto`, `cpu`, `cuda`) and with so many threads of torch.

    Errors: InputError for a kind that is not served.
    """
    made_deterministic(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads are pinned, and those of a batch cost more than they save
    if (folder / "classifier.json").exists():
        model, described = classifier.load(folder)
        return Classed(Classes(loaded_tokenizer(folder), described), _placed(model, device))
    kind = str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["kind"])
    kinds: dict[str, Any] = {"spans": Spans, "questions": Questions}
    if kind not in kinds:
        raise InputError(f"a run of kind {kind} is not served; classification, multilabel, pairs, spans, questions are")
    scorer, said = token_scorer.load(folder)
    return Placed(kind, kinds[kind](loaded_tokenizer(folder), said), _placed(scorer, device))


def _placed(model: Any, device: str) -> Any:
    return model.to(device_named(device)).eval()


def units_of(questions: Sequence[Question], label: str = "") -> list[Unit]:
    """Units that nobody has labelled, each with a name of its own."""
    return [
        Unit(id=str(number), about=about, split="", source="", language="", text=text, label=label)
        for number, (text, about) in enumerate(questions)
    ]


def _place(text: str, start: int, stop: int) -> Answer:
    return {"start": start, "stop": stop, "text": text[start:stop]}


def row_width(longest: int, most: int) -> int:
    """Tokens of a row for examples of which the longest has so many: a power of two from SHORTEST, `most` at most."""
    return min(max(SHORTEST, 1 << (longest - 1).bit_length()), most)
