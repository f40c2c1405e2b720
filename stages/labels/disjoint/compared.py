"""What a labelled text is compared by, and that of the texts which are held out.

Reads   label/consensus (labels with their splits), clean/text.
Writes  label/held_out: digest, signature and n-grams of each labelled text of validation and test.

Only what is held out is indexed, so that memory follows the evaluation data: 440 bytes a text and 8 bytes a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.digests import sha256_of
from catalog.schema import LABELS, SPLIT_OVERLAPS, TEXT_DIGEST, column, table
from stages.labels.splits import TRAIN
from stages.text.contamination.evaluation_sets import RULES
from stages.text.contamination.grams import gram_hashes
from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signatures import signatures
from stages.text.minhash.signing import signature_array, signature_matrix

BANDS, ROWS = 22, 5
NUM_PERM = BANDS * ROWS
SEED = 2  # another than that of `dedup`, so that what its bands missed is not missed again
SHINGLE = 5  # words, or characters of unspaced scripts
GRAM = RULES["13-gram"]

HELD_OUT = table(
    *(LABELS.field(name) for name in ("id", "task", "split")),
    SPLIT_OVERLAPS.field("side"),
    TEXT_DIGEST,
    column("signature", pa.binary(4 * NUM_PERM), f"MinHash: {NUM_PERM} 32-bit numbers, little-endian"),
    column("grams", pa.list_(pa.field("item", pa.int64(), False)), "64-bit hashes of the text's 13-grams"),
)


@dataclass(frozen=True)
class Compared:
    """Some texts, as they are compared: row i has grams[offsets[i]:offsets[i + 1]] and signatures[i]."""

    ids: pa.Array
    digests: pa.Array
    signatures: NDArray[np.uint32]  # (texts, NUM_PERM)
    offsets: NDArray[np.int64]
    grams: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of_texts(cls, rows: pa.Table) -> Compared:
        """From rows of id, text and text_digest."""
        hashed = shingle_hashes(rows["text"], words=SHINGLE, characters=SHINGLE)
        signed = signatures(*hashed, num_perm=NUM_PERM, seed=SEED)
        offsets, grams, _ = gram_hashes(rows["text"], words=GRAM.words, characters=GRAM.characters)
        return cls(*_names(rows), signed, offsets, grams)

    @classmethod
    def of_held_out(cls, rows: pa.Table) -> Compared:
        """From rows of `label/held_out`."""
        signed = signature_matrix(rows["signature"], NUM_PERM)
        offsets = np.concatenate(([0], np.cumsum(pc.list_value_length(rows["grams"]).to_numpy()))).astype(np.int64)
        return cls(*_names(rows), signed, offsets, pc.list_flatten(rows["grams"]).to_numpy().view(np.uint64))


def _names(rows: pa.Table) -> tuple[pa.Array, pa.Array]:
    return rows["id"].combine_chunks(), rows["text_digest"].combine_chunks()


def labelled_texts(labels: pa.Table, documents: pa.Table) -> pa.Table:
    """id, task, split, side, text and text_digest of the texts that the labels of one segment are about.

    The side is `text`, or `target` for the text that a generation task is to produce.
    """
    labels = labels.filter(pc.is_null(labels["drop_reason"]))
    keys = labels.select(["id", "task", "split"])
    once = keys.group_by(keys.column_names, use_threads=False).aggregate([])  # a text may have several questions
    at = pc.index_in(once["id"], documents["id"].combine_chunks())
    produced = labels.filter(pc.is_valid(labels["target_text"]))
    targets = pa.array(map(sha256_of, produced["target_text"].to_pylist()), pa.string())
    both = [
        _with_text(once, "text", documents["text"].take(at), documents["text_digest"].take(at)),
        _with_text(produced.select(keys.column_names), "target", produced["target_text"], targets),
    ]
    return pa.concat_tables(both)


def _with_text(rows: pa.Table, side: str, texts: pa.ChunkedArray, digests: pa.Array | pa.ChunkedArray) -> pa.Table:
    rows = rows.append_column("side", pa.repeat(side, len(rows)))
    return rows.append_column("text", texts).append_column("text_digest", digests)


def hold_out(labels: pa.Table, documents: pa.Table) -> dict[str, pa.Table]:
    """{"held_out": a row per labelled text outside the training split and side}, in the order of the labels."""
    rows = labelled_texts(labels, documents)
    rows = rows.filter(pc.not_equal(rows["split"], TRAIN)).combine_chunks()
    held = Compared.of_texts(rows)
    grams = pa.ListArray.from_arrays(
        pa.array(held.offsets, pa.int32()), pa.array(held.grams.view(np.int64)), type=HELD_OUT.field("grams").type
    )
    columns = [rows[name] for name in ("id", "task", "split", "side", "text_digest")]
    return {"held_out": pa.table([*columns, signature_array(held.signatures), grams], schema=HELD_OUT)}
