"""Texts -> clusters of near-duplicates: verified candidate pairs, then connected components.

Texts are numbered by rank before anything is compared: longest first, then smallest digest. So every choice
below depends on the set of texts alone, never on their order, their segments or the number of workers, and a
cluster's first text is its representative.

Candidates come from LSH buckets. Inside a bucket a text is compared with the bucket's first text and with the
WINDOW texts before it, so a bucket of n texts costs at most (WINDOW + 1) n comparisons; up to WINDOW + 2
texts these are all pairs. Neighbours in rank have similar lengths, and two texts of Jaccard similarity s have
shingle counts within a factor s, so in a giant bucket the window holds the likely twins. Texts already
connected are not compared again. A pair counts when the true Jaccard similarity of the two shingle sets is >=
min_jaccard; signatures only propose.

Connection is transitive: in a chain a~b~c, c belongs to a's cluster although it may be less similar to a than
the threshold. That is what splits by cluster need (no twin of a test document in train), and `similarity`
states the figure.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.text.lsh import band_keys, buckets

WINDOW = 16  # texts of the same bucket that a text is compared with, besides the first


def rank_order(lengths: NDArray[np.int64], digests: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Positions of the texts in rank order: longest first (characters), then smallest digest."""
    return np.lexsort((digests, -lengths))


def shingle_sets(
    offsets: NDArray[np.int64], hashes: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Each text's shingles sorted and without repeats, as (offsets, hashes) of the same form."""
    return _shingle_sets(offsets, hashes)


@njit(nogil=True, cache=True)
def _shingle_sets(offsets, hashes):  # type: ignore[no-untyped-def]
    bounds, kept, used = np.zeros(len(offsets), np.int64), np.empty(len(hashes), np.uint32), 0
    for i in range(len(offsets) - 1):
        ordered = np.sort(hashes[offsets[i] : offsets[i + 1]])
        for j in range(len(ordered)):
            if j == 0 or ordered[j] != ordered[j - 1]:
                kept[used] = ordered[j]
                used += 1
        bounds[i + 1] = used
    return bounds, kept[:used].copy()


def connect(
    signatures: NDArray[np.uint32],
    sets: tuple[NDArray[np.int64], NDArray[np.uint32]],
    *,
    bands: int,
    rows: int,
    min_jaccard: float,
) -> NDArray[np.int64]:
    """For each text (in rank order) the first text of its cluster, shape (texts,).

    `sets` are shingle sets as `shingle_sets` gives them; those of texts that share no bucket may be empty.
    """
    parents = np.arange(len(signatures))
    offsets, hashes = sets
    for band in range(bands):
        order, bounds = buckets(band_keys(signatures, band, rows))
        _connect_buckets(order, bounds, offsets, hashes, min_jaccard, parents)
    return _roots(parents)


def jaccard_per_mille(
    sets: tuple[NDArray[np.int64], NDArray[np.uint32]], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int16]:
    """Jaccard similarity of the pairs (first[i], second[i]) of texts, per mille, rounded down."""
    offsets, hashes = sets
    return _per_mille(offsets, hashes, first, second)


@njit(nogil=True, cache=True)
def _connect_buckets(order, bounds, offsets, hashes, min_jaccard, parents):  # type: ignore[no-untyped-def]
    for b in range(len(bounds) - 1):
        start = bounds[b]
        for i in range(start + 1, bounds[b + 1]):
            _connect_pair(order[start], order[i], offsets, hashes, min_jaccard, parents)
            for j in range(max(start + 1, i - WINDOW), i):
                _connect_pair(order[j], order[i], offsets, hashes, min_jaccard, parents)


@njit(nogil=True, cache=True)
def _connect_pair(one, other, offsets, hashes, min_jaccard, parents):  # type: ignore[no-untyped-def]
    """Join the clusters of two texts that are not in the same one yet and are similar enough."""
    first, second = _root(parents, one), _root(parents, other)
    if first == second:
        return
    sizes = offsets[one + 1] - offsets[one], offsets[other + 1] - offsets[other]
    if min(sizes) < min_jaccard * max(sizes) - 1e-9:
        return
    shared = _shared(offsets, hashes, one, other)
    if shared >= min_jaccard * (sizes[0] + sizes[1] - shared) - 1e-9:
        parents[max(first, second)] = min(first, second)


@njit(nogil=True, cache=True)
def _root(parents, i):  # type: ignore[no-untyped-def]
    """First text of the cluster of i, halving the path on the way."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(nogil=True, cache=True)
def _roots(parents):  # type: ignore[no-untyped-def]
    roots = np.empty(len(parents), np.int64)
    for i in range(len(parents)):
        roots[i] = _root(parents, i)
    return roots


@njit(nogil=True, cache=True)
def _shared(offsets, hashes, one, other):  # type: ignore[no-untyped-def]
    """How many shingles two sorted sets have in common."""
    i, j, shared = offsets[one], offsets[other], 0
    while i < offsets[one + 1] and j < offsets[other + 1]:
        a, b = hashes[i], hashes[j]
        shared += a == b
        i += a <= b
        j += b <= a
    return shared


@njit(nogil=True, cache=True)
def _per_mille(offsets, hashes, first, second):  # type: ignore[no-untyped-def]
    result = np.empty(len(first), np.int16)
    for i in range(len(first)):
        one, other = first[i], second[i]
        shared = _shared(offsets, hashes, one, other)
        union = offsets[one + 1] - offsets[one] + offsets[other + 1] - offsets[other] - shared
        result[i] = 1000 * shared // union
    return result
