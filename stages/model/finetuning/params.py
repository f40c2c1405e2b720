"""Parameters of the stage `finetune`; imports nothing heavy, so that a fresh stage starts at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from stages.model.training.device import Device

AUGMENTED = "-augmented"  # end of the name of a system that learns from copies too
System = Literal["scratch", "pretrained", "scratch-augmented", "pretrained-augmented"]


def below(values: object, least: int, *names: str) -> list[str]:
    """What is wrong with parameters that must be at least so much."""
    found = {name: getattr(values, name) for name in names}
    return [f"{name} is {value}, must be >= {least}" for name, value in found.items() if value < least]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneParams:
    """What to learn and how to train; the same for every system and seed."""

    task: str  # a task of the block `label`
    width: int  # tokens a row, separators included; a longer text is cut or read in windows, by kind
    epochs: int
    rows: int  # rows of `width` tokens a step
    optimiser: Literal["adamw", "muon"]  # muon: for the matrices inside the layers
    learning_rate: float  # peak, per step
    muon_learning_rate: float  # peak for the matrices inside the layers, where optimiser is muon
    weight_decay: float  # per step, times the learning rate
    warmup: float  # share of the steps
    clip: float  # norm of the gradient
    dropout: float  # before the linear layer
    threads: int
    device: Device  # auto: cuda where there is one
    patience: int = 0  # epochs without a better validation score after which training ends; 0: all epochs are run

    def __post_init__(self) -> None:
        problems = below(self, 1, "epochs", "rows", "threads") + below(self, 8, "width") + below(self, 0, "patience")
        if problems:
            raise ValueError("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassParams:
    """Classes of texts and pairs of texts."""

    pooling: Literal["mean", "cls"] = "mean"
    class_weights: Literal["none", "balanced"] = "none"  # balanced: a class counts the more, the rarer it is


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkParams:
    """Spans, and relations between them."""

    class_weights: Literal["none", "balanced"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerParams:
    """Questions that the text answers in its own words."""

    stride: int = 0  # tokens from one window over a long text to the next; 0: half of what a window holds
    longest_answer: int = 30  # tokens

    def __post_init__(self) -> None:
        if problems := below(self, 1, "longest_answer") + below(self, 0, "stride"):
            raise ValueError("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingParams:
    """Texts to produce: `encoder-decoder` for translations and summaries, `causal` for replies."""

    generator: Literal["encoder-decoder", "causal"] = "encoder-decoder"
    longest_target: int = 64  # tokens of a text to produce; longer ones lose their end
    beams: int = 1  # unfinished texts that are followed at once; 1: the likeliest token is taken each time

    def __post_init__(self) -> None:
        if problems := below(self, 2, "longest_target") + below(self, 1, "beams"):
            raise ValueError("\n".join(problems))


PARAMS_OF: dict[str, type] = {
    "classification": ClassParams, "multilabel": ClassParams, "pairs": ClassParams, "spans": MarkParams,
    "relations": MarkParams, "questions": AnswerParams, "generation": WritingParams,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsParams:
    """Which runs there are: every system with every seed."""

    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])  # a run each
    systems: list[System] = field(default_factory=lambda: ["scratch", "pretrained"])
    accept_unfit: bool = False  # train on a task whose annotators agree less than it asks for

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {values}, must be one or more different {what}"
            for name, values, what in (("seeds", self.seeds, "numbers"), ("systems", self.systems, "names"))
            if not values or len(set(values)) != len(values)
        ]
        if unknown := [name for name in self.systems if name not in get_args(System)]:
            problems.append(f"systems has {', '.join(unknown)}, must be among {', '.join(get_args(System))}")
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def augmented(self) -> list[str]:
        """The systems that learn from copies."""
        return [name for name in self.systems if name.endswith(AUGMENTED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParams:
    """One run: where its weights come from and whether it learns from copies (`system`), and its seed.

    `seed` decides weights, order and dropout; `kind` is the task's, `of_kind` what only that kind asks.
    """

    kind: str
    system: System
    seed: int
    how: FinetuneParams
    of_kind: Any  # of the class that PARAMS_OF names

    @property
    def from_scratch(self) -> bool:
        """Does it start from random weights?"""
        return self.system.removesuffix(AUGMENTED) == "scratch"

    @property
    def augmented(self) -> bool:
        """Does it learn from the copies of `augment` too?"""
        return self.system.endswith(AUGMENTED)
