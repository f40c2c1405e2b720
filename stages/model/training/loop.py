"""The training loop: one step after another from a stream of batches, resumable at any of them with the same bits.

Nothing random is carried from step to step: batches are a function of (seed, epoch) and the dropout masks of a step
are seeded by (seed, step). A checkpoint is therefore weights, optimiser state and a number, and a run killed at any
step and resumed ends with the same bytes as one that was not, on the same device with the same number of threads.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from stages.model.networks.network import Packed
from stages.model.training import checkpoint
from stages.model.training.group import ALONE, Group
from stages.model.training.optimiser import learning_rate_factor, optimisers, set_rate
from stages.model.training.randomness import step_seed

_UNREAD = 50  # steps between two looks at the losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How to train: steps, peak rates (per step), clipping (norm), seed, and steps between two checkpoints."""

    steps: int
    learning_rate: float
    muon_learning_rate: float
    optimiser: str
    weight_decay: float
    warmup: float
    clip: float
    seed: int
    checkpoint_every: int = 0

    @classmethod
    def of(cls, how: "Optimised", *, steps: int, seed: int, checkpoint_every: int = 0) -> "Training":
        """So many steps as the parameters of a stage say."""
        return cls(
            steps=steps, learning_rate=how.learning_rate, muon_learning_rate=how.muon_learning_rate,
            optimiser=how.optimiser, weight_decay=how.weight_decay, warmup=how.warmup, clip=how.clip, seed=seed,
            checkpoint_every=checkpoint_every,
        )  # fmt: skip


class Optimised(Protocol):
    """Parameters that say how a network is optimised."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def muon_learning_rate(self) -> float: ...
    @property
    def optimiser(self) -> str: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def clip(self) -> float: ...


class Counted(Protocol):
    """A batch, as the loop sees it."""

    def tokens(self) -> int:
        """Tokens that it teaches."""
        ...


@dataclass(slots=True)
class Progress:
    """What a run did: `losses` [steps] in nats, from the first step on even if resumed; and of this process alone:
    `tokens` of documents, `seconds` in all and `stalled` waiting for batches."""

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    stalled: float = 0.0
    resumed_at: int = 0


def device_named(name: str) -> torch.device:
    """The device for `auto` (a GPU when there is one), `cpu` or `cuda`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def made_deterministic(threads: int) -> None:
    """Pin the number of threads and the kernels, so that the same inputs give the same bits."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a tenth of a small network's time, and of no use


def train(
    model: nn.Module,
    loss_of: Callable[[Any], Tensor],
    batches: Iterator[Counted],
    how: Training,
    device: torch.device,
    checkpoints: Path | None = None,
    observe: Callable[[int], None] | None = None,
    place: Callable[[Any, torch.device], Any] = Packed,
    group: Group = ALONE,
) -> Progress:
    """Train `model` in place for `how.steps` batches, resuming from the newest sound checkpoint in `checkpoints`.

    `observe` is called after each step with the number of steps done. `place` puts a batch on the device for `loss_of`.
    `group` is who else trains the same model on the other rows of each batch.
    """
    model.train()
    chosen = optimisers(model, how.optimiser, how.learning_rate, how.weight_decay, how.muon_learning_rate)
    progress = Progress()
    if checkpoints is not None and (found := checkpoint.newest(checkpoints)):
        progress.losses = group.restored(checkpoint.read(found[1]), model, chosen)
        progress.resumed_at = found[0]
    start = time.perf_counter()
    fresh: list[Tensor] = []  # losses that still lie on the device: reading one waits for all that was asked of it
    for step, batch in _timed(islice(batches, progress.resumed_at, how.steps), progress):
        fresh.append(_stepped(model, loss_of, place(batch, device), how, step, chosen, group))
        progress.tokens += batch.tokens()
        due = checkpoints is not None and how.checkpoint_every and (step + 1) % how.checkpoint_every == 0
        if due or len(fresh) >= _UNREAD:
            _read(fresh, progress.losses, group)
        if observe is not None:
            observe(step + 1)
        if due and checkpoints is not None:
            group.save(checkpoints, model, chosen, progress.losses)
    _read(fresh, progress.losses, group)
    progress.seconds = time.perf_counter() - start
    return progress


def _timed(batches: Iterator[Counted], progress: Progress) -> Iterator[tuple[int, Counted]]:
    step = progress.resumed_at
    while True:
        before = time.perf_counter()
        batch = next(batches, None)
        progress.stalled += time.perf_counter() - before
        if batch is None:
            return
        yield step, batch
        step += 1


def _read(fresh: list[Tensor], losses: list[float], group: Group) -> None:
    """Move the losses of the last steps to `losses`. Raises FloatingPointError where one is not finite."""
    if not fresh:
        return
    for value in group.averaged(torch.stack(fresh)).tolist():
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {len(losses)}; lower learning_rate")
        losses.append(value)
    fresh.clear()


def _stepped(
    model: nn.Module,
    loss_of: Callable[[Any], Tensor],
    placed: Any,
    how: Training,
    step: int,
    chosen: list[torch.optim.Optimizer],
    group: Group,
) -> Tensor:
    """One optimiser step; returns its loss in nats, still on the device."""
    torch.manual_seed(step_seed(how.seed, step, group.rank))
    set_rate(chosen, learning_rate_factor(step, how.steps, how.warmup))
    loss = loss_of(placed)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), how.clip)
    for optimiser in chosen:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return loss.detach().double()
