"""Balance: the share of each class in every split, beside its share in all of them.

Reads   the labels of one task.
Writes  rows of label/balance. The class of a pair or a text is its label; where several may apply, a unit counts for
        each; of spans and relations it counts for each class that stands in it; an answer is there or not. A class of
        the task that no label has is left out, for it has no share to keep.

Splits are a hash of clusters, so that nobody chooses them: how far their shares lie apart is chance, and shrinks with
the square root of the documents.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from stages.labels.splits import SPLITS
from stages.labels.values import classes_in

ALL = "all"

Row = dict[str, Any]


def balance_rows(task: str, kind: str, labels: pa.Table) -> list[Row]:
    """Rows of `label/balance` of one task; `labels` with the columns split and label, those that stand."""
    if kind == "generation":
        return []
    sizes, counts = Counter({ALL: len(labels)}), Counter[tuple[str, str]]()
    said = Counter(zip(labels["split"].to_pylist(), labels["label"].to_pylist(), strict=True))
    for (split, label), count in said.items():
        sizes[split] += count
        for name in classes_in(kind, label):
            counts[name, split] += count
            counts[name, ALL] += count
    return [
        {"task": task, "class": name, "split": split, "units": counts[name, split],
         "share": _per_million(counts[name, split], sizes[split])}
        for name in sorted({name for name, _ in counts})
        for split in (ALL, *reversed(SPLITS))
    ]  # fmt: skip


def furthest(rows: list[Row]) -> tuple[int, Row, Row] | None:
    """The largest difference of a share from that in all splits, per million, and both rows; the first of equals."""
    whole = {row["class"]: row for row in rows if row["split"] == ALL}
    apart = [(abs(row["share"] - whole[row["class"]]["share"]), row) for row in rows if row["split"] != ALL]
    if not apart:
        return None
    difference, row = max(apart, key=lambda pair: pair[0])
    return difference, row, whole[row["class"]]


def _per_million(part: int, whole: int) -> int:
    """part / whole, rounded half up; 0 where there is nothing."""
    return (2_000_000 * part + whole) // (2 * whole) if whole else 0
