"""Documents that are equal in one column: the values travel to where equal ones meet, and who stands for whom returns.

Writes  dedup/spread_values: the documents still kept that have a value; dedup/spread_links: of each document that is
        equal to another one, the first of them in the order of keeping, which is itself where it is the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from catalog.segments import Segment
from stages.duplicates.choosing import ranking
from stages.duplicates.levels import COLUMNS, first_equal
from stages.duplicates.reading import refuse_repeated_ids
from stages.duplicates.spread.group import ORDERED, lost_places, ordered, read_group
from stages.duplicates.spread.parts import Share, as_numbers, groups_of, scattered, sent, text_keys, together

ID = "id"  # a level of its own, at which no two may be equal
VALUES = pa.schema([pa.field("value", pa.large_string(), False), *ORDERED])
LINKS = pa.schema([pa.field("number", pa.uint64(), False), pa.field("leader", pa.uint64(), False)])


def send_values(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], links: Sequence[Segment], *, params: Share,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """("spread_values", way, VALUES rows) of a group; `links` are those of the levels before."""
    corpus = read_group(signatures, verdicts, addresses, folded, signals, params)
    kept = np.ones(corpus.documents.num_rows, bool)
    kept[lost_places(links)] = False
    values = corpus.documents[COLUMNS.get(params.level, ID)].cast(pa.large_string())
    kept &= values.is_valid().to_numpy()
    places = np.flatnonzero(kept)
    values = values.take(pa.array(places))
    rows = ordered(corpus, places, params).add_column(0, "value", values)
    yield from sent("spread_values", rows, scattered(text_keys(values), params.parts), params.index, params.level)


def meet_values(values: Sequence[Segment], *, params: Share) -> Iterator[tuple[str, str, pa.Table]]:
    """("spread_links", way, LINKS rows) of the values that meet here. Errors: InputError when an id occurs twice."""
    rows = together(values, VALUES)
    if params.level == ID:
        refuse_repeated_ids(rows["value"])
    ranked = rows.take(pa.array(ranking(rows, params.cluster.order)))
    first = first_equal(ranked["value"], np.arange(ranked.num_rows))
    several = np.flatnonzero(np.bincount(first, minlength=len(first))[first] > 1)
    numbers = as_numbers(ranked["number"])
    found = pa.table({"number": numbers[several], "leader": numbers[first[several]]})
    yield from sent("spread_links", found, groups_of(numbers[several]), params.index, params.level)
