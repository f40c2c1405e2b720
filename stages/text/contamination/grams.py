"""Text -> n-grams with 64-bit hashes, to find passages of one text in another.

Reads   an Arrow column of texts (UTF-8, no nulls).
Gives   for each text the hashes of its n-grams, and where each begins.

Units and their folding are those of shingles (stages/text/minhash/shingles.py): case, accents, width and punctuation
vanish. An n-gram is `words` units wide, or `characters` units where at least half of the units *inside* it are
characters of an unspaced script: a passage has the same n-grams in whatever text it stands. That is the difference to a
shingle, whose width follows the whole text, and which is hashed to 32 bits because only shares of it count.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy import int32, int64, uint8, uint64
from numpy.typing import NDArray

from stages.text.minhash.shingle_kernels import hash_grams
from stages.text.minhash.shingles import fold_table, utf8_buffers

SPARE = 16  # bits of a table per n-gram: one in 16 strange n-grams is searched for in vain


def gram_hashes(
    texts: pa.Array | pa.ChunkedArray, *, words: int, characters: int
) -> tuple[NDArray[int64], NDArray[uint64], NDArray[int32]]:
    """(offsets, hashes, places): text i has hashes[offsets[i]:offsets[i + 1]], each of the n-gram that begins with the
    unit number `places`, counted from 0. A text with fewer units than an n-gram has none.
    """
    starts, data = utf8_buffers(texts)
    return hash_grams(data, starts, fold_table(), words, characters)


def bit_table(grams: NDArray[uint64]) -> tuple[NDArray[uint8], int]:
    """(bits, shift): bit number `hash >> shift` is set for every n-gram of `grams`, and for few others.

    It tells most n-grams to be none of these without a search.
    """
    exponent = max(6, int(SPARE * len(grams) - 1).bit_length())
    bits = np.zeros(1 << (exponent - 3), uint8)
    numbers = grams >> uint64(64 - exponent)
    np.bitwise_or.at(bits, numbers >> uint64(3), uint8(1) << (numbers & uint64(7)).astype(uint8))
    return bits, 64 - exponent


def in_table(grams: NDArray[uint64], bits: NDArray[uint8], shift: int) -> NDArray[int64]:
    """The places of the n-grams whose bit is set, ascending."""
    numbers = grams >> uint64(shift)
    return np.flatnonzero(bits[numbers >> uint64(3)] >> (numbers & uint64(7)).astype(uint8) & uint8(1))
