"""How predictions are written, alike for all systems and kinds of tasks."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from catalog.digests import sha256_of
from catalog.segments import Segment
from stages.model.finetuning.units import Unit, unit_name


def prediction_rows(run: str, units: Sequence[Unit], predicted: Sequence[str], produced: bool = False) -> pa.Table:
    """The table `predictions` of one run, in the order of the units it predicted.

    Texts that were `produced` stand in the column `text`, and their digests in the place of labels.
    """
    labels = [unit.label for unit in units]
    columns = [list(map(sha256_of, side)) if produced else list(side) for side in (labels, predicted)]
    text = pa.array(predicted, pa.string()) if produced else pa.nulls(len(units), pa.string())
    return pa.table({
        "run": pa.array([run] * len(units), pa.string()),
        "id": pa.array([unit.id for unit in units], pa.string()),
        "about": pa.array([unit.about or None for unit in units], pa.string()),
        "label": pa.array(columns[0], pa.string()),
        "predicted": pa.array(columns[1], pa.string()),
        "correct": pa.array([right == said for right, said in zip(labels, predicted, strict=True)], pa.bool_()),
        "text": text,
    })  # fmt: skip


def said_by_run(predictions: Sequence[Segment], units: Sequence[Unit]) -> dict[str, list[str]]:
    """What each run said of the units, in their order. Raises ValueError where a run was asked of other units."""
    names = [unit.name for unit in units]
    found: dict[str, dict[str, str]] = {}
    for row in (row for segment in predictions for row in segment.read().to_pylist()):
        name = unit_name(row["id"], row["about"])
        found.setdefault(row["run"], {})[name] = row["predicted"] if row["text"] is None else row["text"]
    for run, said in found.items():
        if sorted(said) != sorted(names):
            raise ValueError(f"the run {run} was not asked of the same {len(names)} test units as the others")
    return {run: [said[name] for name in names] for run, said in found.items()}
