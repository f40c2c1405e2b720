"""Compiled repetition counters over spans: repeated lines and paragraphs, top n-grams, repeated n-grams.

Reads the spans that `.tokens` and `.lines` wrote; writes integers, one row per document. Spans are
compared by a 64-bit hash: within a document of a million words the odds of one false match are about 3 in a hundred
million.
"""

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Spans, Tokens

TOP_SIZES = (2, 3, 4)  # n-grams of which the most frequent one is measured (Gopher, table A1)
REPEATED_SIZES = (5, 6, 7, 8, 9, 10)  # n-grams of which all repeats are measured (Gopher, table A1)
SIZES = 9  # of both together
TOP = 3  # the first sizes, of which the most frequent one is measured


@kernel
def _slot(keys, stamps, stamp, mask, digest):  # type: ignore[no-untyped-def]
    """Slot of `digest` in an open hash table; the slot is free when its stamp is not `stamp`."""
    slot = np.int64((digest ^ (digest >> np.uint64(32))) & np.uint64(mask))
    while stamps[slot] == stamp and keys[slot] != digest:
        slot = (slot + 1) & mask
    return slot


@kernel
def _seen(keys, stamps, stamp, mask, digest):  # type: ignore[no-untyped-def]
    """Whether `digest` was in the set; adds it when it was not."""
    slot = _slot(keys, stamps, stamp, mask, digest)
    if stamps[slot] == stamp:
        return True
    stamps[slot], keys[slot] = stamp, digest
    return False


@kernel
def _mask(spans):  # type: ignore[no-untyped-def]
    """Size of a hash table for so many spans, less one: a power of two, at most half full."""
    slots = 4
    while slots < 2 * spans:
        slots *= 2
    return np.int64(slots - 1)


@kernel
def _most(first):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(first.size - 1):
        most = max(most, first[document + 1] - first[document])
    return most


@entry
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


@kernel
def _owners(grams, count, heads, owners, times):  # type: ignore[no-untyped-def]
    """For each n-gram the number of the first one that is equal, and how often it stands there."""
    mask = _mask(count)
    heads[: mask + 1] = -1
    for index in range(count):
        gram = grams[index]
        slot = np.int64((gram ^ (gram >> np.uint64(32))) & np.uint64(mask))
        while heads[slot] >= 0 and grams[heads[slot]] != gram:
            slot = (slot + 1) & mask
        if heads[slot] < 0:
            heads[slot] = index
            times[index] = 0
        owners[index] = heads[slot]
        times[heads[slot]] += 1


@kernel
def _most_frequent(owners, times, count):  # type: ignore[no-untyped-def]
    """Number of the most frequent n-gram, the earliest of several (Python's `Counter.most_common`, as datatrove)."""
    best = 0
    for index in range(count):
        if owners[index] == index and times[index] > times[best]:
            best = index
    return best


@kernel
def _repeated_characters(places, owners, count, n, lengths, seen):  # type: ignore[no-untyped-def]
    """Characters of the tokens of n-grams that came before; a repeat is stepped over, so none counts twice."""
    repeated, free = 0, 0
    seen[:count] = False
    for index in range(count):
        place = places[index]
        if place < free:
            continue
        if seen[owners[index]]:
            repeated += lengths[place + n] - lengths[place]
            free = place + n
        seen[owners[index]] = True
    return repeated


@kernel
def _grow(grams, places, owners, times, count, n, digests):  # type: ignore[no-untyped-def]
    """Keeps the n-grams that stand there twice, one token longer; a longer one can repeat only where these do."""
    kept = np.uint64(0)
    for index in range(count):
        place = places[index]
        if times[np.uint64(owners[index])] > 1 and place + n < digests.size:
            gram = (grams[index] ^ (grams[index] >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
            grams[kept] = gram + digests[np.uint64(place + n)]  # order matters: "a b" is not "b a"
            places[kept] = place
            kept += np.uint64(1)
    return np.int64(kept)


@kernel
def _thin(grams, places, count, once, twice):  # type: ignore[no-untyped-def]
    """Keeps the n-grams that may stand there twice, by two bitmaps, whose answers no branch foresees."""
    size, shift, kept = 64, 58, np.uint64(0)
    while size < 8 * count:
        size *= 2
        shift -= 1
    once[: size // 64] = twice[: size // 64] = 0
    for index in range(count):
        bit = (grams[index] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(shift)
        word, one = bit >> np.uint64(6), np.uint64(1) << (bit & np.uint64(63))
        twice[word] |= once[word] & one
        once[word] |= one
    for index in range(count):
        gram, place = grams[index], places[index]
        bit = (gram * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(shift)
        grams[kept], places[kept] = gram, place
        kept += twice[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1)
    return np.int64(kept)


@kernel
def _measure(digests, lengths, memory, row):  # type: ignore[no-untyped-def]
    """The measures of one document, from 2-grams to 10-grams; last the length of its first 2-, 3- and 4-gram."""
    grams, places, heads, owners, times, seen, once, twice = memory
    count = digests.size
    for index in range(count):
        grams[index], places[index], owners[index] = digests[index], index, 0
    times[0] = 2  # every token may begin a 2-gram
    for n in range(2, min(TOP + 1, count) + 1):
        row[SIZES + n - 2] = lengths[n] + n - 1
    for size in range(SIZES):
        n = size + 2
        grown = _grow(grams, places, owners, times, count, n - 1, digests)
        count = _thin(grams, places, grown, once, twice)
        if count == 0:
            break
        _owners(grams, count, heads, owners, times)
        if size < TOP:
            best = _most_frequent(owners, times, count)
            place = places[best]
            row[size] = (lengths[place + n] - lengths[place] + n - 1) * times[best] if times[best] > 1 else 0
        else:
            row[size] = _repeated_characters(places, owners, count, n, lengths, seen)


@entry
def _grams(first, start, end, digest, result):  # type: ignore[no-untyped-def]
    most = _most(first)
    memory = (
        np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(_mask(most) + 1, np.int32),
        np.empty(most, np.int32), np.empty(max(most, 1), np.int32), np.empty(most, np.bool_),
        np.empty(most // 4 + 2, np.uint64), np.empty(most // 4 + 2, np.uint64),
    )  # fmt: skip
    lengths = np.zeros(most + 1, np.int32)  # characters of the tokens before each
    for document in range(result.shape[0]):
        low, high = first[document], first[document + 1]
        for index in range(low, high):
            lengths[index - low + 1] = lengths[index - low] + end[index] - start[index]
        _measure(digest[low:high], lengths, memory, result[document])


def repeated_spans(spans: Spans) -> NDArray[np.int64]:
    """Per document: characters of all spans, number of spans that came before, characters of those; shape (n, 3)."""
    result = np.zeros((len(spans.first) - 1, 3), np.int64)
    _repeated(spans.first, spans.start, spans.end, spans.digest, result)
    return result


def gram_characters(tokens: Tokens) -> NDArray[np.int64]:
    """Per document, characters of the top 2-, 3-, 4-gram, of repeated 5- to 10-grams, of the first 2- to 4-gram.

    Shape (n, 12). Spaces are counted between the tokens of one n-gram, where only one is measured (datatrove).
    """
    result = np.zeros((len(tokens.first) - 1, SIZES + TOP), np.int64)
    _grams(tokens.first, tokens.start, tokens.end, tokens.digest, result)
    return result
