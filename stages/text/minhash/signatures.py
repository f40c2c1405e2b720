"""Shingle hashes -> MinHash signatures, bit-identical to datasketch 2 (scheme "affine32").

For permutation k and a shingle hash x: value = a[k] * mix(x) + b[k] modulo 2^32, with a[k] odd, so that each
permutation is a bijection; the signature keeps the smallest value over the shingles. a, b and mix are
datasketch's (`MinHash._init_permutations`, `_fmix`), and tests compare the bits. The share of equal positions
of two signatures estimates their Jaccard similarity s with standard deviation sqrt(s (1 - s) / num_perm).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray


def signatures(
    offsets: NDArray[np.int64], hashes: NDArray[np.uint32], *, num_perm: int, seed: int
) -> NDArray[np.uint32]:
    """One signature per text, shape (texts, num_perm), from what `shingle_hashes` returns."""
    multipliers, increments = permutations(num_perm, seed)
    return _sign(offsets, mixed(hashes), multipliers, increments)


@njit(nogil=True, cache=True)
def mixed(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's finaliser, a bijection: weak hashes become safe to permute (datasketch `_fmix`)."""
    result = np.empty(len(hashes), np.uint32)
    for i in range(len(hashes)):
        h = np.uint32(hashes[i] ^ (hashes[i] >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x85EBCA6B))
        h = np.uint32(h ^ (h >> np.uint32(13)))
        h = np.uint32(h * np.uint32(0xC2B2AE35))
        result[i] = np.uint32(h ^ (h >> np.uint32(16)))
    return result


@cache
def permutations(num_perm: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """(a, b), each of shape (num_perm,): datasketch's draws from NumPy's frozen `RandomState` stream."""
    generator = np.random.RandomState(seed)
    multipliers = generator.randint(0, 1 << 31, num_perm, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return multipliers, generator.randint(0, 1 << 32, num_perm, dtype=np.uint32)


@njit(nogil=True, cache=True)
def _sign(offsets, hashes, multipliers, increments):  # type: ignore[no-untyped-def]
    """Smallest permuted hashes; the inner loop is over permutations, so it becomes vector code.

    Two hashes at a time, the last one twice where there is an odd number: what is known so far is loaded half as often.
    """
    texts, width = len(offsets) - 1, len(multipliers)
    result = np.full((texts, width), np.uint32(0xFFFFFFFF), np.uint32)
    for i in range(texts):
        row = result[i]
        for j in range(offsets[i], offsets[i + 1], 2):
            one, other = hashes[j], hashes[min(j + 1, offsets[i + 1] - 1)]
            for k in range(width):
                first = np.uint32(multipliers[k] * one + increments[k])
                second = np.uint32(multipliers[k] * other + increments[k])
                row[k] = min(row[k], min(first, second))
    return result
