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

from stages.model import checkpoint
from stages.model.network import Packed
from stages.model.optimiser import learning_rate_factor, optimisers, set_rate
from stages.model.randomness import step_seed


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


def train(
    model: nn.Module,
    loss_of: Callable[[Any], Tensor],
    batches: Iterator[Counted],
    how: Training,
    device: torch.device,
    checkpoints: Path | None = None,
    observe: Callable[[int], None] | None = None,
    place: Callable[[Any, torch.device], Any] = Packed,
) -> Progress:
    """Train `model` in place for `how.steps` batches, resuming from the newest sound checkpoint in `checkpoints`.

    `observe` is called after each step with the number of steps done. `place` puts a batch on the device for `loss_of`.
    """
    model.train()
    chosen = optimisers(model, how.optimiser, how.learning_rate, how.weight_decay, how.muon_learning_rate)
    progress = Progress()
    if checkpoints is not None and (found := checkpoint.newest(checkpoints)):
        progress.losses = checkpoint.restore(found[1], model, chosen)
        progress.resumed_at = found[0]
    start = time.perf_counter()
    for step, batch in _timed(islice(batches, progress.resumed_at, how.steps), progress):
        loss = _stepped(model, loss_of, place(batch, device), how, step, chosen)
        progress.losses.append(loss)
        progress.tokens += batch.tokens()
        if checkpoints is not None and how.checkpoint_every and (step + 1) % how.checkpoint_every == 0:
            checkpoint.save(checkpoints, model, chosen, progress.losses)
        if observe is not None:
            observe(step + 1)
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


def _stepped(
    model: nn.Module,
    loss_of: Callable[[Any], Tensor],
    placed: Any,
    how: Training,
    step: int,
    chosen: list[torch.optim.Optimizer],
) -> float:
    """One optimiser step; returns its loss in nats. Raises FloatingPointError where the loss is not finite."""
    torch.manual_seed(step_seed(how.seed, step))
    set_rate(chosen, learning_rate_factor(step, how.steps, how.warmup))
    loss = loss_of(placed)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value} at step {step}; lower learning_rate")
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), how.clip)
    for optimiser in chosen:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return value
