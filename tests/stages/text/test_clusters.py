"""Clusters: what LSH proposes, what the evidence connects, and what it costs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from stages.text.minhash.clusters import WINDOW, Evidence, connect, leaders, shingle_sets
from stages.text.minhash.lsh import in_shared_bucket, near_any
from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signatures import signatures
from tests.stages.duplicates.duplicated import BASE, NEAR, OTHER, variants


def evidence(texts: list[str], *, exact: bool = True) -> Evidence:
    offsets, hashes = shingle_hashes(pa.array(texts, pa.large_string()), words=5, characters=5)
    return Evidence(signatures(offsets, hashes, num_perm=112, seed=1), *shingle_sets(offsets, hashes), exact)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("texts", "least"), [(variants(12), 0.6), ([BASE, NEAR, OTHER, OTHER + " x", "!!!"], 0.8)])
def test_components_equal_brute_force(texts: list[str], least: float, exact: bool) -> None:
    """With bands of one row, small buckets give the components of the graph of all pairs, by either evidence."""
    found = evidence(texts, exact=exact)
    members = [set(found.hashes[a:b].tolist()) for a, b in pairwise(found.offsets)]

    def similarity(i: int, j: int) -> float:
        if exact:
            return len(members[i] & members[j]) / len(members[i] | members[j])
        return float((found.signatures[i] == found.signatures[j]).mean())

    expected = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if similarity(i, j) >= least:
                old, new = sorted((expected[i], expected[j]), reverse=True)
                expected = [new if root == old else root for root in expected]
    assert connect(found, len(texts), bands=112, rows=1, min_jaccard=least).tolist() == expected


def test_a_giant_bucket_costs_a_linear_number_of_comparisons() -> None:
    """A bucket of 30,000 texts, alike in one band and unlike in truth, ends in seconds, not hours; so does a chain of
    them that is to be cut into as many pieces."""
    count = 30_000
    found = Evidence(np.ones((count, 1), np.uint32), np.arange(count + 1), np.arange(count, dtype=np.uint32), True)
    assert WINDOW < 100
    assert (connect(found, count, bands=1, rows=1, min_jaccard=0.8) == np.arange(count)).all()
    assert (leaders(found, np.zeros(count, np.int64), 0.5) == np.arange(count)).all()


def test_texts_alone_in_their_buckets_are_not_read() -> None:
    """Only texts that share a bucket need their shingles."""
    assert in_shared_bucket(evidence([BASE, NEAR, OTHER]).signatures, 14, 8).tolist() == [True, True, False]


def test_near_any_finds_the_near_ones() -> None:
    """A query is near when an estimate reaches the threshold, and no base text means nothing is near."""
    matrix = evidence([BASE, NEAR, OTHER]).signatures
    assert near_any(matrix[1:], matrix[:1], bands=14, rows=8, min_jaccard=0.8).tolist() == [True, False]
    assert not near_any(matrix, matrix[:0], bands=14, rows=8, min_jaccard=0.8).any()
