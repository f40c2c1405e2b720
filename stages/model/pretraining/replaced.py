"""Replaced-token detection (ELECTRA: Clark et al. 2020): two networks, of which the larger is kept.

A generator, a masked language model of half of the layers and a quarter of their inner width, puts a sampled token at
every masked place; the network tells of every token whether it is the right one. Every token teaches, not only the
masked ones. Both share the token vectors; the loss is that of the generator plus 50 times that of the network. The
draws come from torch's generator, which the loop seeds by step.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from stages.model.networks.architectures import Shape, guesser, language_model, narrowed
from stages.model.networks.network import Losses, Packed, guess_loss, hidden_states, losses, states_at

_DETECTION = 50.0  # weight of the network's loss (section 3.3 of the paper)


class ReplacedTokens(nn.Module):
    """The network whose body is kept, and its generator; `forward` returns the losses of both.

    `begun`: the network whose body to go on with; else it has random weights, as the generator always has.
    """

    def __init__(self, shape: Shape, candidates: str = "vocabulary", begun: PreTrainedModel | None = None) -> None:
        super().__init__()
        small = replace(shape, layers=max(1, shape.layers // 2), feed_forward=max(1, shape.feed_forward // 4))
        self.candidates = candidates
        self.body: PreTrainedModel = (language_model(shape, "mlm") if begun is None else begun).base_model
        self.generator = language_model(small, "mlm")
        self.generator.base_model.set_input_embeddings(self.body.get_input_embeddings())
        self.generator.tie_weights()
        narrowed(self.generator.base_model)
        self.detect = nn.Sequential(nn.Linear(shape.hidden, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, 1))

    def bodies(self) -> list[PreTrainedModel]:
        """Every body whose attention is over packed rows."""
        return [self.body, self.generator.base_model]

    def saved(self) -> PreTrainedModel:
        """What is written when training ends: the body, for the head that guesses was never trained."""
        return self.body

    def forward(self, packed: Packed) -> Losses:
        """Cross entropy of the generator's guesses, and of right or replaced over all tokens of documents."""
        asked = states_at(self.generator.base_model, packed, packed.guesses)
        guessing = guess_loss(guesser(self.generator), asked, packed.targets, self.candidates)
        with torch.no_grad():
            drawn = sampled(guesser(self.generator).scores(asked))
        tokens, wrong = replaced_tokens(packed, drawn)
        real = packed.owners.flatten() > 0
        scores = self.detect(hidden_states(self.body, packed, tokens))[:, 0]
        spotted = functional.binary_cross_entropy_with_logits(scores.float(), wrong, real.float(), reduction="sum")
        return losses((guessing, len(packed.targets)), (_DETECTION * spotted, int(real.sum())))


def sampled(scores: Tensor) -> Tensor:
    """A token drawn from the softmax of each row of scores [M, vocabulary], by the Gumbel trick; [M]."""
    noise = -torch.log(-torch.log(torch.rand_like(scores, dtype=torch.float32).clamp_(1e-9, 1 - 1e-7)))
    return (scores.float() + noise).argmax(-1)


def replaced_tokens(packed: Packed, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """The batch's tokens [R, W] with `drawn` [M] at the asked places, and 1.0 [R * W] where that is not the answer."""
    tokens = packed.inputs.flatten().clone()
    tokens[packed.guesses] = drawn
    wrong = torch.zeros(tokens.shape, device=tokens.device)
    wrong[packed.guesses] = (drawn != packed.targets).float()
    return tokens.view_as(packed.inputs), wrong
