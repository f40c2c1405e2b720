"""Networks: an architecture's body over packed rows, with the loss of its objective.

Reads a `Shape` or a saved model folder; returns torch modules. The language-model head runs on the asked tokens only:
projecting every token onto the vocabulary is most of the cost of a small network.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import logging

from stages.model.networks.architectures import Guesser, Shape, guesser, is_narrowed, language_model, narrowed
from stages.model.networks.attention import VARLEN, boundaries, dense_masks
from stages.model.training.batches import Batch

logging.set_verbosity_error()  # reading an encoder out of a model with other heads is meant
logging.disable_progress_bar()


class Packed:
    """The arrays of a `Batch` as tensors on a device; shapes as there."""

    def __init__(self, batch: Batch, device: torch.device) -> None:
        def moved(array: Any) -> Tensor:
            tensor = torch.as_tensor(array)
            return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)

        self.inputs, self.positions = moved(batch.inputs), moved(batch.positions)
        self.types, self.owners = moved(batch.types), moved(batch.owners)
        self.first, self.labels = moved(batch.first), moved(batch.labels)
        self.guesses, self.targets = moved(batch.guesses), moved(batch.targets)
        self._begins = lambda: moved(boundaries(batch.owners).astype("int32"))

    @cached_property
    def begins(self) -> Tensor:
        """See `attention.boundaries`; only the variable-length kernel asks."""
        return self._begins()


def hidden_states(
    body: PreTrainedModel, packed: Packed, inputs: Tensor | None = None, places: Tensor | None = None
) -> Tensor:
    """The last layer's vector of every token, [R * W, hidden]; documents do not see each other.

    `inputs` [R, W] stand in place of the batch's own tokens; a `narrowed` body may be told `places`.
    """
    tokens = packed.inputs if inputs is None else inputs
    told = {} if places is None else {"places": places}
    kind = {"token_type_ids": packed.types} if body.config.model_type == "bert" else {}
    if body.config._attn_implementation == VARLEN:
        line = {name: value.view(1, -1) for name, value in kind.items()}
        output = body(
            input_ids=tokens.view(1, -1), position_ids=packed.positions.view(1, -1), begins=packed.begins,
            longest=tokens.shape[1], **line, **told,
        )  # fmt: skip
    else:
        masks = dense_masks(body.config, packed.owners, packed.positions)
        output = body(input_ids=tokens, position_ids=packed.positions, attention_mask=masks, **kind, **told)
    states: Tensor = output.last_hidden_state.flatten(0, 1)
    return states


def states_at(body: PreTrainedModel, packed: Packed, places: Tensor) -> Tensor:
    """The rows `places` [M] of `hidden_states`, [M, hidden].

    A body that is `narrowed` computes no others in its last feed-forward: a tenth of the time of 4 layers that are
    asked for every seventh token.
    """
    if not is_narrowed(body) or not len(places):  # which a pooler could not take
        return hidden_states(body, packed)[places]
    return hidden_states(body, packed, places=places)


class Losses(NamedTuple):
    """One entry a question of the objective: the summed loss in nats, and over how many answers; both [questions]."""

    sums: Tensor
    counts: Tensor

    def mean(self) -> Tensor:
        """The loss of the batch: the mean of each question, added up."""
        return (self.sums / self.counts.clamp(min=1)).sum()


def losses(*questions: tuple[Tensor, int]) -> Losses:
    """From the summed loss and the number of answers of each question."""
    sums = torch.stack([loss.float() for loss, _ in questions])
    return Losses(sums, torch.tensor([count for _, count in questions], dtype=torch.float32, device=sums.device))


class LanguageModel(nn.Module):
    """A network with the heads of `objective`; `forward` returns the losses of its questions.

    `candidates`: a token is guessed among the whole `vocabulary`, or among the distinct answers of the `batch`. The
    latter is softmax over in-batch samples: wrong answers come by frequency, and the loss is not a likelihood.
    `begun`: the network to go on with; else it has random weights.
    """

    def __init__(
        self, shape: Shape, objective: str, candidates: str = "vocabulary", begun: PreTrainedModel | None = None
    ) -> None:
        super().__init__()
        self.objective, self.candidates = objective, candidates
        self.model = language_model(shape, objective) if begun is None else begun
        narrowed(self.body)

    @property
    def body(self) -> PreTrainedModel:
        """What turns tokens into vectors."""
        found: PreTrainedModel = self.model.base_model
        return found

    def bodies(self) -> list[PreTrainedModel]:
        """Every body whose attention is over packed rows."""
        return [self.body]

    def saved(self) -> PreTrainedModel:
        """What is written when training ends."""
        return self.model

    def forward(self, packed: Packed) -> Losses:
        """Cross entropy of the guessed tokens and, for `mlm+nsp`, of the pair labels."""
        paired = self.objective == "mlm+nsp"
        places = torch.cat([packed.guesses, packed.first]) if paired else packed.guesses
        states = states_at(self.body, packed, places)
        asked, first = states[: len(packed.guesses)], states[len(packed.guesses) :]
        guessing = guess_loss(guesser(self.model), asked, packed.targets, self.candidates), len(packed.targets)
        if not paired:
            return losses(guessing)
        pooled = self.body.pooler(first[:, None])
        pairs = functional.cross_entropy(self.model.cls.seq_relationship(pooled), packed.labels, reduction="sum")
        return losses(guessing, (pairs, len(packed.labels)))


def guess_loss(head: Guesser, states: Tensor, targets: Tensor, candidates: str) -> Tensor:
    """Summed cross entropy of guesses, from the states at their places [M, hidden] and the answers [M]; in nats."""
    vectors, weight, bias = head.transform(states), head.weight, head.bias
    if candidates == "batch":
        answers, targets = torch.unique(targets, return_inverse=True)
        weight, bias = weight[answers], None if bias is None else bias[answers]
    return functional.cross_entropy(functional.linear(vectors, weight, bias), targets, reduction="sum")


def random_encoder(folder: Path, seed: int) -> PreTrainedModel:
    """A body of the shape that the config.json of a saved model gives, with random weights drawn from `seed`."""
    config = AutoConfig.from_pretrained(folder, attn_implementation="sdpa")
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModel.from_config(config)
    return model


def saved_encoder(folder: Path, seed: int = 0) -> PreTrainedModel:
    """The body of a saved model (safetensors), in fp32; a pooler that it lacks is drawn from `seed`."""
    torch.manual_seed(seed)
    return saved_model(AutoModel, folder)


def saved_model(kind: Any, folder: Path) -> PreTrainedModel:
    """A saved model (safetensors) as one of transformers' Auto classes reads it, in fp32."""
    model: PreTrainedModel = kind.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", use_safetensors=True, trust_remote_code=False
    )
    return model
