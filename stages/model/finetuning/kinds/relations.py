"""Relations: the class of the relation from one given span to another, or that there is none.

Each ordered pair of spans of a text is one example: the text with signs around both spans (Zhou and Chen 2022: signs
that the tokenizer knows), around which it is cut where it is too long. The vectors of both opening signs, side by
side, are what is classified. Of spans too far apart for the network, no relation is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import permutations
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
from stages.model.finetuning.examples import Labelled
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
from stages.model.tokens.tokenizer import token_ids
from stages.model.training.batches import Ints, framed
from stages.model.training.randomness import document_keys

NONE = ""  # the class of two spans between which there is no relation
SIGNS = ("@", "#")  # around the first and the second span


class Relations(PackedKind):
    """The kind relations; `weights` [classes] of the loss."""

    def __init__(self, tokenizer: Tokenizer, said: Scores, weights: Tensor | None = None) -> None:
        self.tokenizer, self.said, self.weights = by_character(tokenizer), said, weights
        self.width = said.width
        self.signs = [np.array(ids, np.int64) for ids in token_ids(self.tokenizer, SIGNS)]

    def examples(self, units: Sequence[Unit]) -> Labelled:
        """An example a pair of spans that fit the width; its id ends with the places of both spans in the label."""
        data = Labelled([], [], document_keys([]), [], [])
        found = placed(self.tokenizer, [unit.text for unit in units])
        for unit, (tokens, places) in zip(units, found, strict=True):
            label = json.loads(unit.label)
            classes = {(start, stop): name for start, stop, name in label["relations"]}
            stretches = [tokens_of(places, start, stop) for start, stop, _ in label["spans"]]
            for pair in permutations(range(len(stretches)), 2):
                signed = self._signed(tokens, stretches[pair[0]], stretches[pair[1]])
                if signed is None:
                    continue
                content, asked = signed
                name = classes.get(pair, NONE)
                answer = self.said.labels.index(name) if name in self.said.labels else 0
                data.ids.append(f"{unit.name}\n{pair[0]} {pair[1]}")
                data.examples.append(framed(content, document_keys(data.ids[-1:])[0], 0, 0))
                data.asked.append(asked + 1)
                data.answers.append(np.array([answer, answer]))
        return Labelled(data.ids, data.examples, document_keys(data.ids), data.asked, data.answers)

    def _signed(self, tokens: Ints, first: tuple[int, int], second: tuple[int, int]) -> tuple[Ints, Ints] | None:
        """The tokens with both spans between their signs, and where the opening signs stand; None where it is too long.

        What stands around the spans is cut evenly on both sides.
        """
        signs = sum(2 * len(sign) for sign in self.signs)
        start, stop = min(first[0], second[0]), max(first[1], second[1])
        spare = self.width - 2 - signs - (stop - start)
        if spare < 0 or first[0] == first[1] or second[0] == second[1]:
            return None
        start = max(0, start - max(spare // 2, spare - (len(tokens) - stop)))
        stop = min(len(tokens), start + self.width - 2 - signs)
        edges = sorted(
            (place, order, span)
            for span, stretch in enumerate((first, second))
            for order, place in ((1, stretch[0]), (0, stretch[1]))  # a span ends before another begins
        )
        parts: list[Ints] = []
        asked = np.zeros(2, np.int64)
        reach, size = start, 0
        for place, order, span in edges:
            parts += [tokens[reach:place], self.signs[span]]
            size += place - reach
            if order:
                asked[span] = size
            reach, size = place, size + len(self.signs[span])
        return np.concatenate([*parts, tokens[reach:stop]]), asked

    def network(self, start: Path, params: RunParams) -> TokenScorer:
        """The encoder with a new linear layer."""
        return TokenScorer(starting_encoder(start, params), self.said, params.how.dropout)

    def loss(self, model: TokenScorer, placed: Packed) -> Tensor:
        """Cross entropy of the classes of the pairs."""
        scores = model(placed)
        weights = None if self.weights is None else self.weights.to(scores.device)
        return functional.cross_entropy(scores, placed.targets[::2], weights)

    def predicted(self, model: TokenScorer, units: Sequence[Unit]) -> list[str]:
        """The units' spans with the relations that the network says, as canonical JSON."""
        asked = self.examples(units)
        said: dict[str, list[list]] = {unit.name: [] for unit in units}
        for name, rows in zip(asked.ids, outputs(model, asked, self.width), strict=True):
            of, _, pair = name.rpartition("\n")
            if best := self.said.labels[int(rows[0].argmax())]:
                said[of].append([*map(int, pair.split()), best])
        return [
            canonical_json({"spans": json.loads(unit.label)["spans"], "relations": sorted(said[unit.name])})
            for unit in units
        ]

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """F1 of relations."""
        return MEASURES["relations"][0].of(units, predicted)

    def save(self, model: TokenScorer, out: Path) -> None:
        """As token_scorer.py describes."""
        token_scorer.save(model, self.said, out)


def classes_between(units: Sequence[Unit]) -> list[str]:
    """None, and the classes of the relations that the units' labels name."""
    return [NONE, *sorted({name for unit in units for *_, name in json.loads(unit.label)["relations"]})]


@finetuning
def finetune(given: Material, params: RunParams) -> Relations:
    """The kind as a run trains it."""
    said = Scores(labels=classes_between(given.training), width=params.how.width, together=2)
    kind = Relations(given.tokenizer, said)
    if params.of_kind.class_weights == "balanced":
        answers = [int(answer[0]) for answer in kind.examples(given.training).answers]
        kind.weights = balanced(answers, len(said.labels))
    return kind


def saved(folder: Path) -> tuple[Relations, TokenScorer]:
    """What the folder of a run holds."""
    model, said = token_scorer.load(folder)
    return Relations(loaded_tokenizer(folder), said), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "scorer.json")), units, params)
