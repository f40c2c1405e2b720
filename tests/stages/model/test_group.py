"""Several processes: each batch is the same whoever trains, the loss is that of the whole batch, a kill costs nothing.

Real processes over gloo, started by torchrun as the stage starts them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from catalog.errors import GristmillError
from stages.model.pretraining.objectives import WHOLE, Recipe, Share, cut, epoch_batches
from stages.model.pretraining.params import PretrainParams
from stages.model.pretraining.rank import main
from stages.model.training.batches import Batch
from stages.model.training.checkpoint import newest
from stages.model.training.launch import launch
from tests.stages.model.test_objectives import corpus

PARAMS = PretrainParams(
    objective="mlm+nsp", network={"layers": 2, "hidden": 32, "heads": 2, "feed_forward": 64}, width=32, dropout=0.1,
    mask_rate=0.3, candidates="vocabulary", tokens=14 * 8 * 32, rows=8, focus_task="", background_share=0.0,
    optimiser="adamw", learning_rate=1e-3, muon_learning_rate=1e-2, weight_decay=0.01, warmup=0.1, clip=1.0, seed=3,
    checkpoint_every=4, threads=1, device="cpu", precision="fp32",
)  # fmt: skip
VOCABULARY = 5000


def job(folder: Path, **changes: object) -> dict[str, object]:
    """A run in `folder`, its corpus written."""
    found = corpus(40, 25)
    (folder / "corpus").mkdir(parents=True)
    (folder / "out").mkdir()
    for name in ("tokens", "offsets", "keys"):
        np.save(folder / "corpus" / f"{name}.npy", getattr(found, name))
    return {"params": asdict(PARAMS) | changes, "vocabulary": VOCABULARY, "out": str(folder / "out")}


def weights(given: dict[str, object]) -> dict[str, np.ndarray]:
    """What a run wrote."""
    return load_file(Path(str(given["out"]), "model.safetensors"))


def losses(given: dict[str, object]) -> list[float]:
    """The loss of each step of a run."""
    return json.loads(Path(str(given["out"]), "history.json").read_text(encoding="utf-8"))["loss"]


@pytest.mark.parametrize("objective", ["mlm", "mlm+nsp", "clm"])
def test_the_rows_of_all_processes_are_the_batch(objective: str) -> None:
    """Side by side in the order of their ranks, masks and labels included; the last batch has empty rows."""
    recipe = Recipe(objective=objective, width=32, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)
    parts = cut(corpus(50, 60), recipe)
    whole = list(epoch_batches(parts, recipe, 2, WHOLE))
    shared = [list(epoch_batches(parts, recipe, 2, Share(rank, 4))) for rank in range(4)]
    assert len({len(whole), *map(len, shared)}) == 1
    for batch, *ranks in zip(whole, *shared, strict=True):
        for field in ("inputs", "positions", "types", "labels", "targets"):
            assert np.array_equal(np.concatenate([getattr(part, field) for part in ranks]), getattr(batch, field))
        assert [part.inputs.shape for part in ranks] == [(2, 32)] * 4
        assert sum(map(Batch.tokens, ranks)) == batch.tokens()


def test_two_processes_find_the_losses_of_one(tmp_path: Path) -> None:
    """Without dropout the runs differ by rounding alone: the data order and the loss do not depend on their number."""
    one, two, parts = (
        job(tmp_path / name, dropout=0.0, processes=processes, parallel=parallel)
        for name, processes, parallel in (("one", 1, "ddp"), ("two", 2, "ddp"), ("parts", 2, "fsdp"))
    )
    for given, processes in ((one, 1), (two, 2), (parts, 2)):
        launch(main, given, processes)
    assert losses(two) == pytest.approx(losses(one), abs=2e-3)
    assert losses(parts) == pytest.approx(losses(one), abs=2e-3)
    for name, value in weights(one).items():
        np.testing.assert_allclose(weights(parts)[name], value, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_killed_processes_resume_with_the_same_bits(tmp_path: Path, parallel: str) -> None:
    """kill -9 of what started them takes the processes with it; started again they end with the bytes of one go."""
    whole, killed = (job(tmp_path / name, processes=2, parallel=parallel) for name in ("whole", "killed"))
    launch(main, whole, 2)
    script = (
        "import json, sys; from stages.model.training.launch import launch; "
        "from stages.model.pretraining.rank import main; "
        "launch(main, json.loads(sys.argv[1]), 2)"
    )
    started = subprocess.Popen([sys.executable, "-c", script, json.dumps(killed)], env=os.environ | {"PYTHONPATH": "."})
    checkpoints = tmp_path / "killed" / "checkpoints"
    while newest(checkpoints) is None:
        assert started.poll() is None
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert not (tmp_path / "killed" / "out" / "model.safetensors").exists()
    launch(main, killed, 2)
    assert (tmp_path / "killed/out/model.safetensors").read_bytes() == (
        tmp_path / "whole/out/model.safetensors"
    ).read_bytes()


def test_another_number_of_processes_than_asked_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """torchrun's own options start as many as they say; the run's identity says how many it needs."""
    monkeypatch.setenv("GRISTMILL_TORCHRUN", "--standalone --nproc-per-node=1")
    with pytest.raises(GristmillError, match="exit status 1"):
        launch(main, job(tmp_path / "run", processes=2), 2)
    assert "pretrain.processes is 2, but torchrun started 1" in capfd.readouterr().err
