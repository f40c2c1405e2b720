"""Settle: labels that overlap with a split nearer to the test are taken out, and no overlap is left.

Reads   label/consensus, label/split_overlaps.
Writes  label/labels        the consensus, with a reason where a text repeats what is held out
        label/split_checks  per task, measure and pair of splits: overlaps found, and left among the labels

An overlap is taken out of the training split rather than moved to the other side: a document's split is a hash of its
cluster and of nothing else, and joining what shares a quote would chain half a newsgroup into one cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import ConservationError
from catalog.schema import LABELS, SPLIT_CHECKS, SPLIT_OVERLAPS
from stages.labels.disjoint.overlaps import MEASURES
from stages.labels.documents import Readable, stacked

REASONS = {measure: f"overlaps_{measure.replace('-', '_')}" for measure in MEASURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class DisjointParams:
    """Which overlaps between splits are taken out."""

    disjoint: list[str] = field(default_factory=lambda: list(MEASURES))  # the others are counted only

    def __post_init__(self) -> None:
        if unknown := [name for name in self.disjoint if name not in MEASURES]:
            raise ValueError(f"disjoint has {', '.join(unknown)}, must be of {', '.join(MEASURES)}")


def settle(labels: pa.Table, overlaps: pa.Table, params: DisjointParams) -> dict[str, pa.Table]:
    """{"labels": the same rows}: those that overlap have the first measure that says so as the reason."""
    reasons = labels["drop_reason"]
    keys = _keys(labels)
    for measure in (name for name in MEASURES if name in params.disjoint):
        found = _keys(overlaps.filter(pc.equal(overlaps["measure"], measure)))
        hit = pc.and_(pc.is_null(reasons), pc.is_in(keys, value_set=found))
        reasons = pc.if_else(hit, REASONS[measure], reasons)
    dropped = pc.is_valid(reasons)
    columns = {name: labels[name] for name in labels.column_names} | {"drop_reason": reasons}
    for name in ("label", "target_text"):
        columns[name] = pc.if_else(dropped, None, labels[name])
    return {"labels": pa.table(columns).select(LABELS.names)}


def _keys(rows: pa.Table) -> pa.Array:
    """Document and task as one text."""
    return pc.binary_join_element_wise(rows["id"], rows["task"], "\0").combine_chunks()


def check_splits(
    labels: Sequence[Readable], overlaps: Sequence[Readable], *, params: DisjointParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`split_checks`, for the key `all`. Errors: ConservationError when an overlap of `disjoint` is left."""
    said = stacked(labels, ["id", "task", "drop_reason"], LABELS)
    standing = _keys(said.filter(pc.is_null(said["drop_reason"])))
    found = stacked(overlaps, ["id", "task", "split", "other_split", "other", "measure"], SPLIT_OVERLAPS)
    others = _keys(found.select(["other", "task"]).rename_columns(["id", "task"]))
    left = pc.and_(pc.is_in(_keys(found), value_set=standing), pc.is_in(others, value_set=standing))
    counted = found.append_column("left", left.cast(pa.int32()))
    keys = SPLIT_CHECKS.names[:4]
    sums = counted.group_by(keys, use_threads=False).aggregate([("left", "count"), ("left", "sum")])
    table = sums.rename_columns([*keys, "found", "left"]).sort_by([(name, "ascending") for name in keys])
    table = table.cast(SPLIT_CHECKS.remove_metadata())
    wrong = table.filter(
        pc.and_(pc.greater(table["left"], 0), pc.is_in(table["measure"], pa.array(params.disjoint, pa.string())))
    )
    if len(wrong):
        row = wrong.to_pylist()[0]
        raise ConservationError(
            f"{row['left']} labels of {row['task']} in {row['split']} overlap ({row['measure']}) with "
            f"{row['other_split']}, and were not taken out; run `gristmill why label`"
        )
    yield "split_checks", "all", table
