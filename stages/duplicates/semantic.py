"""Documents that mean the same: embeddings nearer to each other than a threshold.

Reads   dedup/embeddings, and what says which documents are kept and in which order (stages/duplicates/standing.py).
Writes  dedup/semantic_cuts: of each twin its whole text, and the document that is kept for it.
Sources SemDeDup: Abbas et al. 2023. k-means first, so that not all pairs are compared; up to
        `semantic_cluster` documents are one cluster, and then all pairs are.

A document is dropped for the first kept document, in the order of keeping, that lies in its k-means cluster and is near
enough. All is done in that order, so that nothing but the set of documents decides; a product of matrices only
proposes, and pairs near the threshold are decided by a sum in one fixed order.

Memory: the vectors in float32, and BLOCK products for each document of the largest cluster (counted, not measured).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from catalog.segments import Segment
from stages.duplicates.choosing import as_bytes
from stages.duplicates.cutting import SEMANTIC
from stages.duplicates.embedding import matrix
from stages.duplicates.params import KeepParams
from stages.duplicates.reading import Corpus
from stages.duplicates.standing import standing

ROUNDS = 10  # of k-means
BLOCK = 1024  # documents compared at once with those before them
SLACK = 1e-3  # by which a product of matrices may be wrong: 4 times what float32 loses over 4096 dimensions

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticParams:
    """How near is the same, and what becomes of it."""

    effect: str
    min_cosine: float
    cluster: int  # documents of a k-means cluster, on average
    keep: KeepParams


def semantic_cuts(
    embeddings: list[Segment], signatures: list[Segment], clusters: list[Segment], addresses: list[Segment],
    signals: list[Segment], *earlier: list[Segment], params: SemanticParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield ("semantic_cuts", key, rows) per segment."""
    corpus, order = standing(signatures, clusters, addresses, signals, *earlier, keep=params.keep)
    vectors = _read(embeddings, corpus)[order]
    with threadpool_limits(1):  # another number of threads may round otherwise
        groups = k_means(vectors, corpus.documents["text_digest"].take(pa.array(order)), params.cluster)
        of, cosine = twins(vectors, groups, params.min_cosine)
    keeper, similarity = np.full(len(order), -1), np.zeros(len(order), np.int16)
    keeper[order] = np.where(of < 0, -1, order[of])
    similarity[order] = np.floor(1000 * np.minimum(cosine, 1) + 1e-9)
    for key, piece in corpus.pieces():
        found = np.flatnonzero(keeper[piece] >= 0) + piece.start
        rows = corpus.documents.take(pa.array(found))
        yield "semantic_cuts", key, pa.table({
            "id": rows["id"],
            "start": pa.array(np.zeros(len(found), np.int32)),
            "stop": rows["characters"],
            "level": pa.repeat(SEMANTIC, len(found)),
            "of": corpus.documents["id"].take(pa.array(keeper[found])),
            "similarity": pa.array(similarity[found]),
            "effect": pa.repeat(params.effect, len(found)),
        })  # fmt: skip


def _read(embeddings: Sequence[Segment], corpus: Corpus) -> NDArray[np.float16]:
    """The vectors of the documents, in corpus order."""
    parts = []
    for segment, ids in zip(embeddings, corpus.ids(), strict=True):
        rows = segment.read(["id", "vector"])
        parts.append(matrix(rows["vector"].take(pc.index_in(ids, value_set=rows["id"]))))
    return np.concatenate([part for part in parts if len(part)] or parts or [np.empty((0, 1), np.float16)])


def k_means(vectors: NDArray[np.float16], digests: pa.ChunkedArray, size: int) -> Longs:
    """The cluster of each vector, `size` vectors each on average; the first centres are those of smallest digest."""
    count = -(-len(vectors) // size)
    if count <= 1:
        return np.zeros(len(vectors), np.int64)
    centres = _unit(vectors[np.argsort(as_bytes(digests), kind="stable")[:count]])
    for _ in range(ROUNDS):
        nearest = _nearest(vectors, centres)
        by_cluster = np.argsort(nearest, kind="stable")
        for cluster, members in _members(by_cluster, nearest):
            centres[cluster] = vectors[members].astype(np.float64).sum(axis=0)
        centres = _unit(centres)
    return _nearest(vectors, centres)


def _nearest(vectors: NDArray[np.float16], centres: Floats) -> Longs:
    blocks = (vectors[start : start + BLOCK].astype(np.float32) for start in range(0, len(vectors), BLOCK))
    return np.concatenate([(block @ centres.T).argmax(axis=1) for block in blocks])


def _members(by_cluster: Longs, nearest: Longs) -> Iterator[tuple[int, Longs]]:
    """(cluster, positions of its vectors, ascending) of each cluster that has any."""
    edges = np.flatnonzero(np.diff(nearest[by_cluster], prepend=-1, append=-1))
    for start, stop in pairwise(edges.tolist()):
        yield int(nearest[by_cluster[start]]), by_cluster[start:stop]


def _unit(vectors: NDArray[Any]) -> Floats:
    """Vectors of length 1 in the same directions."""
    return (vectors / _lengths(vectors)[:, None]).astype(np.float32)


def _lengths(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Length of each vector; 1 for one of zeros, which is near to none."""
    lengths = np.array([np.sqrt(np.square(row, dtype=np.float64).sum()) for row in vectors])
    return np.where(lengths, lengths, 1.0)


def twins(vectors: NDArray[np.float16], groups: Longs, min_cosine: float) -> tuple[Longs, NDArray[np.float64]]:
    """(the first kept vector of its group that each is near to, -1 where it is kept itself; their cosine)."""
    of, cosine = np.full(len(vectors), -1), np.zeros(len(vectors))
    for _, members in _members(np.argsort(groups, kind="stable"), groups):
        rows = vectors[members].astype(np.float32)
        lengths = _lengths(rows)
        kept = np.empty(len(members), np.int64)
        count = 0
        for start in range(0, len(members), BLOCK):
            block = rows[start : start + BLOCK]
            products = block @ rows[kept[:count]].T, block @ block.T
            count = _keep(start, *products, rows, lengths, kept, count, min_cosine, members, of, cosine)
    return of, cosine


@njit(nogil=True, cache=True)
def _keep(start, before, beside, rows, lengths, kept, count, least, members, of, cosine):  # type: ignore[no-untyped-def]
    """Decide on a block of vectors, one by one: `before` are products with those kept from earlier blocks."""
    earlier = count
    for i in range(len(beside)):
        for j in range(count):
            near = before[i, j] if j < earlier else beside[i, kept[j] - start]
            scale = lengths[start + i] * lengths[kept[j]]
            if near < (least - SLACK) * scale:
                continue
            exact = 0.0
            for k in range(rows.shape[1]):
                exact += np.float64(rows[start + i, k]) * np.float64(rows[kept[j], k])
            if exact / scale >= least - 1e-9:
                of[members[start + i]], cosine[members[start + i]] = members[kept[j]], exact / scale
                break
        if of[members[start + i]] < 0:
            kept[count] = start + i
            count += 1
    return count
