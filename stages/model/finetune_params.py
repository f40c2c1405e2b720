"""Parameters of the stage `finetune`; imports nothing heavy, so that a fresh stage starts at once."""

from dataclasses import dataclass, field
from typing import Literal

from stages.model.device import Device

System = Literal["scratch", "pretrained"]
SYSTEMS: tuple[System, ...] = ("scratch", "pretrained")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneParams:
    """What to classify and how to train the classifier; the same for every system and seed."""

    task: str  # classification task of the block `label`
    pooling: Literal["mean", "cls"]
    width: int  # tokens of a document, separators included; of a longer one, the first and the last half are kept
    epochs: int
    rows: int  # rows of `width` tokens a step
    optimiser: Literal["adamw", "muon"]
    learning_rate: float  # peak, per step
    muon_learning_rate: float
    weight_decay: float
    warmup: float  # share of the steps
    clip: float
    dropout: float  # before the linear layer
    use_augmented: bool  # train on the copies of `augment` too
    threads: int
    device: Device

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {getattr(self, name)}, must be >= 1"
            for name in ("epochs", "rows", "threads")
            if getattr(self, name) < 1
        ]
        if self.width < 8:
            problems.append(f"width is {self.width}, must be >= 8")
        if problems:
            raise ValueError("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsParams:
    """Which runs there are: every system with every seed."""

    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])
    accept_unfit: bool = False  # train on a task whose annotators agree less than it asks for

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds is {self.seeds}, must be one or more different numbers")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParams:
    """One run: `system` starts from random or from pretrained weights, `seed` decides weights, order and dropout."""

    system: System
    seed: int
    how: FinetuneParams
