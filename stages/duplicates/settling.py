"""What all levels decided, once the guards have seen what the levels after clustering drop as well.

Reads   dedup/signatures (source), dedup/clusters, the cuts of each level; clean/text for what an alarm tells.
Writes  dedup/verdicts, dedup/cuts, per segment. Errors: GristmillError when a guard finds what it takes for a mistake.

Memory: of each document its id, its source and what it was dropped for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.duplicates.cutting import CUTS, DROP, settle
from stages.duplicates.guards import check, tally
from stages.duplicates.params import GuardParams

SEEN = ["id", "representative", "drop_reason"]


def settle_all(
    signatures: Sequence[Segment], clusters: Sequence[Segment], texts: Sequence[Segment], *cuts: Sequence[Segment],
    params: GuardParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield ("verdicts", key, rows) and ("cuts", key, rows) per segment; the lists hold the same keys in order."""
    parts = list(zip(clusters, *cuts, strict=True))
    seen = [_seen(*(segment.read() for segment in part)) for part in parts]
    if seen:
        verdicts = pa.concat_tables(seen)
        sources = pa.concat_tables([segment.read(["id", "source"]) for segment in signatures])
        at = pc.index_in(verdicts["id"], value_set=sources["id"].combine_chunks())
        check(tally(sources.take(at), verdicts, verdicts.num_rows, params), texts, params)
    for part in parts:
        for name, rows in settle(*(segment.read() for segment in part)).items():
            yield name, part[0].key, rows


def _seen(clusters: pa.Table, *cuts: pa.Table) -> pa.Table:
    """What a guard looks at: a document that a later level dropped is dropped for the first that keeps its words."""
    dropped = pa.concat_tables([CUTS.remove_metadata().empty_table(), *cuts]).filter(pc.equal(pc.field("effect"), DROP))
    of = dropped["of"].take(pc.index_in(clusters["id"], value_set=dropped["id"].combine_chunks()))
    verdicts = settle(clusters, *cuts)["verdicts"].select(SEEN)
    return verdicts.set_column(1, "representative", pc.coalesce(of, verdicts["representative"]))
