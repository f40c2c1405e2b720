"""The documents that are still kept when a level begins, in the order in which they are to be kept.

Reads   dedup/signatures (digests, lengths), dedup/clusters, the cuts of the levels before; dedup/addresses and
        clean/signals where the order of keeping asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.choosing import beside, ranking
from stages.duplicates.cutting import settle
from stages.duplicates.params import KeepParams
from stages.duplicates.reading import Corpus, read_corpus


@dataclass(frozen=True)
class _Settled:
    """A segment of verdicts as they stand when a level begins."""

    clusters: Segment
    cuts: Sequence[Segment]

    def read(self, columns: list[str] | None = None) -> pa.Table:
        rows = settle(self.clusters.read(), *(one.read() for one in self.cuts))["verdicts"]
        return rows.select(columns or rows.column_names)


def standing(
    signatures: Sequence[Segment], clusters: Sequence[Segment], addresses: Sequence[Segment],
    signals: Sequence[Segment], *cuts: Sequence[Segment], keep: KeepParams,
) -> tuple[Corpus, NDArray[np.int64]]:  # fmt: skip
    """(the documents still kept, their positions in the order of keeping). The lists hold the same keys in order;
    addresses and signals may be empty where `keep` does not ask for them.
    """
    verdicts = [_Settled(one, found) for one, *found in zip(clusters, *cuts, strict=True)]
    corpus = read_corpus(signatures, verdicts, *beside(addresses, signals, keep))
    return corpus, ranking(corpus.documents, keep)
