"""Guards: what looks like a mistake stops the stage before it is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import GristmillError

GUARDED = 100  # documents; a smaller source may lose all of them to another one without an alarm


def check_losses(sources: pa.ChunkedArray, reasons: pa.ChunkedArray, limit: float) -> None:
    """Refuse a run in which a source of GUARDED documents or more loses most of them."""
    dropped = pc.is_valid(reasons).cast(pa.int64())
    losses = (
        pa.table({"source": sources, "dropped": dropped})
        .group_by("source")
        .aggregate([("dropped", "sum"), ("dropped", "count")])
    )
    for row in sorted(losses.to_pylist(), key=lambda row: row["source"]):
        lost, total = row["dropped_sum"], row["dropped_count"]
        if total >= GUARDED and lost > limit * total:
            raise GristmillError(
                f"dedup would drop {lost} of the {total} documents of the source `{row['source']}` "
                f"({lost / total:.1%}), above dedup.max_dropped_fraction = {limit}; look for boilerplate "
                "in its texts, or raise the limit in params.yaml and run `dvc repro dedup`"
            )
