"""Compiled counters over normalised words, as RedPajama-2 has them: what stands between spaces, in lower case and
without ASCII punctuation. A word that is nothing but punctuation is none.

Reads the pieces between spaces that `.counting` wrote. Writes per document the number of words, their
characters, how many are different, and their information: the sum of -ln(share of the word) over all words, in nats, of
which the mean is the entropy of the distribution of words.
"""

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Pieces

COUNTERS = ("normal_words", "normal_characters", "different_words")


@kernel
def _words(normal, digest, digests):  # type: ignore[no-untyped-def]
    """Writes the hash of each word of a document; gives their number and that of their characters."""
    words, characters = 0, 0
    for piece in range(normal.size):
        digests[words] = digest[piece] ^ (digest[piece] >> np.uint64(32))
        words += np.int64(normal[piece] > 0)
        characters += normal[piece]
    return words, characters


@kernel
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


@entry
def _count_all(pieces, rows, information):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(rows.shape[0]):
        most = max(most, pieces.first[document + 1] - pieces.first[document])
    digests = np.empty(most + 1, np.uint64)
    keys, times = np.empty(4 * most + 8, np.uint64), np.empty(4 * most + 8, np.int32)
    for document in range(rows.shape[0]):
        low, high = pieces.first[document], pieces.first[document + 1]
        words, characters = _words(pieces.normal[low:high], pieces.digest[low:high], digests)
        different, information[document] = _information(digests[:words], keys, times)
        rows[document, 0], rows[document, 1], rows[document, 2] = words, characters, different


def count_normalised(pieces: Pieces) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counters of each document (shape (documents, len(COUNTERS))), and the information of its words in nats."""
    rows = np.zeros((len(pieces.first) - 1, len(COUNTERS)), np.int64)
    information = np.zeros(len(rows))
    _count_all(pieces, rows, information)
    return rows, information
