"""An exported form of a model, called as our own network is: so each kind of task predicts with it as with its own.

A network of ours takes texts packed into rows and says what is asked of them; an exported one takes a padded batch and
scores whole texts or every token. Shapes: D texts, L tokens of the longest, M asked tokens.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from stages.model.networks.network import Packed
from stages.model.tokens.tokenizer import PAD_ID
from stages.publication.models.onnx_files import Batch, Scorer
from stages.publication.models.weights import Exported, Scores


class Called(nn.Module):
    """`forward` of packed texts: scores as a Classifier or a TokenScorer returns them; `said` keeps them all."""

    def __init__(self, given: Exported, scorer: Scorer | None = None) -> None:
        """By default torch computes, else `scorer`."""
        super().__init__()
        self.network, self.given = Scores(given), given
        self._scorer = scorer or self._by_torch
        self.said: list[np.ndarray] = []

    def _by_torch(self, batch: Batch) -> np.ndarray:
        with torch.inference_mode():
            return self.network(**{name: torch.from_numpy(values) for name, values in batch.items()}).numpy()

    def forward(self, packed: Packed) -> Tensor:
        """As the class says."""
        owner, inside = asked(packed)
        batch = padded(packed, self.given.inputs)
        pairs = self.given.form == "two vectors"
        scores = self._scorer({**batch, "places": inside.reshape(-1, 2)} if pairs else batch)
        self.said.append(scores[owner, inside] if scores.ndim == 3 else scores)
        return torch.from_numpy(self.said[-1])


def asked(packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Of each asked token its text and its place there, both [M]."""
    guesses = packed.guesses.numpy()
    owner = packed.owners.flatten().numpy()[guesses] - 1
    return owner, guesses - packed.first.numpy()[owner]


def padded(packed: Packed, names: tuple[str, ...]) -> Batch:
    """The texts of a batch of rows, one below the other, [D, L] each."""
    owners = packed.owners.flatten()
    lengths = torch.bincount(owners, minlength=len(packed.first) + 1)[1:]
    inside = torch.arange(int(lengths.max()))
    mask = inside < lengths[:, None]
    places = torch.where(mask, packed.first[:, None] + inside, 0)
    found = {
        "input_ids": torch.where(mask, packed.inputs.flatten()[places], PAD_ID), "attention_mask": mask.long(),
        "token_type_ids": torch.where(mask, packed.types.flatten()[places], 0),
    }  # fmt: skip
    return {name: found[name].numpy() for name in names}
