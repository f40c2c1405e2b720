"""Balance and drift: shares of classes by split, and what people did month by month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages.labels.balance import balance_rows, furthest
from stages.labels.fitness import Target, task_row
from stages.labels.measure import AGREEMENT
from tests.stages.labels.annotation_tables import PEOPLE, answer, corpus, guideline, log
from tests.stages.test_label import label, rows

LABELS = pa.table({
    "split": ["train"] * 4 + ["test", "test"],
    "label": ["a", "a", "a", "b", "b", "b"],
})  # fmt: skip


def shares(kind: str, labels: pa.Table) -> dict[tuple[str, str], tuple[int, int]]:
    """(class, split) -> (units, share) of the table, without what has no units."""
    return {(row["class"], row["split"]): (row["units"], row["share"])
            for row in balance_rows("mood", kind, labels) if row["units"]}  # fmt: skip


def test_shares_of_each_class_in_each_split() -> None:
    """Of two splits; the third is empty, and so its shares are none."""
    assert shares("classification", LABELS) == {
        ("a", "all"): (3, 500_000), ("a", "train"): (3, 750_000), ("b", "all"): (3, 500_000),
        ("b", "train"): (1, 250_000), ("b", "test"): (2, 1_000_000),
    }  # fmt: skip
    assert len(balance_rows("mood", "classification", LABELS)) == 8


@pytest.mark.parametrize(
    ("kind", "label", "classes"),
    [
        ("multilabel", '["a","b"]', ["a", "b"]), ("multilabel", "[]", []),
        ("spans", '[[0,1,"b"],[1,2,"a"],[2,3,"a"]]', ["a", "b"]),
        ("relations", '{"relations":[[0,0,"is"]],"spans":[[0,1,"a"]]}', ["a", "is"]),
        ("questions", "[0,1]", ["answered"]), ("questions", "[]", ["unanswerable"]), ("generation", "a", []),
    ],
)  # fmt: skip
def test_what_counts_as_a_class_of_each_kind(kind: str, label: str, classes: list[str]) -> None:
    """A unit counts once for each class that stands in its label."""
    found = shares(kind, pa.table({"split": ["train"], "label": [label]}))
    assert found == {(name, split): (1, 1_000_000) for name in classes for split in ("all", "train")}


@pytest.mark.parametrize(("tolerance", "fit"), [(None, True), (0.5, True), (0.49, False)])
def test_a_task_whose_splits_differ_is_not_fit(tolerance: float | None, fit: bool) -> None:
    """The reason names the class, both shares and what to do; validation is empty, where `a` is half of all."""
    balance = balance_rows("mood", "classification", LABELS)
    target = Target(task="mood", kind="classification", balance_tolerance=tolerance)
    labels = LABELS.append_column("drop_reason", pa.nulls(len(LABELS), pa.string()))
    row = task_row(target, labels, AGREEMENT.remove_metadata().empty_table(), balance)
    assert (row["imbalance"], row["fit"]) == (500_000, fit)
    assert fit or row["unfit"].startswith(
        "class a is 0.0 % of validation and 50.0 % of all, label.tasks.mood.balance_tolerance is 0.49; see all shares "
        "with `gristmill sql \"from balance where task = 'mood'\"`"
    )


def test_without_labels_there_is_nothing_to_balance() -> None:
    """Nor a difference."""
    assert furthest(balance_rows("mood", "classification", LABELS.slice(0, 0))) is None


def test_drift_tells_a_good_month_from_a_bad_one(project: Path) -> None:
    """Gold checks some answers, two votes or more compare the others; skips and answers that fell are left out."""
    version = guideline()
    texts = {name: f"text {name}" for name in "abcd"}
    corpus(texts | {"z": texts["a"]})

    def said(name: str, value: Any, who: str, month: int) -> dict[str, Any]:
        when = f"2026-{month:02d}-03T00:00:00Z"
        return answer(name, texts[name], value, who, guideline=version, created_at=when)

    log(*(said(name, "positive", who, 1) for name in "ab" for who in ("ann", "bob", "boss")),
        *(said(name, "negative", "ann", 2) for name in "cd"), said("c", "positive", "bob", 2),
        said("c", "positive", "boss", 2), said("d", None, "bob", 2))  # fmt: skip
    label(PEOPLE | {"gold": ["person:boss"]})
    found = {(row["annotator"], row["month"]): tuple(row.values())[3:] for row in rows("drift")}
    assert found[("person:ann", "2026-01")] == (2, 2, 2, 2, 2)
    assert found[("person:ann", "2026-02")] == (2, 1, 0, 1, 0)
    assert found[("person:bob", "2026-02")] == (1, 1, 1, 1, 1)
    assert {row["class"]: row["units"] for row in rows("balance") if row["split"] == "all"} == {
        "negative": 1, "positive": 3,
    }  # fmt: skip
