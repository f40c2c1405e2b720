"""Which documents are labelled for a task, and how predictions on them are written; shared by all systems."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment


def labelled_rows(labels: Sequence[Segment], task: str, tokens: Sequence[Segment]) -> pa.Table:
    """id, split and label of the documents that have a label for `task` and tokens, in segment order.

    Documents that `tokenize` dropped are left out for every system, so that all are scored on the same ones.
    """
    encoded = pa.chunked_array([chunk for part in tokens for chunk in part.read(["id"])["id"].chunks], pa.string())
    columns = ["id", "task", "split", "label", "drop_reason"]
    rows = pa.concat_tables([segment.read(columns) for segment in labels])
    usable = pc.and_(pc.equal(rows["task"], pa.scalar(task)), pc.is_null(rows["drop_reason"]))
    usable = pc.and_(pc.and_(usable, pc.is_valid(rows["label"])), pc.is_in(rows["id"], value_set=encoded))
    return rows.filter(usable).select(["id", "split", "label"])


def prediction_rows(run: str, rows: pa.Table, predicted: Sequence[str]) -> pa.Table:
    """The table `predictions` of one run, from the rows (id, label) it predicted, in their order."""
    labels = rows["label"].to_pylist()
    return pa.table(
        {
            "run": pa.array([run] * rows.num_rows, pa.string()),
            "id": rows["id"],
            "label": pa.array(labels, pa.string()),
            "predicted": pa.array(predicted, pa.string()),
            "correct": pa.array(np.array(labels, dtype=object) == np.array(predicted, dtype=object), pa.bool_()),
        }
    )
