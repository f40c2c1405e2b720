"""The documents of one group: what clustering reads of them, and what of it travels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.clustering import read_beside
from stages.duplicates.reading import Corpus, read_corpus
from stages.duplicates.spread.parts import Numbers, Share, as_numbers, numbers_of, places_of

ORDERED = [
    pa.field("number", pa.uint64(), False),
    pa.field("id", pa.string(), False),
    pa.field("text_digest", pa.string(), False),
    pa.field("source", pa.string()),
    pa.field("characters", pa.int32()),
    pa.field("published", pa.int64()),
    pa.field("quality", pa.float64()),
]
"""A document as far as the order of keeping asks (stages/duplicates/choosing.py); null where it does not."""

ASKED = {"source": "source_priority", "characters": "length", "published": "oldest", "quality": "quality"}


def read_group(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], share: Share,
) -> Corpus:  # fmt: skip
    """The kept documents of the group, in the order of its segments."""
    return read_corpus(signatures, verdicts, *read_beside(addresses, folded, signals, share.cluster))


def ordered(corpus: Corpus, places: NDArray[np.int64], share: Share) -> pa.Table:
    """ORDERED rows of the documents at these places."""
    rows = corpus.documents.take(pa.array(places))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"number": pa.array(numbers_of(share.index, places))}
    for one in ORDERED[1:]:
        asked = one.name not in ASKED or ASKED[one.name] in share.cluster.keep
        columns[one.name] = rows[one.name].cast(one.type) if asked else pa.nulls(len(places), one.type)
    return pa.table(columns)


def lost_places(links: Sequence[Segment]) -> NDArray[np.int64]:
    """Places of the group's documents that a level dropped already, as its links say."""
    numbers, leaders = read_links(links)
    return places_of(numbers[numbers != leaders])


def read_links(links: Sequence[Segment]) -> tuple[Numbers, Numbers]:
    """(documents, those that stand for them) of some links."""
    rows = [segment.read(["number", "leader"]) for segment in links]
    numbers, leaders = (
        np.concatenate([np.empty(0, np.uint64), *(as_numbers(table[name]) for table in rows)])
        for name in ("number", "leader")
    )
    return numbers, leaders
