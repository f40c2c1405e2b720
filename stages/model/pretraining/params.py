"""Parameters of the stage `pretrain`; imports nothing heavy, so that a fresh stage starts at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stages.model.training.device import Device, Precision

NETWORKS: dict[str, dict[str, int]] = {
    "tiny": {"layers": 2, "hidden": 64, "heads": 1, "feed_forward": 256},  # a minute on a CPU
    "base": {"layers": 12, "hidden": 768, "heads": 12, "feed_forward": 3072},  # BERT-base: 110M parameters
    "large": {"layers": 24, "hidden": 1024, "heads": 16, "feed_forward": 4096},  # BERT-large: 335M
}
OBJECTIVES = {"bert": ("mlm", "mlm+nsp", "rtd"), "modernbert": ("mlm", "rtd"), "gpt": ("clm",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainParams:
    """Network, objective, data and optimiser of one pretraining run."""

    objective: Literal["mlm", "mlm+nsp", "rtd", "clm"]
    architecture: Literal["bert", "modernbert", "gpt"] = "bert"
    network: str | dict[str, int]  # a name in NETWORKS, or layers, hidden, heads and feed_forward
    start: dict[str, str] | None = None  # folder, sha256 of model.safetensors, config (of config.json): go on from it
    width: int  # tokens a row; longer documents are cut into pieces
    dropout: float  # share of activations set to 0 while training
    mask_rate: float  # share of tokens to guess
    candidates: Literal[
        "vocabulary", "batch"
    ]  # what a token is guessed among; `batch` costs a third on a small network
    tokens: int  # token positions to train on, all epochs together; 0: those of `start`, as they are
    rows: int  # rows a step
    focus_task: str  # documents of this labelling task are seen in every epoch
    background_share: float  # tokens of other documents / tokens of the focus documents, in every epoch
    optimiser: Literal["adamw", "muon"]
    learning_rate: float  # peak, per step
    muon_learning_rate: float  # peak for the matrices inside the layers, where optimiser is muon
    weight_decay: float  # per step, times the learning rate
    warmup: float  # share of the steps
    clip: float  # norm of the gradient
    seed: int  # of weights, masks and order
    checkpoint_every: int  # steps; 0 = never
    threads: int  # part of the result: another number of threads gives other bits
    device: Device
    precision: Precision = "auto"  # of the arithmetic; weights and optimiser are kept in fp32
    compile: bool = False  # by torch.compile: worth it where a run is long
    processes: int = 1  # each trains on its rows of every batch; part of the result, not of what a batch is
    parallel: Literal["ddp", "fsdp"] = "ddp"  # whole weights in each process, or a part of each

    def __post_init__(self) -> None:
        problems = _sizes_problems(self.network)
        problems += [
            f"{name} is {getattr(self, name)}, must be >= 1"
            for name in ("rows", "threads", "processes")
            if getattr(self, name) < 1
        ]
        if self.objective not in OBJECTIVES[self.architecture]:
            known = ", ".join(OBJECTIVES[self.architecture])
            problems.append(f"objective is {self.objective}, must be one of {known} for a {self.architecture}")
        if self.width < 8:
            problems.append(f"width is {self.width}, must be >= 8")
        if not 0 < self.mask_rate < 1:
            problems.append(f"mask_rate is {self.mask_rate}, must be between 0 and 1")
        if not 0 <= self.dropout < 1:
            problems.append(f"dropout is {self.dropout}, must be >= 0 and < 1")
        if self.processes > 0 and self.rows % self.processes:
            problems.append(f"rows is {self.rows}, must be a multiple of processes ({self.processes})")
        if self.parallel == "fsdp" and self.optimiser == "muon":
            problems.append("optimiser is muon, must be adamw where parallel is fsdp: muon needs whole matrices")
        if self.tokens < (0 if self.start else 1):
            problems.append(f"tokens is {self.tokens}, must be >= 1; with `start` it may be 0")
        if self.start is not None and set(self.start) != {"folder", "sha256", "config"}:
            problems.append(
                f"start is {self.start}, must have `folder`, `sha256` (of its model.safetensors) and `config` (sha256 "
                "of its config.json)"
            )
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def sizes(self) -> Mapping[str, int]:
        """layers, hidden, heads and feed_forward."""
        return NETWORKS[self.network] if isinstance(self.network, str) else self.network

    @property
    def steps(self) -> int:
        """Optimiser steps that the token budget pays for: at least one, if there are any tokens."""
        return max(min(1, self.tokens), self.tokens // (self.rows * self.width))


def _sizes_problems(network: Any) -> list[str]:
    """What is wrong with the value of `network`."""
    names = NETWORKS["tiny"]
    if isinstance(network, str):
        known = ", ".join(NETWORKS)
        return (
            [] if network in NETWORKS else [f"network is {network}, must be one of {known}, or {{{', '.join(names)}}}"]
        )
    if set(network) != set(names):
        return [f"network is {network}, must have {', '.join(names)}"]
    problems = [f"network.{name} is {value}, must be >= 1" for name, value in network.items() if value < 1]
    if not problems and network["hidden"] % network["heads"]:
        problems.append(f"network.hidden is {network['hidden']}, must be a multiple of heads ({network['heads']})")
    return problems
