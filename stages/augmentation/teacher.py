"""The teacher: does a copy still read like its label? Asked of a classifier that saw the original texts alone.

Reads   label/labels, clean/text, augment/perturbed and augment/translated.
Writes  augment/doubted    the copies to which a classifier, trained on the training documents of their task, gives
        another label than the one they have from their parent

The classifier is TF-IDF over characters and logistic regression (stages/model/evaluation/baseline.py): quick, and good
with any script. It has seen the parent, so that it doubts a copy only where the change speaks for another label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ID, TASK, column, table
from catalog.segments import Segment
from stages.augmentation.copies import CHILDREN, parents
from stages.model.evaluation.baseline_params import BaselineParams

DOUBTED = table(ID, TASK, column("predicted", pa.string(), "label that the teacher gives"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherParams:
    """Tasks whose copies are checked, and the numbers of the classifier."""

    tasks: list[str]
    longest_run: int = 3  # characters of a TF-IDF term
    min_documents: int = 2  # documents a term must stand in
    inverse_penalty: float = 10.0  # C of the logistic regression


def doubt(
    labels: list[Segment], texts: list[Segment], made: list[Segment], params: TeacherParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("doubted", "all", a row per copy with another label), by task, in the order of the copies.

    A task of which all training documents have one label has no teacher.
    """
    columns = ["id", "task", "text", "label"]
    empty = CHILDREN.remove_metadata().empty_table().select(columns)
    copies = pa.concat_tables([empty, *(segment.read(columns) for segment in made)])
    seen = [
        row
        for labelled, documents in zip(labels, texts, strict=True)
        for row in parents(labelled.read(), documents.read(["id", "text", "language"]), params.tasks)
    ]
    found = [DOUBTED.remove_metadata().empty_table()]
    for task in params.tasks:
        taught = [row for row in seen if row["task"] == task]
        asked = copies.filter(pc.equal(copies["task"], task))
        if len({row["label"] for row in taught}) > 1 and asked.num_rows:
            found.append(_doubted(taught, asked, params))
    yield "doubted", "all", pa.concat_tables(found)


def _doubted(taught: list[dict[str, str]], asked: pa.Table, params: TeacherParams) -> pa.Table:
    from stages.model.evaluation.baseline import classified  # here, for scikit-learn takes two seconds to import

    how = BaselineParams(
        longest_run=params.longest_run, min_documents=params.min_documents,
        inverse_penalty=params.inverse_penalty,
    )  # fmt: skip
    said = classified([row["text"] for row in taught], [row["label"] for row in taught], asked["text"].to_pylist(), how)
    predicted = pa.array(said, pa.string())
    table = pa.table({"id": asked["id"], "task": asked["task"], "predicted": predicted})
    return table.filter(pc.not_equal(predicted, asked["label"])).cast(DOUBTED.remove_metadata())
