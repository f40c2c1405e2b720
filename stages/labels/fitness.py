"""Fitness: is a task good enough to train on?

Reads   label/labels, and label/agreement of every task of which agreement is measured.
Writes  label/tasks: one row per task, with its agreement and the balance of its splits beside what it asks for, and
        why it is not fit; label/balance: the share of each class in every split.

Agreement is Krippendorff's alpha over the whole task: on the scores where people gave scores, on sets where several
classes may apply, else on labels. By its author, 0.8 is reliable, and 0.667 the least that allows a tentative
conclusion (Content Analysis, chapter 12). Of spans it is F1: of relations where there are any, else of the spans.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import AGREEMENT, BALANCE, LABELS, TASKS
from stages.labels.balance import Row, balance_rows, furthest
from stages.labels.documents import Readable, stacked

ALPHAS = ("krippendorff_alpha_interval", "krippendorff_alpha_masi", "krippendorff_alpha_nominal")  # the first counts
F1S = ("relation_f1", "span_f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one task asks for."""

    task: str
    kind: str
    min_alpha: float | None = None
    min_f1: float | None = None
    balance_tolerance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitnessParams:
    """The tasks, in the order of params.yaml."""

    targets: list[Target]


def first_of(metrics: Sequence[str], agreement: pa.Table, task: str) -> int | None:
    """The first of some metrics that is defined for a whole task, in millionths."""
    whole = agreement.filter(pc.and_(pc.equal(agreement["task"], task), pc.equal(agreement["scope"], "all")))
    found = dict(zip(whole["metric"].to_pylist(), whole["value"].to_pylist(), strict=True))
    return next((found[metric] for metric in metrics if metric in found), None)


def task_row(target: Target, labels: pa.Table, agreement: pa.Table, balance: list[Row]) -> Row:
    """The row of `label/tasks` for one task; `labels` and `balance` are those of the task."""
    reasons = labels["drop_reason"]
    apart = furthest(balance)
    row = {
        "task": target.task, "kind": target.kind, "labelled": reasons.null_count,
        "unlabelled": len(reasons) - reasons.null_count,
        "alpha": first_of(ALPHAS, agreement, target.task), "min_alpha": _per_million(target.min_alpha),
        "f1": first_of(F1S, agreement, target.task), "min_f1": _per_million(target.min_f1),
        "imbalance": apart and apart[0], "balance_tolerance": _per_million(target.balance_tolerance),
    }  # fmt: skip
    unfit = list(_disagreements(row))
    if apart and row["balance_tolerance"] is not None and apart[0] > row["balance_tolerance"]:
        unfit.append(_imbalance(target, *apart[1:]))
    return row | {"fit": not unfit, "unfit": "; ".join(unfit) or None}


def _disagreements(row: Row) -> Iterator[str]:
    """Which agreement is below what the task asks for, and who differs."""
    for name, what in (("alpha", "Krippendorff's alpha"), ("f1", "F1 of two annotators")):
        asked, found = row[f"min_{name}"], row[name]
        if asked is None or (found is not None and found >= asked):
            continue
        measured = "not defined" if found is None else f"{found / 1e6:.3f}"
        yield (
            f"its annotators do not agree enough: {what} is {measured}, label.tasks.{row['task']}.min_{name} is "
            f"{asked / 1e6:g}; see who differs with `gristmill sql \"from annotators where task = '{row['task']}'\"`"
        )


def _imbalance(target: Target, there: Row, whole: Row) -> str:
    return (
        f"class {there['class']} is {there['share'] / 1e4:.1f} % of {there['split']} and {whole['share'] / 1e4:.1f} % "
        f"of all, label.tasks.{target.task}.balance_tolerance is {target.balance_tolerance:g}; see all shares with "
        f"`gristmill sql \"from balance where task = '{target.task}'\"`, label more, or try another label.split.seed"
    )


def _per_million(share: float | None) -> int | None:
    return None if share is None else round(share * 1_000_000)


def judge_tasks(
    labels: Sequence[Readable], agreement: Sequence[Readable], *, params: FitnessParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`tasks` and `balance`, for the key `all`."""
    said = stacked(labels, ["task", "split", "label", "drop_reason"], LABELS)
    agreed = stacked(agreement, ["task", "scope", "metric", "value"], AGREEMENT)
    rows, shares = [], []
    for target in params.targets:
        ours = said.filter(pc.equal(said["task"], target.task))
        standing = ours.filter(pc.is_null(ours["drop_reason"])).select(["split", "label"])
        balance = balance_rows(target.task, target.kind, standing)
        rows.append(task_row(target, ours, agreed, balance))
        shares += balance
    yield "tasks", "all", pa.Table.from_pylist(rows, schema=TASKS.remove_metadata())
    yield "balance", "all", pa.Table.from_pylist(shares, schema=BALANCE.remove_metadata())
