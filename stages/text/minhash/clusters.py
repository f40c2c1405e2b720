"""Texts -> clusters of near-duplicates: verified candidate pairs, then connected components.

Texts are numbered by rank before anything is compared, the one to keep first (stages/duplicates/choosing.py). So
every choice below depends on the set of texts alone, never on their order, their segments or the number of workers,
and a cluster's first text is its representative.

Candidates come from LSH buckets. Inside a bucket a text is compared with the bucket's first text and with the
WINDOW texts before it, so a bucket of n texts costs at most (WINDOW + 1) n comparisons; up to WINDOW + 2
texts these are all pairs. Where rank is length, neighbours have similar lengths, and two texts of Jaccard similarity
s have shingle counts within a factor s, so in a giant bucket the window holds the likely twins. Texts already
connected are not compared again. A pair counts when the evidence says >= min_jaccard: the true Jaccard similarity of
the two shingle sets, or the share of equal positions of the signatures, which estimates it.

Connection is transitive: in a chain a~b~c, c belongs to a's cluster although it may be less similar to a than
the threshold. That is what splits by cluster need (no twin of a test document in train), and `similarity`
states the figure. What is dropped in favour of a can be limited further (`leaders`): in rank order, each text of a
cluster follows the first leader that it is similar enough to, and leads itself where there is none. It is compared
with the cluster's first leader and the last WINDOW ones, so that a giant chain too costs at most (WINDOW + 1) n
comparisons; up to WINDOW + 1 leaders these are all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.text.minhash.lsh import band_keys, buckets

WINDOW = 16  # texts of the same bucket that a text is compared with, besides the first


class Evidence(NamedTuple):
    """What two texts are compared by: their shingle sets where `exact`, else their signatures.

    `signatures` has shape (texts, num_perm); `offsets` and `hashes` are sets as `shingle_sets` gives them, those of
    texts that are never compared may be empty.
    """

    signatures: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint32]
    exact: bool


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


def connect(evidence: Evidence, texts: int, *, bands: int, rows: int, min_jaccard: float) -> NDArray[np.int64]:
    """For each of the first `texts` texts (in rank order) the first text of its cluster, shape (texts,)."""
    parents = np.arange(texts)
    for band in range(bands):
        order, bounds = buckets(band_keys(evidence.signatures[:texts], band, rows))
        _connect_buckets(order, bounds, evidence, min_jaccard, parents)
    return _roots(parents)


def connect_buckets(
    evidence: Evidence, order: NDArray[np.int64], bounds: NDArray[np.int64], min_jaccard: float
) -> NDArray[np.int64]:
    """The same for some buckets alone: bucket b is order[bounds[b]:bounds[b + 1]], ascending."""
    parents = np.arange(len(evidence.offsets) - 1)
    _connect_buckets(order, bounds, evidence, min_jaccard, parents)
    return _roots(parents)


def connect_pairs(texts: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each text the first one that it is connected to by the pairs (one[i], other[i]), shape (texts,)."""
    parents = np.arange(texts)
    _connect_pairs(one, other, parents)
    return _roots(parents)


def leaders(evidence: Evidence, first: NDArray[np.int64], min_similarity: float) -> NDArray[np.int64]:
    """For each text the leader that it follows, shape (texts,); `first` is what `connect` gives."""
    return _leaders(np.argsort(first, kind="stable"), first, evidence, min_similarity)


def per_mille(evidence: Evidence, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int16]:
    """Similarity of the pairs (first[i], second[i]) of texts, per mille, rounded down."""
    return _per_mille(evidence, first, second)


@njit(nogil=True, cache=True)
def _connect_buckets(order, bounds, evidence, min_jaccard, parents):  # type: ignore[no-untyped-def]
    for b in range(len(bounds) - 1):
        start = bounds[b]
        for i in range(start + 1, bounds[b + 1]):
            _connect_pair(order[start], order[i], evidence, min_jaccard, parents)
            for j in range(max(start + 1, i - WINDOW), i):
                _connect_pair(order[j], order[i], evidence, min_jaccard, parents)


@njit(nogil=True, cache=True)
def _connect_pairs(one, other, parents):  # type: ignore[no-untyped-def]
    for i in range(len(one)):
        first, second = _root(parents, one[i]), _root(parents, other[i])
        parents[max(first, second)] = min(first, second)


@njit(nogil=True, cache=True)
def _connect_pair(one, other, evidence, min_jaccard, parents):  # type: ignore[no-untyped-def]
    """Join the clusters of two texts that are not in the same one yet and are similar enough."""
    first, second = _root(parents, one), _root(parents, other)
    if first != second and _similar(evidence, one, other, min_jaccard):
        parents[max(first, second)] = min(first, second)


@njit(nogil=True, cache=True)
def _leaders(order, first, evidence, min_similarity):  # type: ignore[no-untyped-def]
    """`order` holds the texts cluster by cluster, each cluster in rank order."""
    result, leading, count = np.empty(len(first), np.int64), np.empty(len(first), np.int64), 0
    for text in order:
        if first[text] == text:
            count = 0
        found, i = -1, 0
        while found < 0 and i < count:
            if _similar(evidence, leading[i], text, min_similarity):
                found = leading[i]
            i = max(i + 1, count - WINDOW)
        if found < 0:
            found = text
            leading[count] = text
            count += 1
        result[text] = found
    return result


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
def _similar(evidence, one, other, least):  # type: ignore[no-untyped-def]
    """Is the similarity of two texts at least this? Sizes too far apart answer without a look at the shingles."""
    if evidence.exact:
        sizes = evidence.offsets[one + 1] - evidence.offsets[one], evidence.offsets[other + 1] - evidence.offsets[other]
        if min(sizes) < least * max(sizes) - 1e-9:
            return False
    shared, of = _overlap(evidence, one, other)
    return shared >= least * of - 1e-9


@njit(nogil=True, cache=True)
def _overlap(evidence, one, other):  # type: ignore[no-untyped-def]
    """(shared, all): shingles of two sorted sets, or positions of two signatures."""
    if not evidence.exact:
        equal = 0
        for k in range(evidence.signatures.shape[1]):
            equal += evidence.signatures[one, k] == evidence.signatures[other, k]
        return equal, evidence.signatures.shape[1]
    offsets, hashes = evidence.offsets, evidence.hashes
    i, j, shared = offsets[one], offsets[other], 0
    while i < offsets[one + 1] and j < offsets[other + 1]:
        a, b = hashes[i], hashes[j]
        shared += a == b
        i += a <= b
        j += b <= a
    return shared, offsets[one + 1] - offsets[one] + offsets[other + 1] - offsets[other] - shared


@njit(nogil=True, cache=True)
def _per_mille(evidence, first, second):  # type: ignore[no-untyped-def]
    result = np.empty(len(first), np.int16)
    for i in range(len(first)):
        shared, of = _overlap(evidence, first[i], second[i])
        result[i] = 1000 * shared // of
    return result
