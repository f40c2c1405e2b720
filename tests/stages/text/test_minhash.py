"""MinHash signatures: the same bits as datasketch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash

from stages.text.minhash.shingles import shingle_hashes
from stages.text.minhash.signatures import permutations, signatures

TEXTS = ["one two three four five six seven", "这部电影很好看，我喜欢", "", "short", "word " * 500]


@pytest.mark.parametrize(("num_perm", "seed"), [(1, 1), (112, 1), (128, 42), (260, 7)])
def test_bits_are_those_of_datasketch(num_perm: int, seed: int) -> None:
    """Fed with the same shingle hashes, datasketch gives the same signature, bit for bit."""
    offsets, hashes = shingle_hashes(pa.array(TEXTS), words=5, characters=5)
    ours = signatures(offsets, hashes, num_perm=num_perm, seed=seed)
    for i in range(len(TEXTS)):
        theirs = MinHash(num_perm=num_perm, seed=seed, scheme="affine32", hashfunc=int)
        theirs.update_batch(hashes[offsets[i] : offsets[i + 1]].tolist())
        assert ours[i].dtype == theirs.hashvalues.dtype
        assert ours[i].tobytes() == theirs.hashvalues.tobytes()


def test_permutations_are_bijections() -> None:
    """Every multiplier is odd; an even one would merge values."""
    multipliers, increments = permutations(128, 1)
    assert (multipliers & 1).all() and len(set(multipliers.tolist())) == len(increments) == 128


def test_estimate_is_unbiased() -> None:
    """Two sets that share a third of their union are estimated within four standard deviations of it."""
    half = np.arange(3000, dtype=np.uint32) * np.uint32(2654435761)
    hashes = np.concatenate([half[:2000], half[1000:]])
    signed = signatures(np.array([0, 2000, 4000]), hashes, num_perm=1024, seed=3)
    share = (signed[0] == signed[1]).mean()
    assert abs(share - 1 / 3) < 4 * np.sqrt((1 / 3) * (2 / 3) / 1024)
