"""One process of a run: lower precision and compiled code find the losses of plain arithmetic, but for rounding."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.model.pretraining.rank import main
from stages.model.training.launch import launch
from tests.stages.model.test_group import job, losses

NEEDS_COMPILER = pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({"precision": "bf16"}, 0.02),
        pytest.param({"compile": True, "precision": "bf16"}, 0.02, marks=[pytest.mark.nightly, NEEDS_COMPILER]),
    ],
)
def test_another_way_to_compute_finds_the_same_losses(tmp_path: Path, changes: dict[str, Any], near: float) -> None:
    """Of every step, masked words and pairs; and they are not the same bits, so that it was computed in that way."""
    plain, other = (job(tmp_path / name, dropout=0.0, **more) for name, more in (("plain", {}), ("other", changes)))
    for given in (plain, other):
        launch(main, given, 1)
    torch.compiler.reset()
    assert losses(other) == pytest.approx(losses(plain), abs=near)
    parts = [Path(str(given["out"]), "model.safetensors").read_bytes() for given in (plain, other)]
    assert parts[0] != parts[1]
