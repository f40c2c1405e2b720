"""The training loop: killed and resumed gives the same bits; a torn checkpoint is skipped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import torch

from stages.model.networks.architectures import Shape
from stages.model.networks.attention import implementation
from stages.model.networks.network import LanguageModel
from stages.model.pretraining.objectives import Recipe, cut, epoch_batches
from stages.model.training import checkpoint
from stages.model.training.loop import Training, made_deterministic, train
from tests.stages.model.test_objectives import corpus

CPU = torch.device("cpu")
STEPS, EVERY = 14, 4
SHAPE = Shape(layers=1, hidden=32, heads=2, feed_forward=64, width=32, vocabulary=5000, dropout=0.1)
RECIPE = Recipe(objective="mlm+nsp", width=32, rows=4, mask_rate=0.3, seed=1, vocabulary=5000)


def trained(
    folder: Path | None, optimiser: str = "muon", observe: Callable[[int], None] | None = None, bf16: bool = False
) -> tuple[LanguageModel, list[float]]:
    """A tiny model after STEPS steps, and its losses."""
    made_deterministic(1)
    how = Training(
        steps=STEPS, learning_rate=1e-3, muon_learning_rate=1e-2, optimiser=optimiser, weight_decay=0.01, warmup=0.1,
        clip=1.0, seed=3, checkpoint_every=EVERY,
    )  # fmt: skip
    torch.manual_seed(3)
    model = LanguageModel(SHAPE, RECIPE.objective)
    model.body.set_attn_implementation(implementation(CPU, bf16))
    parts = cut(corpus(30, 25), RECIPE)
    stream = (batch for epoch in count() for batch in epoch_batches(parts, RECIPE, epoch))
    low = torch.autocast("cpu", torch.bfloat16, enabled=bf16)
    progress = train(model, low(lambda packed: model(packed).mean()), stream, how, CPU, folder, observe)
    return model, progress.losses


def equal(first: LanguageModel, second: LanguageModel) -> bool:
    """Are all weights equal, bit for bit?"""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Stopped(Exception):
    """The run was stopped by the test."""


@pytest.mark.parametrize(("optimiser", "bf16"), [("adamw", False), ("muon", False), ("adamw", True)])
def test_a_stopped_run_resumes_with_the_same_bits(tmp_path: Path, optimiser: str, bf16: bool) -> None:
    """Stopped between two checkpoints and resumed: same weights and losses as in one go, dropout included."""

    def stop(done: int) -> None:
        if done == 10:
            raise Stopped

    with pytest.raises(Stopped):
        trained(tmp_path, optimiser, stop, bf16)
    resumed, losses = trained(tmp_path, optimiser, bf16=bf16)
    whole, expected = trained(None, optimiser, bf16=bf16)
    assert equal(resumed, whole)
    assert losses == expected


def test_a_killed_process_resumes_with_the_same_bits(tmp_path: Path) -> None:
    """kill -9 in the middle of a run, then another process: same weights."""
    script = (
        "import os, signal, sys; from pathlib import Path; from tests.stages.model.test_loop import trained; "
        "trained(Path(sys.argv[1]), observe=lambda done: os.kill(os.getpid(), signal.SIGKILL) if done == 9 else None)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=os.environ | {"PYTHONPATH": "."})
    assert killed.returncode == -signal.SIGKILL
    assert checkpoint.newest(tmp_path) is not None
    assert equal(trained(tmp_path)[0], trained(None)[0])


def test_a_torn_checkpoint_is_skipped(tmp_path: Path) -> None:
    """A checkpoint with a wrong byte, or without its manifest, is not loaded."""
    trained(tmp_path)
    found = checkpoint.newest(tmp_path)
    assert found is not None and found[0] == 12
    state = found[1] / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1] + b"\x00\x01")
    (tmp_path / "step-000099").mkdir()
    assert checkpoint.newest(tmp_path) is None


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    """A diverged run ends with an error that names the step."""
    made_deterministic(1)
    model = LanguageModel(SHAPE, "mlm+nsp")
    how = Training(
        steps=2, learning_rate=1e-3, muon_learning_rate=0.0, optimiser="adamw", weight_decay=0.0, warmup=0.1,
        clip=1.0, seed=1,
    )  # fmt: skip
    batches = epoch_batches(cut(corpus(10, 25), RECIPE), RECIPE, 0)
    with pytest.raises(FloatingPointError, match="at step 0"):
        train(model, lambda packed: model(packed).mean() * float("nan"), batches, how, torch.device("cpu"))
