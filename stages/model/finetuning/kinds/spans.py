"""Spans: a tag of each token says where a span of a class begins (B) and goes on (I), or that there is none (O).

A long text is read in windows that overlap by half, and each token is asked in the window in whose middle it is
nearest. Tags are decoded by the best path on which a span begins before it goes on (Viterbi). Spans do not overlap: of
labels that do, the longer one is learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from catalog.digests import canonical_json
from catalog.segments import Segment
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.scoring.marks import MEASURES
from stages.model.finetuning.examples import Labelled, windows
from stages.model.finetuning.kinds.places import by_character, placed, tokens_of
from stages.model.finetuning.kinds.predicting import loaded_tokenizer, predictions, run_folder
from stages.model.finetuning.kinds.training import Material, PackedKind, finetuning, outputs
from stages.model.finetuning.kinds.weights import balanced
from stages.model.finetuning.params import RunParams
from stages.model.finetuning.starting import starting_encoder
from stages.model.finetuning.units import Unit
from stages.model.networks import token_scorer
from stages.model.networks.network import Packed
from stages.model.networks.token_scorer import Scores, TokenScorer
from stages.model.training.batches import Ints, framed
from stages.model.training.randomness import document_keys

OUTSIDE = "O"


class Spans(PackedKind):
    """The kind spans; `weights` [tags] of the loss."""

    def __init__(self, tokenizer: Tokenizer, said: Scores, weights: Tensor | None = None) -> None:
        self.tokenizer, self.said, self.weights = by_character(tokenizer), said, weights
        self.width = said.width

    def examples(self, units: Sequence[Unit]) -> Labelled:
        """An example a window; each token is asked in one of them."""
        data = Labelled([], [], document_keys([]), [], [])
        found = placed(self.tokenizer, [unit.text for unit in units])
        names: list[str] = []
        for unit, (tokens, places) in zip(units, found, strict=True):
            tags = tags_of(places, json.loads(unit.label), self.said.labels)
            for number, (start, stop, asked) in enumerate(asked_windows(len(tokens), self.width - 2)):
                names.append(f"{unit.name}\n{number}")
                data.ids.append(unit.name)
                data.examples.append(framed(tokens[start:stop], document_keys(names[-1:])[0], start, 0))
                data.asked.append(asked - start + 1)
                data.answers.append(tags[asked])
        return Labelled(data.ids, data.examples, document_keys(names), data.asked, data.answers)

    def network(self, start: Path, params: RunParams) -> TokenScorer:
        """The encoder with a new linear layer."""
        return TokenScorer(starting_encoder(start, params), self.said, params.how.dropout)

    def loss(self, model: TokenScorer, placed: Packed) -> Tensor:
        """Mean cross entropy of the tags."""
        scores = model(placed)
        weights = None if self.weights is None else self.weights.to(scores.device)
        return functional.cross_entropy(scores, placed.targets, weights)

    def predicted(self, model: TokenScorer, units: Sequence[Unit]) -> list[str]:
        """The spans of each unit as canonical JSON."""
        asked = self.examples(units)
        scores: dict[str, list[np.ndarray]] = {}
        for name, rows in zip(asked.ids, outputs(model, asked, self.width), strict=True):
            scores.setdefault(name, []).append(rows)
        found = placed(self.tokenizer, [unit.text for unit in units])
        return [
            canonical_json(spans_of(places, best_path(np.concatenate(scores[unit.name]), self.said.labels), self.said))
            for unit, (_, places) in zip(units, found, strict=True)
        ]

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """F1 of spans."""
        return MEASURES["spans"][0].of(units, predicted)

    def save(self, model: TokenScorer, out: Path) -> None:
        """As token_scorer.py describes."""
        token_scorer.save(model, self.said, out)


def tag_names(units: Sequence[Unit]) -> list[str]:
    """O, and B- and I- of each class that the units' labels name."""
    classes = sorted({name for unit in units for *_, name in json.loads(unit.label)})
    return [OUTSIDE, *(f"{mark}-{name}" for name in classes for mark in "BI")]


def tags_of(places: Ints, spans: Sequence[Sequence], tags: Sequence[str]) -> Ints:
    """The number of the tag of each token, [tokens]; of spans that share a token, the longest has it."""
    number = {tag: place for place, tag in enumerate(tags)}
    found = np.zeros(len(places), np.int64)
    for start, stop, name in sorted(spans, key=lambda span: span[0] - span[1]):
        first, last = tokens_of(places, start, stop)
        if first < last and not found[first:last].any() and f"B-{name}" in number:
            found[first] = number[f"B-{name}"]
            found[first + 1 : last] = number[f"I-{name}"]
    return found


def asked_windows(length: int, size: int) -> list[tuple[int, int, Ints]]:
    """(start, stop, the tokens that are asked) of each window over so many tokens."""
    found = windows(length, size, max(1, size // 2))
    middles = np.array([(start + stop) / 2 for start, stop in found])
    owner = np.abs(np.arange(length)[:, None] + 0.5 - middles[None]).argmin(1)
    return [(start, stop, np.flatnonzero(owner == place)) for place, (start, stop) in enumerate(found)]


def best_path(scores: np.ndarray, tags: Sequence[str]) -> list[int]:
    """The tags of the highest sum of log probabilities, from scores [tokens, tags], on which I follows B or I."""
    logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    allowed = np.array([[_follows(before, after) for after in tags] for before in tags])
    steps = np.where(allowed, 0.0, -np.inf)
    total = logs[:1] + steps[0] if len(logs) else logs  # as after O
    came = []
    for row in logs[1:]:
        paths = total.reshape(-1, 1) + steps
        came.append(paths.argmax(0))
        total = (paths.max(0) + row)[None]
    path = [int(total.argmax())] if len(logs) else []
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return path[::-1]


def _follows(before: str, after: str) -> bool:
    return not after.startswith("I-") or before[2:] == after[2:]


def spans_of(places: Ints, path: Sequence[int], said: Scores) -> list[list]:
    """[[start, stop, class], ...] in characters, of the tags of the tokens."""
    found: list[list] = []
    for (start, stop), number in zip(places.tolist(), path, strict=True):
        tag = said.labels[number]
        if tag.startswith("B-"):
            found.append([start, stop, tag[2:]])
        elif tag.startswith("I-"):
            found[-1][1] = stop
    return found


@finetuning
def finetune(given: Material, params: RunParams) -> Spans:
    """The kind as a run trains it."""
    said = Scores(labels=tag_names(given.training), width=params.how.width)
    kind = Spans(given.tokenizer, said)
    if params.of_kind.class_weights == "balanced":
        answers = np.concatenate(kind.examples(given.training).answers)
        kind.weights = balanced(answers.tolist(), len(said.labels))
    return kind


def saved(folder: Path) -> tuple[Spans, TokenScorer]:
    """What the folder of a run holds."""
    model, said = token_scorer.load(folder)
    return Spans(loaded_tokenizer(folder), said), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "scorer.json")), units, params)
