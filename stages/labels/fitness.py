"""Fitness: is a task good enough to train on?

Reads   label/labels, and label/agreement of every classification task.
Writes  label/tasks: one row per task, with its agreement beside the one it asks for.

Agreement is Krippendorff's alpha over the whole task, on the scores where people gave scores, else on labels. By its
author, 0.8 is reliable, and 0.667 the least that allows a tentative conclusion (Content Analysis, chapter 12).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import AGREEMENT, LABELS, TASKS
from stages.labels.documents import Readable, stacked

ALPHAS = ("krippendorff_alpha_interval", "krippendorff_alpha_nominal")  # the first that is there counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one task asks for."""

    task: str
    kind: str
    min_alpha: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitnessParams:
    """The tasks, in the order of params.yaml."""

    targets: list[Target]


def alpha_of(agreement: pa.Table, task: str) -> int | None:
    """Alpha of a task in millionths; None where it is not defined."""
    whole = agreement.filter(pc.and_(pc.equal(agreement["task"], task), pc.equal(agreement["scope"], "all")))
    found = dict(zip(whole["metric"].to_pylist(), whole["value"].to_pylist(), strict=True))
    return next((found[metric] for metric in ALPHAS if metric in found), None)


def task_row(target: Target, labels: pa.Table, agreement: pa.Table) -> dict[str, object]:
    """The row of `label/tasks` for one task."""
    reasons = labels.filter(pc.equal(labels["task"], target.task))["drop_reason"]
    alpha = alpha_of(agreement, target.task)
    asked = None if target.min_alpha is None else round(target.min_alpha * 1_000_000)
    return {
        "task": target.task, "kind": target.kind, "labelled": reasons.null_count,
        "unlabelled": len(reasons) - reasons.null_count, "alpha": alpha, "min_alpha": asked,
        "fit": asked is None or (alpha is not None and alpha >= asked),
    }  # fmt: skip


def judge_tasks(
    labels: Sequence[Readable], agreement: Sequence[Readable], *, params: FitnessParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`tasks`, for the key `all`."""
    said = stacked(labels, ["task", "drop_reason"], LABELS)
    agreed = stacked(agreement, ["task", "scope", "metric", "value"], AGREEMENT)
    rows = [task_row(target, said, agreed) for target in params.targets]
    yield "tasks", "all", pa.Table.from_pylist(rows, schema=TASKS.remove_metadata())
