"""Rehydration: how often the document kept for a cluster should be seen in training, by the size of the cluster.

A text that many people copied is better than one that nobody did, up to where it is boilerplate; so FineWeb 2 repeats
what it kept (Penedo et al. 2025). Here it is a column, `copies`: the corpus still holds each text once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Steps = tuple[tuple[int, int], ...]

REHYDRATIONS: dict[str, Mapping[int, int]] = {
    "fineweb2": {1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1},  # README of fineweb-2; 4 documents are 3 copies
}
"""Name -> (documents of a cluster, at least -> copies)."""


def steps_of(given: str | Mapping[int, int]) -> Steps:
    """(least documents, copies), ascending; of a name or a mapping. Errors: ValueError for what cannot be."""
    table = REHYDRATIONS[given] if isinstance(given, str) else given
    for documents, copies in table.items():
        if not (isinstance(documents, int) and isinstance(copies, int)) or documents < 1 or not 1 <= copies <= 1000:
            raise ValueError(f"rehydrate has {documents}: {copies}, must be documents >= 1: copies 1 to 1000")
    return tuple(sorted(table.items()))


def copies_of(sizes: NDArray[np.int64], steps: Steps) -> NDArray[np.int32]:
    """Copies for clusters of these sizes (documents), same shape; 1 below the first step."""
    least = np.array([documents for documents, _ in steps], np.int64)
    copies = np.array([1, *(copies for _, copies in steps)], np.int32)
    return copies[np.searchsorted(least, sizes, side="right")]
