"""Parameters of the stage `pretrain`; imports nothing heavy, so that a fresh stage starts at once."""

from dataclasses import dataclass
from typing import Literal

from stages.model.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainParams:
    """Network, objective, data and optimiser of one pretraining run."""

    objective: Literal["mlm", "mlm+nsp", "clm"]
    layers: int
    hidden: int  # width of a token's vector
    heads: int
    feed_forward: int  # width of the inner layer
    width: int  # tokens a row; longer documents are cut into pieces
    dropout: float
    mask_rate: float  # share of tokens to guess
    candidates: Literal[
        "vocabulary", "batch"
    ]  # what a token is guessed among; `batch` costs a third on a small network
    tokens: int  # token positions to train on, all epochs together; the run stops there
    rows: int  # rows a step
    focus_task: str  # documents of this labelling task are seen in every epoch
    background_share: float  # tokens of other documents / tokens of the focus documents, in every epoch
    optimiser: Literal["adamw", "muon"]
    learning_rate: float  # peak, per step
    muon_learning_rate: float  # peak for the matrices inside the layers, where optimiser is muon
    weight_decay: float
    warmup: float  # share of the steps
    clip: float  # norm of the gradient
    seed: int
    checkpoint_every: int  # steps; 0 = never
    threads: int  # part of the result: another number of threads gives other bits
    device: Device

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {getattr(self, name)}, must be >= 1"
            for name in ("layers", "hidden", "heads", "feed_forward", "tokens", "rows", "threads")
            if getattr(self, name) < 1
        ]
        if self.heads > 0 and self.hidden % self.heads:
            problems.append(f"hidden is {self.hidden}, must be a multiple of heads ({self.heads})")
        if self.width < 8:
            problems.append(f"width is {self.width}, must be >= 8")
        if not 0 < self.mask_rate < 1:
            problems.append(f"mask_rate is {self.mask_rate}, must be between 0 and 1")
        if not 0 <= self.dropout < 1:
            problems.append(f"dropout is {self.dropout}, must be >= 0 and < 1")
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def steps(self) -> int:
        """Optimiser steps that the token budget pays for, at least one."""
        return max(1, self.tokens // (self.rows * self.width))
