"""Kinds of tasks, as networks see them: what each trains, and where it stands. Imports nothing heavy.

A kind brings examples made of labels, a network, a loss, predictions in the form of labels and the score by which an
epoch is judged (training.Kind); training.py does the rest, alike for all. A module imports no other kind, so that what
was trained for one is found again when another changes.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

_MODULES = {
    "classification": "classes", "multilabel": "classes", "pairs": "classes", "spans": "spans",
    "relations": "relations", "questions": "questions", "generation": "sequences",
}  # fmt: skip
PLACED = ("spans", "relations", "questions")  # kinds whose labels name places of the whole text
WITH_COPIES = ("classification", "multilabel", "spans")  # kinds of which augment makes copies


def module_of(kind: str, generator: str) -> str:
    """The module that trains a kind of task; `generator` says which network writes texts."""
    causal = kind == "generation" and generator == "causal"
    return f"stages.model.finetuning.kinds.{'dialogue' if causal else _MODULES[kind]}"


def saved_run(folder: Path) -> tuple[str, Any, Any]:
    """Of a run's folder: the kind of its task, that kind (training.Kind) as it was trained, and its network."""
    said = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    module = importlib.import_module(module_of(said["kind"], said["generator"]))
    return said["kind"], *module.saved(folder)
