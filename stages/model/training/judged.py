"""The epochs of a run as the validation split judges them, and its best weights so far; a checkpoint holds both.

A run of fine-tuning that is killed goes on as one of pretraining does, and keeps what its epochs were found to be.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from stages.model.training import checkpoint
from stages.model.training.checkpoint import State
from stages.model.training.group import Group

Point = dict[str, float]  # an epoch: `epoch` from 1, `score`
_WEIGHTS, _SCORES = "best/", "scores"  # names in a checkpoint


class Judged(Group):
    """One process; `curve` has a point an epoch, `best_weights` are those of the best."""

    def __init__(self) -> None:
        self.curve: list[Point] = []
        self.best_weights: State = {}

    def judge(self, score: float, model: nn.Module) -> None:
        """Take down the score of one more epoch, and the weights if none was better."""
        self.curve.append({"epoch": len(self.curve) + 1, "score": score})
        if best(self.curve) is self.curve[-1]:
            self.best_weights = copy.deepcopy(dict(model.state_dict()))

    def save(
        self, folder: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer], losses: list[float]
    ) -> None:
        """See Group."""
        scores = torch.tensor([point["score"] for point in self.curve], dtype=torch.float64)
        kept = {f"{_WEIGHTS}{name}": value.cpu().clone() for name, value in self.best_weights.items()}
        checkpoint.save(folder, checkpoint.state_of(model, optimisers) | kept | {_SCORES: scores}, losses)

    def restored(self, state: State, model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> list[float]:
        """See Group."""
        scores: list[float] = state[_SCORES].tolist()
        self.curve = [{"epoch": number, "score": score} for number, score in enumerate(scores, 1)]
        kept: dict[str, Tensor] = {name: value for name, value in state.items() if name.startswith(_WEIGHTS)}
        self.best_weights = {name.removeprefix(_WEIGHTS): value for name, value in kept.items()}
        return super().restored(state, model, optimisers)


def best(curve: Sequence[Point]) -> Point:
    """The epoch of the highest validation score, the earliest of equals."""
    return max(curve, key=lambda point: (point["score"], -point["epoch"]))
