"""Checkpoints: safetensors written beside, flushed, renamed, with a manifest of sha256; a torn one is never loaded.

Layout: `<folder>/step-000120/{state.safetensors,manifest.json}`. The manifest is written last and names the digest
of the state; `newest` returns the latest folder whose digest is right. No pickle is read or written.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

_STATE, _MANIFEST, _PREFIX = "state.safetensors", "manifest.json", "step-"


State = dict[str, Tensor]  # by name, on the CPU; what a checkpoint holds


def save(folder: Path, state: State, losses: list[float]) -> Path:
    """Write the state after `len(losses)` steps and drop older checkpoints; returns the checkpoint's folder."""
    step = len(losses)
    final = folder / f"{_PREFIX}{step:06d}"
    beside = folder / f"tmp-{final.name}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save_file(state | {"losses": torch.tensor(losses, dtype=torch.float64)}, beside / _STATE)
    manifest = {"step": step, "files": {_STATE: _digest(beside / _STATE)}}
    (beside / _MANIFEST).write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
    for path in (beside / _STATE, beside / _MANIFEST, beside):
        _flush(path)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(beside, final)
    _flush(folder)
    for older in folder.glob(f"{_PREFIX}*"):
        if older != final:
            shutil.rmtree(older, ignore_errors=True)
    return final


def newest(folder: Path) -> tuple[int, Path] | None:
    """(step, folder) of the latest checkpoint whose manifest verifies, or None."""
    for candidate in sorted(folder.glob(f"{_PREFIX}*"), reverse=True):
        step = _verified_step(candidate)
        if step is not None:
            return step, candidate
    return None


def read(checkpoint: Path) -> State:
    """The state in a checkpoint that `newest` found, and its losses."""
    return load_file(checkpoint / _STATE)


def restore(state: State, model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> list[float]:
    """Put weights and optimiser state in place; returns the losses so far, one a step."""
    weights = {key.removeprefix("model/"): value for key, value in state.items() if key.startswith("model/")}
    with torch.no_grad():
        for key, value in model.state_dict().items():
            value.copy_(weights[key])
    for number, optimiser in enumerate(optimisers):
        found = optimiser.state_dict()
        found["state"] = _nested(state, f"optimiser/{number}/")
        optimiser.load_state_dict(found)
    return [float(loss) for loss in state["losses"].tolist()]


def _verified_step(candidate: Path) -> int | None:
    try:
        manifest = json.loads((candidate / _MANIFEST).read_text(encoding="utf-8"))
        right = all(_digest(candidate / name) == digest for name, digest in manifest["files"].items())
        return int(manifest["step"]) if right else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # torn or foreign: the next older one is tried


def state_of(model: nn.Module, optimisers: list[torch.optim.Optimizer]) -> State:
    """Weights and optimiser state of a model that one process holds whole."""
    # tied weights share memory, which safetensors refuses: each name is stored on its own
    found = {f"model/{key}": value.detach().cpu().clone() for key, value in model.state_dict().items()}
    for number, optimiser in enumerate(optimisers):
        for parameter, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                found[f"optimiser/{number}/{parameter}/{key}"] = value.detach().cpu().clone().contiguous()
    return found


def _nested(tensors: dict[str, Tensor], prefix: str) -> dict[int, dict[str, Tensor]]:
    nested: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            parameter, key = name.removeprefix(prefix).split("/")
            nested.setdefault(int(parameter), {})[key] = value
    return nested


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
