"""How good predictions are, by kind of task: which measures there are, and where they stand."""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "classification": "classes", "pairs": "classes", "multilabel": "classes", "spans": "marks", "relations": "marks",
    "questions": "answers", "generation": "texts",
}  # fmt: skip


def measures_of(kind: str) -> list[Any]:
    """The measures (measure.Measure) of a kind of task, the one that counts most first."""
    found: list[Any] = importlib.import_module(f"stages.model.evaluation.scoring.{_MODULES[kind]}").MEASURES[kind]
    return found
