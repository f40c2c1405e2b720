"""Questions: where in the text the answer begins and ends, or that the text gives none.

The question stands before a window of the text; a long text is read in several, `stride` tokens apart. The network
scores each token of the window as the beginning and as the end of the answer; [CLS] stands for none. Sources: Devlin
et al. 2019, section 4.3; the answer is the best span of all windows, unless [CLS] is better in each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from catalog.digests import canonical_json
from catalog.segments import Segment
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.scoring.answers import MEASURES
from stages.model.finetuning.examples import Labelled, framed_pair, shortened, windows
from stages.model.finetuning.kinds.places import by_character, placed, tokens_of
from stages.model.finetuning.kinds.predicting import loaded_tokenizer, predictions, run_folder
from stages.model.finetuning.kinds.training import Material, PackedKind, finetuning, outputs
from stages.model.finetuning.params import RunParams
from stages.model.finetuning.starting import starting_encoder
from stages.model.finetuning.units import Unit
from stages.model.networks import token_scorer
from stages.model.networks.network import Packed
from stages.model.networks.token_scorer import Scores, TokenScorer
from stages.model.tokens.tokenizer import token_ids
from stages.model.training.batches import Ints
from stages.model.training.randomness import document_keys

START, END = 1, 2  # flags of a token: the answer begins with it, ends with it


class Questions(PackedKind):
    """The kind questions; `said.more` has stride and longest_answer, in tokens."""

    def __init__(self, tokenizer: Tokenizer, said: Scores) -> None:
        self.tokenizer, self.said, self.width = by_character(tokenizer), said, said.width

    def examples(self, units: Sequence[Unit]) -> Labelled:
        """An example a window; [CLS] and the tokens of the text are asked."""
        data = Labelled([], [], document_keys([]), [], [])
        names: list[str] = []
        questions = token_ids(self.tokenizer, [unit.about for unit in units])
        for unit, ids, (tokens, places) in zip(
            units, questions, placed(self.tokenizer, [unit.text for unit in units]), strict=True
        ):
            question = shortened(np.array(ids, np.int64), self.width // 2)
            answer = tokens_of(places, *json.loads(unit.label)) if unit.label != "[]" else (0, 0)
            for start, stop in self._windows(len(tokens), len(question)):
                names.append(f"{unit.name}\n{start}")
                data.ids.append(unit.name)
                key = document_keys(names[-1:])[0]
                data.examples.append(framed_pair(question, tokens[start:stop], key, start=start))
                data.asked.append(np.concatenate([[0], len(question) + 2 + np.arange(stop - start)]))
                data.answers.append(flags(answer, start, stop))
        return Labelled(data.ids, data.examples, document_keys(names), data.asked, data.answers)

    def _windows(self, length: int, question: int) -> list[tuple[int, int]]:
        size = self.width - 3 - question
        return windows(length, size, min(self.said.more["stride"] or max(1, size // 2), size))

    def network(self, start: Path, params: RunParams) -> TokenScorer:
        """The encoder with a new linear layer."""
        return TokenScorer(starting_encoder(start, params), self.said, params.how.dropout)

    def loss(self, model: TokenScorer, placed: Packed) -> Tensor:
        """Mean of the cross entropies of beginning and end, among the asked tokens of each window."""
        scores, owners = model(placed), placed.owners.flatten()[placed.guesses] - 1
        counts = torch.bincount(owners, minlength=len(placed.first))
        rank = torch.arange(len(owners), device=owners.device) - (counts.cumsum(0) - counts)[owners]
        table = scores.new_full((len(counts), int(counts.max()), 2), -torch.inf)
        table = table.index_put((owners, rank), scores)
        losses = []
        for side, flag in enumerate((START, END)):
            right = torch.zeros(len(counts), dtype=torch.long, device=owners.device)
            chosen = (placed.targets & flag) > 0
            right = right.index_put((owners[chosen],), rank[chosen])
            losses.append(functional.cross_entropy(table[..., side], right))
        return (losses[0] + losses[1]) / 2

    def predicted(self, model: TokenScorer, units: Sequence[Unit]) -> list[str]:
        """The place of each answer in characters, as canonical JSON."""
        asked = self.examples(units)
        seen: dict[str, list[tuple[int, np.ndarray]]] = {}
        for name, example, rows in zip(asked.ids, asked.examples, outputs(model, asked, self.width), strict=True):
            seen.setdefault(name, []).append((example.start, rows))
        found = []
        for unit, (_, places) in zip(units, placed(self.tokenizer, [unit.text for unit in units]), strict=True):
            answer = best_answer(seen[unit.name], self.said.more["longest_answer"])
            found.append(canonical_json([int(places[answer[0], 0]), int(places[answer[1], 1])] if answer else []))
        return found

    def score(self, units: Sequence[Unit], predicted: Sequence[str]) -> float:
        """F1 of the words of the answers."""
        return MEASURES["questions"][0].of(units, predicted)

    def save(self, model: TokenScorer, out: Path) -> None:
        """As token_scorer.py describes."""
        token_scorer.save(model, self.said, out)


def flags(answer: tuple[int, int], start: int, stop: int) -> Ints:
    """START and END of [CLS] and the tokens [start, stop): at [CLS] where the answer is not all in there."""
    first, last = answer
    found = np.zeros(1 + stop - start, np.int64)
    inside = start <= first < last <= stop
    found[first - start + 1 if inside else 0] |= START
    found[last - start if inside else 0] |= END
    return found


def best_answer(seen: Sequence[tuple[int, np.ndarray]], longest: int) -> tuple[int, int] | None:
    """(first, last) token of the best answer; `seen` has the first token of each window and its scores [1 + n, 2].

    None where no answer of at most `longest` tokens is better than [CLS] in the window where [CLS] is worst.
    """
    best, score = None, -np.inf
    for start, rows in seen:
        total = rows[1:, :1] + rows[None, 1:, 1]
        short = np.tri(len(total), k=longest - 1, dtype=bool) & ~np.tri(len(total), k=-1, dtype=bool)
        total = np.where(short, total, -np.inf)
        if total.size and total.max() > score:
            first, last = divmod(int(total.argmax()), total.shape[1])
            best, score = (start + first, start + last), float(total.max())
    none = min(float(rows[0].sum()) for _, rows in seen)
    return best if score > none else None


@finetuning
def finetune(given: Material, params: RunParams) -> Questions:
    """The kind as a run trains it."""
    more = {"stride": params.of_kind.stride, "longest_answer": params.of_kind.longest_answer}
    said = Scores(labels=["start", "end"], width=params.how.width, more=more)
    return Questions(given.tokenizer, said)


def saved(folder: Path) -> tuple[Questions, TokenScorer]:
    """What the folder of a run holds."""
    model, said = token_scorer.load(folder)
    return Questions(loaded_tokenizer(folder), said), model


def predict(run: list[Segment], units: list[Segment], params: PredictParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("predictions", "all", a row for each test unit)."""
    yield from predictions(*saved(run_folder(run, "scorer.json")), units, params)
