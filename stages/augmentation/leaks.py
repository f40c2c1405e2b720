"""What can be said of a copy beside its parent, and of a held-out text by itself: the segment-wise half of the screen.

Reads   augment/perturbed or augment/translated, label/labels, clean/text.
Writes  augment/compared   per copy: its signature, and what is wrong with it beside its parent
        augment/held_out   per document outside the training split: its digest and signature
Both are functions of one segment, so that a changed page signs its own segment again and no other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.schema import DROP_REASON, ID, TASK, TEXT, TEXT_DIGEST, column, table
from stages.augmentation.copies import BACK_TRANSLATION
from stages.augmentation.likeness import chrf, longest_loop
from stages.augmentation.negation import negations
from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signatures import signatures
from stages.text.minhash.signing import signature_array

SAME_AS_PARENT, NEAR_PARENT = "equals_parent", "near_parent"
POLARITY, LENGTH, MEANING, LOOPS = "changed_polarity", "changed_length", "too_far_from_parent", "goes_in_circles"
BY_MACHINE = (BACK_TRANSLATION,)  # operators that write a text anew, and may write anything
MAX_LOOP = 24  # characters of a repeated phrase, that many more than the parent has
_NO_LETTER = re.compile(r"[\W_]+")
MAX_GROWTH = 2.0  # characters / characters of the parent; a copy is at most this much longer or shorter
NUM_PERM, BANDS, ROWS, SHINGLE = 112, 14, 8, 5  # the defaults of `dedup`

SIGNATURE = column("signature", pa.binary(4 * NUM_PERM), "MinHash: 112 32-bit numbers, little-endian")
COMPARED = table(
    ID, column("parent", TEXT, "id of the document it was made from"), TASK, TEXT_DIGEST, SIGNATURE, DROP_REASON
)
HELD_OUT = table(ID, TEXT_DIGEST, SIGNATURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareParams:
    """How near a copy may be to its parent, and how far from it what a machine wrote."""

    max_similarity: float = 0.95  # estimated Jaccard of 5-word (5-character) shingles, to the parent or a sibling
    chrf: list[int] = field(default_factory=lambda: [25, 95])  # [lowest, highest] chrF of a translated copy

    def __post_init__(self) -> None:
        if not 0 < self.max_similarity <= 1:
            raise ValueError(f"max_similarity is {self.max_similarity}, must be above 0 and at most 1")
        if len(self.chrf) != 2 or not 0 <= self.chrf[0] < self.chrf[1] <= 100:
            raise ValueError(f"chrf is {self.chrf}, must be [lowest, highest], between 0 and 100")


def compare(copies: pa.Table, documents: pa.Table, params: CompareParams) -> dict[str, pa.Table]:
    """{"compared": a row per copy}; `drop_reason` is null where nothing is wrong with it beside its parent."""
    parents = documents.take(pc.index_in(copies["parent"], value_set=documents["id"]))
    lengths = pc.utf8_length(copies["text"]).to_numpy() / np.maximum(pc.utf8_length(parents["text"]).to_numpy(), 1)
    texts, originals = copies["text"].to_pylist(), parents["text"].to_pylist()
    rows = zip(texts, originals, parents["language"].to_pylist(), strict=True)
    polarity = [negations(text, language) != negations(parent, language) for text, parent, language in rows]
    signed = _matrix(copies["text"])
    near = similarity(signed, _matrix(parents["text"])) >= params.max_similarity
    near |= np.array([_bare(text) == _bare(parent) for text, parent in zip(texts, originals, strict=True)], bool)
    by_machine = pc.is_in(copies["operator"], value_set=pa.array(BY_MACHINE)).to_pylist()
    written = [
        beside_parent(text, parent, params.chrf) if made else None
        for text, parent, made in zip(texts, originals, by_machine, strict=True)
    ]
    checks = [
        (SAME_AS_PARENT, pc.equal(copies["text"], parents["text"])),
        (POLARITY, pa.array(polarity, pa.bool_())),
        (LENGTH, pa.array((lengths > MAX_GROWTH) | (lengths < 1 / MAX_GROWTH))),
        (NEAR_PARENT, pa.array(near)),
    ]
    reasons = pa.array(written, pa.string())
    for reason, refused in reversed(checks):
        reasons = pc.if_else(refused, reason, reasons)
    columns = [copies["id"], copies["parent"], copies["task"], copies["text_digest"], signature_array(signed), reasons]
    return {"compared": pa.table(columns, schema=COMPARED)}


def beside_parent(text: str, parent: str, band: list[int]) -> str | None:
    """What is wrong with a text that a machine made of its parent; None where nothing is."""
    if longest_loop(text) > longest_loop(parent) + MAX_LOOP:
        return LOOPS
    score = chrf(text, parent)
    if score < band[0]:
        return MEANING
    return NEAR_PARENT if score > band[1] else None


def similarity(signed: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Estimated Jaccard of each row to the same row of the other matrix."""
    return (signed == others).mean(axis=1)


def _bare(text: str) -> str:
    """The letters and digits of a text, whatever their case."""
    return _NO_LETTER.sub("", text.casefold())


def hold_out(labels: pa.Table, documents: pa.Table) -> dict[str, pa.Table]:
    """{"held_out": a row per document outside the training split}, in the order of the documents."""
    ids = labels.filter(pc.not_equal(labels["split"], "train"))["id"]
    found = documents.filter(pc.is_in(documents["id"], value_set=ids))
    columns = [found["id"], found["text_digest"], signature_array(_matrix(found["text"]))]
    return {"held_out": pa.table(columns, schema=HELD_OUT)}


def _matrix(texts: pa.ChunkedArray) -> NDArray[np.uint32]:
    hashed = shingle_hashes(texts, words=SHINGLE, characters=SHINGLE)
    return signatures(*hashed, num_perm=NUM_PERM, seed=1)
