"""Account: what labelling made of each document that deduplication kept.

Reads   dedup/verdicts and label/labels of one segment.
Writes  label/verdicts: dropped are only the documents that the sources label in two ways at once and that no other
        task could label; a document without any label is kept, for pretraining needs none.
"""

import pyarrow as pa
import pyarrow.compute as pc

CONFLICT = "label_conflict"


def account(clusters: pa.Table, labels: pa.Table) -> dict[str, pa.Table]:
    """One row for each kept document of the segment, in its order."""
    ids = clusters["id"].filter(pc.is_null(clusters["drop_reason"]))
    conflicting = labels["id"].filter(pc.fill_null(pc.equal(labels["drop_reason"], CONFLICT), False))
    labelled = labels["id"].filter(pc.is_null(labels["drop_reason"]))
    dropped = pc.and_not(_among(ids, conflicting), _among(ids, labelled))
    reasons = pc.if_else(dropped, CONFLICT, pa.scalar(None, pa.string()))
    return {"verdicts": pa.table({"id": ids, "drop_reason": reasons})}


def _among(ids: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(ids, others.combine_chunks())
