"""Documents -> MinHash signatures: the map half of `dedup`.

Reads   clean/text.
Writes  dedup/signatures, one row per document, also of documents that `clean` drops: a changed threshold
        never signs again.

It stands apart from stages/duplicates so that a change in how clusters are made re-signs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stages.text.minhash.shingling import Shingling
from stages.text.minhash.signatures import signatures

SIGNATURES = pa.schema(
    [
        pa.field("id", pa.string(), False, {"unit": "document: first 32 hex digits of sha256 of its uri"}),
        pa.field("source", pa.string(), False, {"unit": "name of the source in params.yaml"}),
        pa.field("text_digest", pa.string(), False, {"unit": "sha256 of the UTF-8 text, hex"}),
        pa.field("characters", pa.int32(), False, {"unit": "length of the text in code points"}),
        pa.field("signature", pa.binary(), False, {"unit": "MinHash: num_perm 32-bit numbers, little-endian"}),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignParams:
    """What decides a signature."""

    num_perm: int = 112  # permutations (FineWeb: 14 bands of 8 rows)
    seed: int = 1  # of the permutations (datasketch's default)
    shingling: Shingling = field(default_factory=Shingling)

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {value}, must be {least} to {most}"
            for name, value, least, most in (("num_perm", self.num_perm, 1, 16384), ("seed", self.seed, 0, 2**32 - 1))
            if not least <= value <= most
        ]
        if problems:
            raise ValueError("\n".join(problems))


def sign(documents: pa.Table, params: SignParams) -> dict[str, pa.Table]:
    """clean/text rows -> {"signatures": SIGNATURES rows}, same order."""
    offsets, hashes = params.shingling.hashes(documents["text"])
    signed = signatures(offsets, hashes, num_perm=params.num_perm, seed=params.seed)
    lengths = pc.utf8_length(documents["text"]).cast(pa.int32())
    columns = [
        documents["id"],
        documents["source"],
        documents["text_digest"],
        lengths,
        signature_array(signed).cast(pa.binary()),
    ]
    return {"signatures": pa.table(columns, schema=SIGNATURES)}


def signature_array(signed: NDArray[np.uint32]) -> pa.FixedSizeBinaryArray:
    """A matrix of signatures, shape (rows, num_perm), as a column: 32-bit numbers, little-endian."""
    buffer = pa.py_buffer(np.ascontiguousarray(signed.astype("<u4")))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * signed.shape[1]), len(signed), [None, buffer])


def signature_matrix(column: pa.ChunkedArray, num_perm: int) -> NDArray[np.uint32]:
    """The numbers of a signature column, shape (rows, num_perm).

    Errors: pa.ArrowInvalid when a signature has another length.
    """
    fixed = pa.concat_arrays([pa.array([], pa.binary(4 * num_perm)), *column.cast(pa.binary(4 * num_perm)).chunks])
    return np.frombuffer(fixed.buffers()[1] or b"", "<u4").reshape(-1, num_perm)[: len(fixed)]
