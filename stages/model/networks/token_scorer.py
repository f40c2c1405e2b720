"""The token scorer: an encoder and one linear layer over the tokens that are asked; saved as plain files.

A saved folder holds encoder/ and head.safetensors as the classifier's does, and scorer.json (what each score is of,
asked tokens to a row of scores, tokens a row, and what the kind of task adds).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from stages.model.networks.architectures import narrowed
from stages.model.networks.classifier import save_parts
from stages.model.networks.network import Packed, saved_encoder, states_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a reader of the weights must know."""

    labels: list[str]
    width: int
    together: int = 1
    """Asked tokens whose vectors stand side by side for one row of scores."""
    more: Mapping[str, Any] = field(default_factory=dict)


class TokenScorer(nn.Module):
    """`forward` returns the scores of what is asked of a batch, [M / together, labels]."""

    def __init__(self, encoder: PreTrainedModel, said: Scores, dropout: float) -> None:
        super().__init__()
        self.encoder, self.together = narrowed(encoder), said.together
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.config.hidden_size * said.together, len(said.labels))
        nn.init.normal_(self.output.weight, std=encoder.config.initializer_range)
        nn.init.zeros_(self.output.bias)

    def forward(self, packed: Packed) -> Tensor:
        """Scores at the places `packed.guesses`, in their order."""
        states = states_at(self.encoder, packed, packed.guesses)
        return self.output(self.dropout(states.view(-1, self.together * states.shape[1])))


def save(model: TokenScorer, said: Scores, out: Path) -> None:
    """Write the folder described above."""
    save_parts(model.encoder, model.output, out)
    text = json.dumps(asdict(said), ensure_ascii=False, indent=1, sort_keys=True)
    (out / "scorer.json").write_text(text, encoding="utf-8")


def load(folder: Path) -> tuple[TokenScorer, Scores]:
    """Read the folder described above, ready to predict."""
    said = Scores(**json.loads((folder / "scorer.json").read_text(encoding="utf-8")))
    model = TokenScorer(saved_encoder(folder / "encoder"), said, dropout=0.0)
    model.output.load_state_dict(load_file(folder / "head.safetensors"))
    return model.eval(), said
