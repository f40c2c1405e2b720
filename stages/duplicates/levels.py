"""The levels of deduplication, one after the other, each among the documents that the ones before it kept.

Documents are numbered by rank, the one to keep first (stages/duplicates/choosing.py). A level names for each document
still kept the one that stands for it, of equal or lower rank; so a cascade of levels is a forest whose roots are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stages.duplicates.params import EXACT, NEAR, NORMALISED, URL

COLUMNS = {URL: "address", EXACT: "text_digest", NORMALISED: "folded"}  # documents equal in it are the same
REASONS = {
    URL: "duplicate_url", EXACT: "exact_duplicate", NORMALISED: "normalised_duplicate", NEAR: "near_duplicate",
}  # fmt: skip


@dataclass(frozen=True)
class Levels:
    """What became of each document, by rank; `apply` fills it in, level by level."""

    leader: NDArray[np.int64]  # the document that stands for it, itself where it is kept
    text: NDArray[np.int64]  # a document of equal text that EXACT did not drop, itself where there is none
    reason: NDArray[np.int8]  # place in REASONS of the level that dropped it, -1 where it is kept

    @classmethod
    def of(cls, documents: int) -> Levels:
        """Nothing is dropped yet."""
        return cls(np.arange(documents), np.arange(documents), np.full(documents, -1, np.int8))

    def kept(self) -> NDArray[np.int64]:
        """Ranks of the documents still kept, ascending."""
        return np.flatnonzero(self.reason < 0)

    def apply(self, level: str, kept: NDArray[np.int64], found: NDArray[np.int64]) -> None:
        """Drop the documents of `kept` for which another one stands."""
        lost = found != kept
        self.reason[kept[lost]] = list(REASONS).index(level)
        self.leader[kept] = found
        if level == EXACT:
            self.text[kept] = found
        self.leader[:] = self.leader[self.leader]

    def lost_at(self, *levels: str) -> NDArray[np.int64]:
        """Ranks of the documents that these levels dropped, ascending."""
        return np.flatnonzero(np.isin(self.reason, [list(REASONS).index(level) for level in levels]))


def first_equal(column: pa.ChunkedArray, kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each document of `kept` the first one of equal value; a null is equal to nothing. `column` is by rank."""
    values = column.cast(pa.large_string()).take(pa.array(kept)).combine_chunks()
    codes = values.dictionary_encode().indices
    known = codes.is_valid().to_numpy(zero_copy_only=False)
    _, first, group = np.unique(codes.drop_null().to_numpy(), return_index=True, return_inverse=True)
    found = kept.copy()
    found[known] = kept[known][first[group]]
    return found
