"""The screen: which copies are refused, since they leak, repeat or changed too much or too little.

Reads   augment/perturbed and augment/translated, augment/compared and augment/held_out (leaks.py), clean/text, and what
        a teacher said of each copy where there is one (teacher.py).
Writes  augment/verdicts   one row per copy: kept, or why it was refused
        augment/children   the copies that were kept

Every copy is compared with all that it could leak into or repeat, in every segment; what it is beside its parent
alone was seen before, segment by segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.augmentation.leaks import BANDS, NUM_PERM, ROWS, SAME_AS_PARENT, similarity
from stages.text.minhash.lsh import near_any
from stages.text.minhash.signing import signature_matrix

SAME_AS_EVALUATION, NEAR_EVALUATION = "equals_evaluation", "near_evaluation"
SAME_AS_DOCUMENT, SAME_AS_COPY, NEAR_COPY = "duplicate_document", "duplicate_copy", "near_copy"
OTHER_LABEL = "teacher_disagrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenParams:
    """What decides which copies are refused."""

    min_jaccard: float = 0.8  # estimated similarity to a validation or test text from which a copy is refused
    max_similarity: float = 0.95  # estimated Jaccard to a kept copy of the same parent in the same task

    def __post_init__(self) -> None:
        for name in ("min_jaccard", "max_similarity"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be above 0 and at most 1")


@dataclass(frozen=True)
class Known:
    """What a copy must not repeat: digests of all texts, digests and signatures of evaluation texts."""

    documents: pa.Array
    evaluation: pa.Array
    signatures: NDArray[np.uint32]


def screen(
    made: list[Segment],
    compared: list[Segment],
    held_out: list[Segment],
    texts: list[Segment],
    doubted: list[Segment],
    params: ScreenParams,
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("verdicts", key, a row per copy) and ("children", key, the kept copies) for each segment of
    copies, which `made` and `compared` hold in the same order.

    Of equal copies of one task, and of near ones of one parent, the smallest id is kept.
    """
    if not made:
        return
    parts = [segment.read() for segment in compared]
    copies = pa.concat_tables(parts).combine_chunks()
    decided = decisions(copies, known_texts(held_out, texts), _ids(doubted), params)
    start = 0
    for segment, part in zip(made, parts, strict=True):
        reasons = decided.slice(start, part.num_rows)
        yield "verdicts", segment.key, pa.table({"id": part["id"], "drop_reason": reasons})
        yield "children", segment.key, segment.read().filter(pc.is_null(reasons))
        start += part.num_rows


def decisions(copies: pa.Table, known: Known, doubted: pa.Array, params: ScreenParams) -> pa.Array:
    """Why each compared copy is refused, null where it is not. `doubted`: ids that a teacher labels otherwise."""
    reasons = refusals(copies, known, params)
    reasons = _refused(reasons, OTHER_LABEL, pc.is_in(copies["id"], value_set=doubted))
    reasons = _refused(reasons, SAME_AS_COPY, repeats(copies, reasons))
    return _refused(reasons, NEAR_COPY, pa.array(near_siblings(copies, reasons, params.max_similarity)))


def known_texts(held_out: list[Segment], texts: list[Segment]) -> Known:
    """Digests of every document, and digests and signatures of the documents outside the training split."""
    evaluation = [segment.read() for segment in held_out]
    matrices = [
        np.empty((0, NUM_PERM), np.uint32),
        *(signature_matrix(table["signature"], NUM_PERM) for table in evaluation),
    ]
    every = [segment.read(["text_digest"])["text_digest"] for segment in texts]
    digests = [table["text_digest"] for table in evaluation]
    return Known(_one_array(every), _one_array(digests), np.concatenate(matrices))


def refusals(copies: pa.Table, known: Known, params: ScreenParams) -> pa.Array:
    """Why each copy is refused for what it is by itself, null where it is not; what could leak comes first."""
    signed = signature_matrix(copies["signature"], NUM_PERM)
    near = near_any(signed, known.signatures, bands=BANDS, rows=ROWS, min_jaccard=params.min_jaccard)
    checks = [
        (SAME_AS_PARENT, pc.fill_null(pc.equal(copies["drop_reason"], SAME_AS_PARENT), False)),
        (SAME_AS_EVALUATION, pc.is_in(copies["text_digest"], value_set=known.evaluation)),
        (NEAR_EVALUATION, pa.array(near)),
        (SAME_AS_DOCUMENT, pc.is_in(copies["text_digest"], value_set=known.documents)),
    ]
    reasons = copies["drop_reason"]
    for reason, refused in reversed(checks):
        reasons = pc.if_else(refused, reason, reasons)
    return _as_array(reasons)


def repeats(copies: pa.Table, reasons: pa.Array) -> pa.Array:
    """Has a copy of the same task with a smaller id the same text? Refused ones do not count."""
    left = copies.select(["id", "task", "text_digest"]).filter(pc.is_null(reasons))
    kept = left.group_by(["task", "text_digest"]).aggregate([("id", "min")])["id_min"]
    return pc.invert(pc.is_in(copies["id"], value_set=kept.combine_chunks()))


def near_siblings(copies: pa.Table, reasons: pa.Array, max_similarity: float) -> NDArray[np.bool_]:
    """Is a kept copy of the same parent and task, with a smaller id, too like this one? Refused ones do not count."""
    near = np.zeros(copies.num_rows, bool)
    rows = np.flatnonzero(pc.is_null(reasons).to_numpy(zero_copy_only=False))
    left = copies.select(["task", "parent", "id"]).take(pa.array(rows))
    rows = rows[pc.sort_indices(left, sort_keys=[(name, "ascending") for name in left.column_names]).to_numpy()]
    signed = signature_matrix(copies["signature"].take(pa.array(rows)), NUM_PERM)
    family = _runs(copies.select(["task", "parent"]).take(pa.array(rows)))
    for distance in range(1, int(np.bincount(family, minlength=1).max(initial=0))):
        pairs = np.flatnonzero(family[distance:] == family[:-distance])
        alike = similarity(signed[pairs], signed[pairs + distance]) >= max_similarity
        near[rows[pairs[alike] + distance]] = True
    return near


def _runs(sorted_rows: pa.Table) -> NDArray[np.int64]:
    """Number of the run of equal rows that each row is in, from 0."""
    if not sorted_rows.num_rows:
        return np.empty(0, np.int64)
    new = np.zeros(sorted_rows.num_rows, bool)
    for name in sorted_rows.column_names:
        column = sorted_rows[name].combine_chunks()
        new[1:] |= pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)
    return np.cumsum(new)


def _refused(reasons: pa.Array, reason: str, refused: pa.Array) -> pa.Array:
    """The reasons with one more, for copies that had none."""
    more = pc.and_(pc.is_null(reasons), refused)
    return _as_array(pc.if_else(more, reason, reasons))


def _as_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _ids(segments: list[Segment]) -> pa.Array:
    return _one_array([segment.read(["id"])["id"] for segment in segments])


def _one_array(columns: list[pa.ChunkedArray]) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *(chunk for column in columns for chunk in column.chunks)])
