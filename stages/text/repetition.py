"""Compiled repetition counters over spans: repeated lines and paragraphs, top n-grams, repeated n-grams.

Reads the spans that `stages.text.counting` wrote; writes integers, one row per document. Spans are compared by a
64-bit hash: within a document of a million words the odds of one false match are about 3 in a hundred million.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Spans

TOP_SIZES = (2, 3, 4)  # n-grams of which the most frequent one is measured (Gopher, table A1)
REPEATED_SIZES = (5, 6, 7, 8, 9, 10)  # n-grams of which all repeats are measured (Gopher, table A1)
FIRST_REPEATED, SIZES = 5, 9

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _slot(keys, stamps, stamp, mask, digest):  # type: ignore[no-untyped-def]
    """Slot of `digest` in an open hash table; the slot is free when its stamp is not `stamp`."""
    slot = np.int64((digest ^ (digest >> np.uint64(32))) & np.uint64(mask))
    while stamps[slot] == stamp and keys[slot] != digest:
        slot = (slot + 1) & mask
    return slot


@_jit
def _seen(keys, stamps, stamp, mask, digest):  # type: ignore[no-untyped-def]
    """Whether `digest` was in the set; adds it when it was not."""
    slot = _slot(keys, stamps, stamp, mask, digest)
    if stamps[slot] == stamp:
        return True
    stamps[slot], keys[slot] = stamp, digest
    return False


@_jit
def _mask(spans):  # type: ignore[no-untyped-def]
    """Size of a hash table for so many spans, less one: a power of two, at most half full."""
    slots = 4
    while slots < 2 * spans:
        slots *= 2
    return np.int64(slots - 1)


@_jit
def _most(first):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(first.size - 1):
        most = max(most, first[document + 1] - first[document])
    return most


@_jit
def _repeated(first, start, end, digest, result):  # type: ignore[no-untyped-def]
    slots = _mask(_most(first)) + 1
    keys, stamps = np.empty(slots, np.uint64), np.full(slots, -1, np.int64)
    for document in range(result.shape[0]):
        mask = _mask(first[document + 1] - first[document])
        for index in range(first[document], first[document + 1]):
            size = end[index] - start[index]
            again = _seen(keys, stamps, document, mask, digest[index])
            result[document, 0] += size
            result[document, 1] += again
            result[document, 2] += size if again else 0


@_jit
def _top_characters(grams, count, n, start, end, memory, tallies):  # type: ignore[no-untyped-def]
    """Characters of the text inside the most frequent n-gram (the widest cover among equals); 0 if none repeats."""
    keys, stamps, stamp, mask = memory
    times, covered, covered_to = tallies
    top = 1
    for index in range(count):
        slot = _slot(keys, stamps, stamp, mask, grams[index])
        if stamps[slot] != stamp:
            stamps[slot], keys[slot], times[slot], covered[slot], covered_to[slot] = stamp, grams[index], 0, 0, 0
        times[slot] += 1
        covered[slot] += end[index + n - 1] - max(start[index], covered_to[slot])
        covered_to[slot] = end[index + n - 1]
        top = max(top, times[slot])
    widest = 0
    for index in range(count if top > 1 else 0):
        slot = _slot(keys, stamps, stamp, mask, grams[index])
        if times[slot] == top:
            widest = max(widest, covered[slot])
    return widest


@_jit
def _repeated_characters(grams, count, n, start, end, memory):  # type: ignore[no-untyped-def]
    """Characters inside n-grams that came before; a repeat is stepped over, so none is counted twice (datatrove)."""
    keys, stamps, stamp, mask = memory
    repeated, index = 0, 0
    while index < count:
        if _seen(keys, stamps, stamp, mask, grams[index]):
            repeated += end[index + n - 1] - start[index]
            index += n
        else:
            index += 1
    return repeated


@_jit
def _grams(first, start, end, digest, result):  # type: ignore[no-untyped-def]
    most = _most(first)
    slots = _mask(most) + 1
    keys, stamps, grams = np.empty(slots, np.uint64), np.full(slots, -1, np.int64), np.empty(most, np.uint64)
    tallies = (np.empty(slots, np.int64), np.empty(slots, np.int64), np.empty(slots, np.int64))
    for document in range(result.shape[0]):
        low, high = first[document], first[document + 1]
        words, starts, ends = digest[low:high], start[low:high], end[low:high]
        mask = _mask(words.size)
        grams[: words.size] = words
        for size in range(SIZES):
            n = size + 2
            count = max(words.size - n + 1, 0)
            for index in range(count):  # the n-gram's hash from that of its first n - 1 words
                mixed = (grams[index] ^ (grams[index] >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
                grams[index] = mixed + words[index + n - 1]  # order matters: "a b" is not "b a"
            memory = (keys, stamps, SIZES * document + size, mask)
            if n < FIRST_REPEATED:
                result[document, size] = _top_characters(grams, count, n, starts, ends, memory, tallies)
            else:
                result[document, size] = _repeated_characters(grams, count, n, starts, ends, memory)


def repeated_spans(spans: Spans) -> NDArray[np.int64]:
    """Per document: characters of all spans, number of spans that came before, characters of those; shape (n, 3)."""
    result = np.zeros((len(spans.first) - 1, 3), np.int64)
    _repeated(spans.first, spans.start, spans.end, spans.digest, result)
    return result


def gram_characters(words: Spans) -> NDArray[np.int64]:
    """Per document, characters inside the top 2-, 3-, 4-gram and inside repeated 5- to 10-grams; shape (n, 9)."""
    result = np.zeros((len(words.first) - 1, SIZES), np.int64)
    _grams(words.first, words.start, words.end, words.digest, result)
    return result
