"""Classes: of a text, of a pair of texts, or several of a text.

The network is a classifier (classifier.py): one vector a text or pair, one linear layer. One class is the best score;
several are those with a probability above a half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from catalog.digests import canonical_json
from catalog.segments import Segment
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.scoring.classes import MEASURES
from stages.model.finetuning.examples import Labelled, framed_pair, from_lists, shortened
from stages.model.finetuning.kinds.predicting import loaded_tokenizer, predictions, run_folder
from stages.model.finetuning.kinds.training import Material, PackedKind, finetuning, outputs
from stages.model.finetuning.kinds.weights import balanced
from stages.model.finetuning.params import RunParams
from stages.model.finetuning.starting import starting_encoder
from stages.model.finetuning.units import Unit
from stages.model.networks import classifier
from stages.model.networks.classifier import Classifier, Description
from stages.model.networks.network import Packed
from stages.model.tokens.tokenizer import token_ids
from stages.model.training.batches import Example
from stages.model.training.randomness import document_keys


class Classes(PackedKind):
    """The kinds classification, pairs and multilabel; `weights` [classes] of the loss."""

    def __init__(self, tokenizer: Tokenizer, said: Description, weights: Tensor | None = None) -> None:
        self.tokenizer, self.said, self.weights = tokenizer, said, weights
        self.width = said.width

    def examples(self, units: Sequence[Unit]) -> Labelled:
        """One example a unit, shortened to the width."""
        names = [unit.name for unit in units]
        lists = [np.array(ids, dtype=np.int64) for ids in token_ids(self.tokenizer, [unit.text for unit in units])]
        if self.said.kind == "multilabel":
            answers = [self._flags(unit.label) for unit in units]
            data = from_lists(names, lists, [""] * len(names), [""], self.width)
            asked = [np.zeros(len(self.said.labels), np.int64)] * len(names)
            return Labelled(data.ids, data.examples, data.keys, asked, answers)
        if self.said.kind == "pairs":
            return Labelled(names, self._pairs(units, lists), document_keys(names))
        return from_lists(names, lists, [unit.label for unit in units], self.said.labels, self.width)

    def _flags(self, label: str) -> np.ndarray:
        """[classes]: 1 for those that a label names, 0 for the others."""
        return np.isin(self.said.labels, json.loads(label)).astype(np.int64)

    def _pairs(self, units: Sequence[Unit], lists: Sequence[np.ndarray]) -> list[Example]:
        """Both texts side by side; of the longer one more is cut."""
        seconds = [np.array(ids, dtype=np.int64) for ids in token_ids(self.tokenizer, [unit.about for unit in units])]
        number = {label: place for place, label in enumerate(self.said.labels)}
        room = self.width - 3
        found = []
        for unit, first, second in zip(units, lists, seconds, strict=True):
            share = max(room // 2, room - len(second))
            first = shortened(first, share)
            key = document_keys([unit.name])[0]
            found.append(framed_pair(first, shortened(second, room - len(first)), key, number[unit.label]))
        return found

    def network(self, start: Path, params: RunParams) -> Classifier:
        """The encoder with a new linear layer."""
        encoder = starting_encoder(start, params)
        return Classifier(encoder, len(self.said.labels), self.said.pooling, params.how.dropout)

    def loss(self, model: Classifier, placed: Packed) -> Tensor:
        """Cross entropy of the class, or the mean of that of every class."""
        scores = model(placed)
        weights = None if self.weights is None else self.weights.to(scores.device)
        if self.said.kind == "multilabel":
            answers = placed.targets.view(scores.shape).to(scores.dtype)
            return functional.binary_cross_entropy_with_logits(scores, answers, pos_weight=weights)
        return functional.cross_entropy(scores, placed.labels, weights)

    def scores(self, model: Classifier, units: Sequence[Unit]) -> np.ndarray:
        """What the network says of each class of each unit, before the softmax: [units, classes]."""
        return np.concatenate(outputs(model, self.unlabelled(units), self.width))

    def unlabelled(self, units: Sequence[Unit]) -> Labelled:
        """Examples of units whatever their labels are, for predictions."""
        blank = self.said.labels[0] if self.said.kind != "multilabel" else "[]"
        return self.examples([replace(unit, label=blank) for unit in units])

    def predicted(self, model: Classifier, units: Sequence[Unit]) -> list[str]:
        """The class of each unit; of several, the set as canonical JSON."""
        scores, labels = self.scores(model, units), self.said.labels
        if self.said.kind == "multilabel":
            return [canonical_json([name for name, one in zip(labels, row > 0, strict=True) if one]) for row in scores]
        return [labels[place] for place in scores.argmax(1).tolist()]

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """Accuracy, or F1 over all classes together."""
        return MEASURES[self.said.kind][0].of(units, predicted)

    def save(self, model: Classifier, out: Path) -> None:
        """As classifier.py describes."""
        classifier.save(model, self.said, out)


def classes_of(kind: str, labels: Sequence[str]) -> list[str]:
    """The classes that labels name, sorted."""
    return sorted({name for label in labels for name in (json.loads(label) if kind == "multilabel" else [label])})


@finetuning
def finetune(given: Material, params: RunParams) -> Classes:
    """The kind as a run trains it."""
    said = Description(
        labels=classes_of(params.kind, given.labels), pooling=params.of_kind.pooling, width=params.how.width,
        kind=params.kind,
    )  # fmt: skip
    weights = class_weights(said, given.training) if params.of_kind.class_weights == "balanced" else None
    return Classes(given.tokenizer, said, weights)


def class_weights(said: Description, training: Sequence[Unit]) -> Tensor:
    """[classes]: of one class by `balanced`; of several, units without it / units with it."""
    number = {label: place for place, label in enumerate(said.labels)}
    named = [number[name] for unit in training for name in classes_of(said.kind, [unit.label])]
    weights = balanced(named, len(number))
    return weights if said.kind != "multilabel" else weights * len(number) * len(training) / len(named) - 1


def saved(folder: Path) -> tuple[Classes, Classifier]:
    """What the folder of a run holds."""
    model, said = classifier.load(folder)
    return Classes(loaded_tokenizer(folder), said), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "classifier.json")), units, params)
