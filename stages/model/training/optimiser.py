"""Optimisers and the learning-rate schedule.

`adamw`: AdamW with decoupled decay on matrices only. `muon`: orthogonalised momentum for the matrices inside the layers
(Jordan et al. 2024; `torch.optim.Muon`) and AdamW for embeddings, heads, biases and norms.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import Parameter

from stages.model.networks.architectures import INNER

OPTIMISERS = ("adamw", "muon")
_BETAS = (0.9, 0.98)


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate at `step` of `steps`: linear up over the share `warmup`, then linear down to zero."""
    ramp = max(1, math.ceil(steps * warmup))
    if step < ramp:
        return (step + 1) / ramp
    return max(0.0, (steps - step) / max(1, steps - ramp))


def optimisers(
    model: nn.Module, name: str, rate: float, weight_decay: float, muon_rate: float
) -> list[torch.optim.Optimizer]:
    """The optimisers of a run; each parameter group keeps its peak rate under `peak`."""
    named = [(key, value) for key, value in model.named_parameters() if value.requires_grad]
    inner = {key for key, value in named if name == "muon" and value.ndim == 2 and any(part in key for part in INNER)}
    rest = [(key, value) for key, value in named if key not in inner]
    adamw: torch.optim.Optimizer = torch.optim.AdamW(
        _decay_groups(rest, weight_decay), lr=rate, betas=_BETAS, eps=1e-8, fused=True
    )
    chosen = [adamw]
    if inner:
        matrices = [value for key, value in named if key in inner]
        chosen.append(torch.optim.Muon(matrices, lr=muon_rate, weight_decay=weight_decay))
    for optimiser in chosen:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return chosen


def _decay_groups(named: Iterable[tuple[str, Parameter]], weight_decay: float) -> list[dict[str, Any]]:
    named = list(named)
    return [
        {"params": [value for _, value in named if value.ndim >= 2], "weight_decay": weight_decay},
        {"params": [value for _, value in named if value.ndim < 2], "weight_decay": 0.0},
    ]


def set_rate(chosen: Iterable[torch.optim.Optimizer], factor: float) -> None:
    """Set every group to `factor` times its peak rate."""
    for optimiser in chosen:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor
