"""Signatures -> bands: which texts are worth comparing.

A signature is cut into `bands` of `rows` values; two texts share a bucket where all values of a band agree,
which happens somewhere with probability 1 - (1 - s^rows)^bands at Jaccard similarity s (Leskovec, Rajaraman
and Ullman, *Mining of Massive Datasets*, 3.4). 14 bands of 8 rows (FineWeb) catch .06 of pairs at s = .5, .56
at .7, .92 at .8 and .999 at .9. Buckets come from sorting one 64-bit hash per band, a band at a time: no
dictionary of buckets is held, and a collision of that hash costs one comparison, never a wrong pair.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def check_bands(num_perm: int, bands: int, rows: int) -> None:
    """Errors: ValueError when the bands do not fit into a signature."""
    if min(num_perm, bands, rows) < 1:
        raise ValueError(f"num_perm, bands and rows are {num_perm}, {bands} and {rows}, must each be >= 1")
    if bands * rows > num_perm:
        raise ValueError(f"bands * rows is {bands} * {rows} = {bands * rows}, must be <= num_perm = {num_perm}")


def catch_probability(similarity: float, bands: int, rows: int) -> float:
    """Probability that a pair of this Jaccard similarity shares a bucket (the S-curve)."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def band_keys(signatures: NDArray[np.uint32], band: int, rows: int) -> NDArray[np.uint64]:
    """The bucket of every text in one band, shape (texts,): a 64-bit hash of the band's values."""
    return _band_keys(signatures, band * rows, rows)


@njit(nogil=True, cache=True)
def _band_keys(signatures, first, rows):  # type: ignore[no-untyped-def]
    """FNV-1a over 32-bit values, then a multiply and shift, because sorting looks at all 64 bits."""
    keys = np.empty(len(signatures), np.uint64)
    for i in range(len(signatures)):
        key = np.uint64(0xCBF29CE484222325)
        for j in range(first, first + rows):
            key = (key ^ np.uint64(signatures[i, j])) * np.uint64(0x100000001B3)
            key ^= key >> np.uint64(29)
        keys[i] = key
    return keys


def buckets(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order, bounds): bucket b is order[bounds[b]:bounds[b + 1]], ascending; single texts are left out."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    sizes = np.diff(np.append(np.flatnonzero(new), len(keys)))
    shared = np.repeat(sizes > 1, sizes)
    return order[shared], np.concatenate(([0], np.cumsum(sizes[sizes > 1])))


def in_shared_bucket(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.bool_]:
    """Which texts share a bucket of any band with another text, shape (texts,)."""
    shared = np.zeros(len(signatures), bool)
    for band in range(bands):
        order, _ = buckets(band_keys(signatures, band, rows))
        shared[order] = True
    return shared


def near_any(
    queries: NDArray[np.uint32], base: NDArray[np.uint32], *, bands: int, rows: int, min_jaccard: float
) -> NDArray[np.bool_]:
    """Which queries share a bucket with a text of `base` and have an estimated similarity >= min_jaccard to
    it.

    Shapes: (queries, num_perm), (base, num_perm) -> (queries,). Errors on the safe side where it is used: an
    estimate is compared, not the shingles, so that a pair just under the threshold may be reported as near.
    """
    near = np.zeros(len(queries), bool)
    least = int(np.ceil(min_jaccard * queries.shape[1] - 1e-9))
    for band in range(bands):
        keys = band_keys(base, band, rows)
        order = np.argsort(keys, kind="stable")
        wanted = band_keys(queries, band, rows)
        first = np.searchsorted(keys[order], wanted, "left")
        stop = np.searchsorted(keys[order], wanted, "right")
        _mark_near(queries, base, order, first, stop, least, near)
    return near


@njit(nogil=True, cache=True)
def _mark_near(queries, base, order, first, stop, least, near):  # type: ignore[no-untyped-def]
    """Set near[i] where query i agrees with a text of its bucket in `least` positions or more."""
    for i in range(len(queries)):
        j = first[i]
        while j < stop[i] and not near[i]:
            near[i] = (queries[i] == base[order[j]]).sum() >= least
            j += 1
