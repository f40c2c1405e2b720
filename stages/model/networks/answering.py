"""A saved run that answers questions, for a server: the networks of ../finetuning/kinds, given texts instead of units.

Reads   the folder of one run (what `finetune` writes); safetensors and JSON only.
A question is a text, with a second one or with spans where the kind is about these. An answer is what `evaluate` would
predict; the batch decides the last bits of a score, so it differs from the offline one by about 1e-7 of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import Module

from catalog.digests import canonical_json
from stages.labels.values import TWO_TEXTS
from stages.model.finetuning.kinds import saved_run
from stages.model.finetuning.kinds.classes import Classes
from stages.model.finetuning.kinds.training import Kind, outputs
from stages.model.finetuning.units import Unit
from stages.model.networks.classifier import Classifier
from stages.model.training.loop import device_named, made_deterministic

Question = tuple[str, str]  # a text, and what `Predictor.second` says or ""
Answer = dict[str, Any]
SHORTEST = 16  # tokens of the narrowest row


def second_of(kind: str) -> str:
    """What a question has beside its text: nothing, a second text, or spans as JSON, [{"start", "stop"}, ...]."""
    return "spans" if kind == "relations" else "about" if kind in TWO_TEXTS else ""


class Classed:
    """Of kind classification, pairs or multilabel: {"label", "probabilities", "logits"}, the latter two by class."""

    def __init__(self, network: Classes, model: Classifier) -> None:
        self._network, self._model = network, model
        self.kind, self.labels = network.said.kind, network.said.labels
        self.second: str = second_of(self.kind)

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


class Said:
    """Of every other kind: what it says of a text, by the word that the kind has for it (`_ANSWERS`).

    Places are characters of the text as it was sent.
    """

    def __init__(self, kind: str, network: Kind, model: Module) -> None:
        self.kind, self._network, self._model = kind, network, model
        self.second: str = second_of(kind)
        self.labels = _classes(getattr(network, "said", None))

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, as JSON knows it, in their order."""
        label = {"relations": _unrelated, "generation": lambda _: ""}.get(self.kind, lambda _: "[]")
        units = [replace(unit, label=label(unit.about)) for unit in units_of(questions)]
        said = self._network.predicted(self._model, units)
        return [_ANSWERS[self.kind](unit.text, one) for unit, one in zip(units, said, strict=True)]


def _classes(said: Any) -> list[str]:
    """The classes that scores are of: of spans without the marks of their tags, of beginnings and ends none."""
    if said is None or said.labels == ["start", "end"]:
        return []
    return sorted({label[2:] if label[:2] in ("B-", "I-") else label for label in said.labels} - {"", "O"})


def _unrelated(spans: str) -> str:
    """The label of a text with these spans, of which nobody has said how they are related."""
    places = [[place["start"], place["stop"], ""] for place in json.loads(spans)]
    return canonical_json({"spans": places, "relations": []})


def _spans(text: str, said: str) -> Answer:
    return {"spans": [_place(text, *place) | {"label": name} for *place, name in json.loads(said)]}


def _answer(text: str, said: str) -> Answer:
    place = json.loads(said)
    return {"answer": _place(text, *place) if place else None}


def _relations(text: str, said: str) -> Answer:
    label = json.loads(said)
    places = [_place(text, *span[:2]) for span in label["spans"]]
    return {"relations": [{"from": places[one], "to": places[other], "label": name}
                          for one, other, name in label["relations"]]}  # fmt: skip


_ANSWERS: dict[str, Callable[[str, str], Answer]] = {
    "spans": _spans, "questions": _answer, "relations": _relations, "generation": lambda _, said: {"text": said},
}  # fmt: skip


def opened(folder: Path, device: str, threads: int) -> Classed | Said:
    """What answers from a run's folder, on a device (`auto`, `cpu`, `cuda`) and with so many threads of torch."""
    made_deterministic(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads are pinned, and those of a batch cost more than they save
    kind, network, model = saved_run(folder)
    model = model.to(device_named(device)).eval()
    return Classed(network, model) if isinstance(network, Classes) else Said(kind, network, model)


def units_of(questions: Sequence[Question]) -> list[Unit]:
    """Units that nobody has labelled, each with a name of its own."""
    return [
        Unit(id=str(number), about=about, split="", source="", language="", text=text, label="")
        for number, (text, about) in enumerate(questions)
    ]


def _place(text: str, start: int, stop: int) -> Answer:
    return {"start": start, "stop": stop, "text": text[start:stop]}


def row_width(longest: int, most: int) -> int:
    """Tokens of a row for examples of which the longest has so many: a power of two from SHORTEST, `most` at most."""
    return min(max(SHORTEST, 1 << (longest - 1).bit_length()), most)
