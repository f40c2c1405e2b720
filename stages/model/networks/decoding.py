"""Decoding: the likeliest texts that a network writes, many at once; greedy, or with beams.

A `Writer` gives the scores of the next token of each row and keeps what it has read in the network's own cache. With
one beam the likeliest token is taken each time. With more, that many unfinished texts are followed for each input, and
of the finished ones the best by mean log probability of its tokens wins; an input is done when it has as many finished
ones as beams. Shapes: N inputs, K beams, N * K rows, V tokens of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stages.model.tokens.tokenizer import PAD_ID


class Writer(Protocol):
    """A network in the middle of so many texts."""

    def scores(self, tokens: Tensor) -> Tensor:
        """Log probabilities of what follows the last `tokens` [rows], [rows, V]; remembers the tokens."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these of the rows, in this order; a row may stand twice."""
        ...


class FromSource:
    """Writer of an encoder-decoder: what is written follows from `inputs` [rows, S], padded at the end."""

    def __init__(self, model: PreTrainedModel, inputs: Tensor) -> None:
        self.model, self.mask, self.cache = model, inputs != PAD_ID, None
        self.states = model.get_encoder()(input_ids=inputs, attention_mask=self.mask).last_hidden_state

    def scores(self, tokens: Tensor) -> Tensor:
        """See Writer."""
        said = self.model(
            encoder_outputs=(self.states,), attention_mask=self.mask, decoder_input_ids=tokens[:, None],
            past_key_values=self.cache, use_cache=True,
        )  # fmt: skip
        self.cache = said.past_key_values
        return said.logits[:, -1].float().log_softmax(-1)

    def keep(self, rows: Tensor) -> None:
        """See Writer."""
        self.states, self.mask = self.states[rows], self.mask[rows]
        self.cache = _kept(self.cache, rows)


class FromPrompt:
    """Writer of a causal model: what is written goes on from `prompts` [rows, S], padded at their beginning.

    The last token of each prompt is handed to the first `scores`.
    """

    def __init__(self, model: PreTrainedModel, prompts: Tensor) -> None:
        self.model, self.cache = model, None
        self.mask = prompts[:, :0] != PAD_ID
        if prompts.shape[1] > 1:
            self._read(prompts[:, :-1])

    def _read(self, tokens: Tensor) -> Tensor:
        self.mask = torch.cat([self.mask, tokens != PAD_ID], 1)
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        said = self.model(
            input_ids=tokens, attention_mask=self.mask, position_ids=positions, past_key_values=self.cache,
            use_cache=True,
        )  # fmt: skip
        self.cache = said.past_key_values
        return said.logits[:, -1]

    def scores(self, tokens: Tensor) -> Tensor:
        """See Writer."""
        return self._read(tokens[:, None]).float().log_softmax(-1)

    def keep(self, rows: Tensor) -> None:
        """See Writer."""
        self.mask = self.mask[rows]
        self.cache = _kept(self.cache, rows)


def _kept(cache: Any, rows: Tensor) -> Any:
    if cache is not None:
        cache.reorder_cache(rows)
    return cache


@dataclass(slots=True)
class Beams:
    """The texts of one input: unfinished ones with the sum of their log probabilities, best first, and finished ones
    with the mean of theirs."""

    going: list[tuple[float, list[int]]]
    finished: list[tuple[float, list[int]]] = field(default_factory=list)

    def follow(self, candidates: Sequence[tuple[float, int, int]], beams: int, end: int) -> list[tuple[int, int]]:
        """Take up the best `candidates` (total, beam, token): (beam, token) of each text that goes on.

        A text that ends counts as finished only where it is among the best `beams` candidates.
        """
        texts = [text for _, text in self.going]
        ended = [(total, beam) for total, beam, token in candidates[:beams] if token == end]
        ahead = [(total, beam, token) for total, beam, token in candidates if token != end][:beams]
        if len(self.finished) < beams:
            self.finished += [(total / (len(texts[beam]) + 1), texts[beam]) for total, beam in ended]
        self.going = [(total, [*texts[beam], token]) for total, beam, token in ahead]
        return [(beam, token) for _, beam, token in ahead]

    def best(self) -> list[int]:
        """The text of the highest mean log probability; an unfinished one where none is finished."""
        unfinished = [(total / max(1, len(text)), text) for total, text in self.going]
        return max(self.finished or unfinished, key=lambda pair: pair[0])[1]


def written(writer: Writer, first: Tensor, *, beams: int, longest: int, end: int) -> list[list[int]]:
    """The best text of each input, without its `end` token and of at most `longest` tokens.

    `writer` has a row for each input, and `first` [N] is the token before each text.
    """
    writer.keep(torch.arange(len(first), device=first.device).repeat_interleave(beams))
    tokens = first.repeat_interleave(beams)
    # the beams of an input begin alike: all but one wait
    found = [Beams(going=[(0.0 if beam == 0 else -inf, []) for beam in range(beams)]) for _ in range(len(first))]
    for _ in range(longest):
        totals = torch.tensor([[total for total, _ in one.going] for one in found], device=first.device)
        ahead = []
        for number, candidates in enumerate(_candidates(totals, writer.scores(tokens))):
            chosen = found[number].follow(candidates, beams, end)
            ahead += [(number * beams + beam, token) for beam, token in chosen]
        if all(len(one.finished) >= beams for one in found):
            break
        rows, tokens = torch.tensor(ahead, device=first.device).unbind(1)
        writer.keep(rows)
    return [one.best() for one in found]


def _candidates(totals: Tensor, scores: Tensor) -> Iterator[list[tuple[float, int, int]]]:
    """For each input the best continuations, twice as many as beams: (total, beam, token)."""
    inputs, beams = totals.shape
    scores[:, PAD_ID] = -inf
    values, places = (totals[..., None] + scores.view(inputs, beams, -1)).flatten(1).topk(2 * beams)
    for row, at in zip(values.tolist(), places.tolist(), strict=True):
        yield [(total, *divmod(place, scores.shape[1])) for total, place in zip(row, at, strict=True)]
