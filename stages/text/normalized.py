"""Compiled counters over normalised words, as RedPajama-2 has them: what stands between spaces, in lower case and
without ASCII punctuation. A word that is nothing but punctuation is none.

Reads the characters and kinds that `stages.text.counting` wrote. Writes per document the number of words, their
characters, how many are different, and their information: the sum of -ln(share of the word) over all words, in nats, of
which the mean is the entropy of the distribution of words.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

import functools
import string
import sys

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Block

COUNTERS = ("normal_words", "normal_characters", "different_words")
DROPPED = -1  # in place of the lower case of a character of ASCII punctuation
SPACE = 1 << 0  # the same bit as in `stages.text.tokens`

_jit = numba.njit(cache=True, nogil=True)


@functools.cache
def lower_case() -> NDArray[np.int32]:
    """The lower case of each code point, itself where that is several; DROPPED for ASCII punctuation."""
    table = np.arange(sys.maxunicode + 1, dtype=np.int32)
    for code in range(0x1E944):  # no capital letter stands behind those of Adlam
        lowered = chr(code).lower()
        if len(lowered) == 1:
            table[code] = ord(lowered)
    table[[ord(sign) for sign in string.punctuation]] = DROPPED
    return table


@_jit
def _fold(points, kinds, bits, lower, digests):  # type: ignore[no-untyped-def]
    """Writes the hash of each word of a document; gives their number and that of their characters."""
    words, characters, size, digest = 0, 0, 0, np.uint64(1)
    for index in range(points.size + 1):
        if index == points.size or bits[kinds[index]] & SPACE:
            if size:
                digests[words] = digest ^ (digest >> np.uint64(32))
                words += 1
                characters += size
            size, digest = 0, np.uint64(1)
            continue
        point = lower[points[index]]
        if point >= 0:
            digest = (digest ^ np.uint64(point)) * np.uint64(0x9E3779B97F4A7C15)
            digest ^= digest >> np.uint64(29)
            size += 1
    return words, characters


@_jit
def _information(digests, keys, times):  # type: ignore[no-untyped-def]
    """(different words, information in nats) of the words with these hashes."""
    slots = 4
    while slots < 2 * digests.size:
        slots *= 2
    mask, different, spread = np.uint64(slots - 1), 0, 0.0
    times[:slots] = 0
    for digest in digests:
        slot = digest & mask
        while times[slot] and keys[slot] != digest:
            slot = (slot + np.uint64(1)) & mask
        different += np.int64(times[slot] == 0)
        keys[slot] = digest
        times[slot] += 1
    for time in times[:slots]:
        if time > 1:  # ln(1) adds nothing
            spread += time * np.log(time)
    return different, digests.size * np.log(max(digests.size, 1)) - spread


@_jit
def _count_all(block, bits, lower, rows, information):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(rows.shape[0]):
        most = max(most, block.first[document + 1] - block.first[document])
    digests = np.empty(most // 2 + 1, np.uint64)
    keys, times = np.empty(2 * most + 8, np.uint64), np.empty(2 * most + 8, np.int32)
    for document in range(rows.shape[0]):
        start, end = block.first[document], block.first[document + 1]
        words, characters = _fold(block.points[start:end], block.kinds[start:end], bits, lower, digests)
        different, information[document] = _information(digests[:words], keys, times)
        rows[document, 0], rows[document, 1], rows[document, 2] = words, characters, different


def count_normalised(block: Block, bits: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counters of each document (shape (documents, len(COUNTERS))), and the information of its words in nats."""
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    information = np.zeros(len(rows))
    _count_all(block, bits, lower_case(), rows, information)
    return rows, information
