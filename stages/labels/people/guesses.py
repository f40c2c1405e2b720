"""guesses: what a classifier says of the documents of a task, each from other documents than itself.

Reads   label/labels, clean/text, dedup/verdicts; for a run of finetune its files and tokenize/tokens
Writes  .gristmill/predictions/<task>.parquet: id, label, confidence (per mille), run; what `label queue` reads
Run     gristmill label predict TASK [--run tfidf]

`tfidf` is the yardstick of stages/model/evaluation/baseline.py, trained on the labels of today: those who have a label
are classified by a model that saw neither them nor their near-duplicates (five folds of clusters), the others by one
that saw all labels. A run of finetune (`pretrained-seed-1`) is taken as it is; it has seen its training documents.

Suspects are documents whose label looks wrong by confident learning: C. Northcutt, L. Jiang and I. Chuang, "Confident
learning: Estimating uncertainty in dataset labels", JAIR 70 (2021), as cleanlab has it; the least likely label first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError, exit_on_error
from catalog.layout import PREDICTIONS
from catalog.parquet import write_parquet
from catalog.schema import LABELS
from catalog.segments import Segment, read_segments
from stages.labels.documents import documents_of, stacked
from stages.labels.people.asked import task_named
from stages.labels.people.standing import texts_of
from stages.labels.splits import cluster_position
from stages.labels.tasks import Task
from stages.labels.votes import within
from stages.model.evaluation.baseline import shares
from stages.model.evaluation.baseline_params import BaselineParams

TFIDF = "tfidf"
FOLDS = 5
LONGEST_RUN, MIN_DOCUMENTS, INVERSE_PENALTY = 3, 2, 10.0  # those of `evaluate` in params.yaml


@dataclass(frozen=True, kw_only=True)
class Known:
    """The kept documents of a task, by id; `labels` is null where there is none, `folds` are 0 to FOLDS - 1."""

    task: str
    ids: list[str]
    texts: list[str]
    labels: list[str | None]
    folds: NDArray[np.int64]

    @property
    def classes(self) -> list[str]:
        """The labels that there are, sorted."""
        return sorted({label for label in self.labels if label is not None})

    def labelled(self) -> NDArray[np.bool_]:
        """Which documents have a label."""
        return np.array([label is not None for label in self.labels], bool)


def known(task: Task, texts: Sequence[Segment], seed: int = 1) -> Known:
    """The documents of a task, with the labels of today. Errors: InputError for tasks without one class per text."""
    if task.kind != "classification":
        raise InputError(f"the task {task.name} is of kind {task.kind}; only classification can be guessed")
    documents = documents_of(texts, read_segments("dedup", "verdicts"))
    shown = pc.and_(within(documents["source"], task.sources), within(documents["language"], task.languages))
    rows = documents.filter(pc.and_(shown, documents["kept"])).sort_by("id")
    said = stacked(read_segments("label", "labels"), ["id", "task", "label"], LABELS)
    said = said.filter(pc.and_(pc.equal(said["task"], task.name), pc.is_valid(said["label"])))
    label_of = dict(zip(said["id"].to_pylist(), said["label"].to_pylist(), strict=True))
    ids = rows["id"].to_pylist()
    found = texts_of(texts, rows["id"].combine_chunks())
    folds = [cluster_position(seed, cluster) % FOLDS for cluster in rows["cluster"].to_pylist()]
    return Known(
        task=task.name, ids=ids, texts=[found[name] for name in ids], labels=[label_of.get(name) for name in ids],
        folds=np.array(folds, np.int64),
    )  # fmt: skip


def beliefs(documents: Known, asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """P(class) of the documents that are asked about, rows of zeros elsewhere: shape (documents, classes)."""
    found = np.zeros((len(documents.ids), len(documents.classes)))
    labelled = documents.labelled()
    for fold in range(FOLDS):
        held_out = labelled & (documents.folds == fold)
        _believe(documents, labelled & ~held_out, held_out & asked, found)
    _believe(documents, labelled, asked & ~labelled, found)
    return found


def _believe(documents: Known, train: NDArray[np.bool_], test: NDArray[np.bool_], found: NDArray[np.float64]) -> None:
    """Write the beliefs about `test` of a classifier that learned from `train`. Errors: InputError."""
    if not test.any():
        return
    seen, at = np.flatnonzero(train).tolist(), np.flatnonzero(test).tolist()
    labels = [str(documents.labels[place]) for place in seen]
    if len(set(labels)) < 2:
        raise InputError(
            f"the task {documents.task} has too few labels to learn from ({len(labels)}); label some at random first: "
            f"`gristmill label queue {documents.task} --by stratified`"
        )
    how = BaselineParams(longest_run=LONGEST_RUN, min_documents=MIN_DOCUMENTS, inverse_penalty=INVERSE_PENALTY)
    classes, values = shares([documents.texts[place] for place in seen], labels,
                             [documents.texts[place] for place in at], how)  # fmt: skip
    columns = [documents.classes.index(name) for name in classes]
    found[np.ix_(at, columns)] = values


def suspects(documents: Known) -> list[str]:
    """The documents whose label looks wrong, the least likely first. Errors: InputError without cleanlab."""
    try:
        from cleanlab.filter import find_label_issues
    except ModuleNotFoundError:
        raise InputError("--by suspects needs cleanlab: `pip install 'gristmill[cleanlab]'`") from None
    labelled = documents.labelled()
    found = beliefs(documents, labelled)[labelled]
    given = np.array([documents.classes.index(label) for label in documents.labels if label is not None], np.int64)
    wrong = find_label_issues(given, found, return_indices_ranked_by="self_confidence", n_jobs=1)
    ids = [name for name, has in zip(documents.ids, labelled.tolist(), strict=True) if has]
    return [ids[place] for place in wrong.tolist()]


def predictions(task: Task, texts: Sequence[Segment], run: str) -> pa.Table:
    """id, label, confidence and run for every document of a task, by id."""
    documents = known(task, texts)
    if run == TFIDF:
        ids, classes = documents.ids, documents.classes
        values = beliefs(documents, np.ones(len(ids), bool))
    else:
        from stages.model.evaluation.predicting import run_shares  # torch is slow to import

        ids, classes, values = run_shares(run, documents.ids)
    if unknown := set(classes) - set(task.labels):
        raise InputError(f"{run} predicts {', '.join(sorted(unknown))}, which the task {task.name} does not have")
    return pa.table({
        "id": pa.array(ids, pa.string()),
        "label": pa.array([classes[place] for place in values.argmax(axis=1).tolist()], pa.string()),
        "confidence": pa.array(np.rint(values.max(axis=1) * 1000).astype(np.int16)),
        "run": pa.repeat(pa.scalar(run), len(ids)),
    })  # fmt: skip


def saved(task: str, rows: pa.Table) -> Path:
    """The file of predictions of a task, with these rows."""
    path = PREDICTIONS / f"{task}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    write_parquet(rows, beside)
    beside.replace(path)
    return path


def main() -> None:
    """Write predictions; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill label predict")
    parser.add_argument("task")
    parser.add_argument("--run", default=TFIDF)
    given = parser.parse_args()
    task = task_named(given.task)
    rows = predictions(task, read_segments("clean", "text"), given.run)
    print(f"{len(rows)} documents in {saved(task.name, rows)}, by {given.run}; ask where it is least sure:")
    print(f"`gristmill label queue {task.name} --by uncertainty`")


if __name__ == "__main__":
    exit_on_error(main)
