"""Who trains a model: this process alone, or several, each on its rows of every batch.

alone    one process
ddp      every process holds the model; gradients are averaged (DistributedDataParallel)
fsdp     every process holds a part of each weight and of its optimiser state (FSDP2, `fully_shard`)
What a batch is does not depend on the group, and the loss is that of the whole batch; the last bits of a sum do, so the
number of processes is part of a run's identity. A checkpoint holds whole weights, whoever wrote it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from stages.model.networks.network import Losses
from stages.model.pretraining.objectives import Share
from stages.model.training import checkpoint
from stages.model.training.checkpoint import State

Parallel = Literal["ddp", "fsdp"]


class Group:
    """One process that trains alone; see the module."""

    rank, world = 0, 1

    @property
    def share(self) -> Share:
        """The rows of each batch that this process trains on."""
        return Share(self.rank, self.world)

    def joined(self, model: nn.Module, layers: list[nn.Module]) -> nn.Module:
        """The module to call forward of; `layers` of the model may be put apart."""
        return model

    def loss(self, found: Losses) -> Tensor:
        """What this process must minimise, so that all together minimise the mean over the whole batch."""
        return found.mean()

    def averaged(self, values: Tensor) -> Tensor:
        """The mean of `values` over the processes."""
        return values

    def save(
        self, folder: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer], losses: list[float]
    ) -> None:
        """Write a checkpoint."""
        checkpoint.save(folder, checkpoint.state_of(model, optimisers), losses)

    def restored(self, state: State, model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> list[float]:
        """Put a checkpoint's state in place; returns the losses so far."""
        return checkpoint.restore(state, model, optimisers)

    def weights(self, model: nn.Module) -> State | None:
        """All weights of the model; None in a process that is not to write them."""
        return dict(model.state_dict())


ALONE = Group()


class Replicas(Group):
    """Processes that each hold the whole model."""

    def __init__(self) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def joined(self, model: nn.Module, layers: list[nn.Module]) -> nn.Module:
        """The model under DistributedDataParallel."""
        return DistributedDataParallel(model)

    def loss(self, found: Losses) -> Tensor:
        """The sums of this process over the counts of all, times their number: gradients are averaged afterwards."""
        counts = found.counts.detach().clone()
        dist.all_reduce(counts)
        return (found.sums / counts.clamp(min=1)).sum() * self.world

    def averaged(self, values: Tensor) -> Tensor:
        """See Group."""
        total = values.clone()
        dist.all_reduce(total)
        return total / self.world

    def save(
        self, folder: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer], losses: list[float]
    ) -> None:
        """The first process writes; the others wait, so that none is a checkpoint ahead."""
        if self.rank == 0:
            super().save(folder, model, optimisers, losses)
        dist.barrier()


class Shards(Replicas):
    """Processes that each hold a part of every weight."""

    def joined(self, model: nn.Module, layers: list[nn.Module]) -> nn.Module:
        """The model with each of `layers` and the rest sharded over the processes, in place."""
        for layer in layers:
            fully_shard(layer)
        return fully_shard(model)

    def save(
        self, folder: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer], losses: list[float]
    ) -> None:
        """Gather everything to the first process, which writes."""
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        state = {f"model/{name}": value for name, value in get_model_state_dict(model, options=options).items()}
        found = get_optimizer_state_dict(model, optimisers, options=options).get("state", {})  # empty but in the first
        state |= {f"optimiser/{name}/{key}": value for name, part in found.items() for key, value in part.items()}
        if self.rank == 0:
            checkpoint.save(folder, {name: value.clone().contiguous() for name, value in state.items()}, losses)
        dist.barrier()

    def restored(self, state: State, model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> list[float]:
        """Every process reads the whole state and keeps its part."""
        options = StateDictOptions(full_state_dict=True)
        weights = {name.removeprefix("model/"): value for name, value in state.items() if name.startswith("model/")}
        set_model_state_dict(model, weights, options=options)
        groups = get_optimizer_state_dict(model, optimisers, options=options)["param_groups"]
        parts: dict[str, dict[str, Tensor]] = {}
        for name, value in state.items():
            if name.startswith("optimiser/"):
                parameter, key = name.removeprefix("optimiser/").rsplit("/", 1)
                parts.setdefault(parameter, {})[key] = value
        set_optimizer_state_dict(model, optimisers, {"state": parts, "param_groups": groups}, options=options)
        return [float(loss) for loss in state["losses"].tolist()]

    def weights(self, model: nn.Module) -> State | None:
        """See Group."""
        found = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
        return found if self.rank == 0 else None


def entered(parallel: Parallel, device: torch.device) -> Group:
    """The group that `torchrun` started this process in, or ALONE. Call `left` at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Shards() if parallel == "fsdp" else Replicas()


def left(group: Group) -> None:
    """Wait for the others and leave."""
    if group.world > 1:
        dist.barrier()
        dist.destroy_process_group()
