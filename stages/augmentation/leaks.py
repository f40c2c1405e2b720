"""What can be said of a copy beside its parent, and of a held-out text by itself: the segment-wise half of the screen.

Reads   augment/perturbed or augment/translated, label/labels, clean/text.
Writes  augment/compared   per copy: its signature, and what is wrong with it beside its parent
        augment/held_out   per document outside the training split: its digest and signature
Both are functions of one segment, so that a changed page signs its own segment again and no other.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.schema import DROP_REASON, ID, TASK, TEXT_DIGEST, column, table
from stages.augmentation.negation import negations
from stages.text.minhash import signatures
from stages.text.shingles import shingle_hashes

SAME_AS_PARENT, POLARITY, LENGTH = "equals_parent", "changed_polarity", "changed_length"
MAX_GROWTH = 2.0  # characters / characters of the parent; a copy is at most this much longer or shorter
NUM_PERM, BANDS, ROWS, SHINGLE = 112, 14, 8, 5  # the defaults of `dedup`

SIGNATURE = column("signature", pa.binary(4 * NUM_PERM), "MinHash: 112 32-bit numbers, little-endian")
COMPARED = table(ID, TASK, TEXT_DIGEST, SIGNATURE, DROP_REASON)
HELD_OUT = table(ID, TEXT_DIGEST, SIGNATURE)


def compare(copies: pa.Table, documents: pa.Table) -> dict[str, pa.Table]:
    """{"compared": a row per copy}; `drop_reason` is null where nothing is wrong with it beside its parent."""
    parents = documents.take(pc.index_in(copies["parent"], value_set=documents["id"]))
    lengths = pc.utf8_length(copies["text"]).to_numpy() / np.maximum(pc.utf8_length(parents["text"]).to_numpy(), 1)
    rows = zip(copies["text"].to_pylist(), parents["text"].to_pylist(), parents["language"].to_pylist(), strict=True)
    polarity = [negations(text, language) != negations(parent, language) for text, parent, language in rows]
    checks = [
        (SAME_AS_PARENT, pc.equal(copies["text"], parents["text"])),
        (POLARITY, pa.array(polarity, pa.bool_())),
        (LENGTH, pa.array((lengths > MAX_GROWTH) | (lengths < 1 / MAX_GROWTH))),
    ]
    reasons = pa.nulls(copies.num_rows, pa.string())
    for reason, refused in reversed(checks):
        reasons = pc.if_else(refused, reason, reasons)
    columns = [copies["id"], copies["task"], copies["text_digest"], _signatures(copies["text"]), reasons]
    return {"compared": pa.table(columns, schema=COMPARED)}


def hold_out(labels: pa.Table, documents: pa.Table) -> dict[str, pa.Table]:
    """{"held_out": a row per document outside the training split}, in the order of the documents."""
    ids = labels.filter(pc.not_equal(labels["split"], "train"))["id"]
    found = documents.filter(pc.is_in(documents["id"], value_set=ids))
    columns = [found["id"], found["text_digest"], _signatures(found["text"])]
    return {"held_out": pa.table(columns, schema=HELD_OUT)}


def signature_matrix(column: pa.ChunkedArray) -> NDArray[np.uint32]:
    """The numbers of a column of signatures, shape (rows, NUM_PERM)."""
    joined = b"".join(column.to_pylist())
    return np.frombuffer(joined, "<u4").reshape(-1, NUM_PERM)


def _signatures(texts: pa.ChunkedArray) -> pa.Array:
    signed = signatures(*shingle_hashes(texts, words=SHINGLE, characters=SHINGLE), num_perm=NUM_PERM, seed=1)
    buffer = pa.py_buffer(np.ascontiguousarray(signed.astype("<u4")))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * NUM_PERM), len(signed), [None, buffer])
