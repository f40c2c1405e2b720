"""Annotators: how right each of a panel is, against gold labels and by what all of them say together.

Reads   clean/text (digests), dedup/verdicts, and the votes of one task.
Writes  label/annotators: votes, and how many of those on gold documents are right; label/confusions: what each says
        where another label is right, estimated without gold by Dawid-Skene (stages/labels/consensus.py).

The gold labels are the votes of the annotators that the task names in `gold`. Where two of those differ on a document,
it is no gold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ANNOTATORS, CONFUSIONS, VOTES
from stages.labels.consensus import Ballots, dawid_skene_belief, error_rates
from stages.labels.documents import Readable, codes, documents_of, positions, stacked
from stages.labels.measure import panel


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorParams:
    """Task and label set, whose votes are gold, and the EM iterations of the estimate."""

    task: str
    labels: list[str]
    gold: list[str]
    iterations: int


def gold_of(votes: pa.Table, labels: pa.Array, gold: list[str], documents: int) -> np.ndarray:
    """Label code per document by the gold annotators, -1 where they say nothing or two things.

    `votes` with the columns about (row of the document), annotator and label.
    """
    chosen = votes.filter(pc.is_in(votes["annotator"], pa.array(gold, pa.string())))
    about, code = chosen["about"].to_numpy(), positions(chosen["label"], labels)
    lowest, highest = np.full(documents, len(labels)), np.full(documents, -1)
    np.minimum.at(lowest, about, code)
    np.maximum.at(highest, about, code)
    return np.where(lowest == highest, highest, -1)


def ballots_of(votes: pa.Table, labels: pa.Array) -> tuple[Ballots, pa.Array]:
    """The votes of a panel as ballots on documents, and the names of the annotators."""
    item, items = codes(votes["about"])
    annotator, names = codes(votes["annotator"])
    label = positions(votes["label"], labels)
    return Ballots(
        item=item, annotator=annotator, label=label, items=len(items), annotators=len(names), labels=len(labels)
    ), names  # fmt: skip


def accuracies(rates: np.ndarray, belief: np.ndarray) -> np.ndarray:
    """P(says the truth) per annotator: the diagonal of its confusion matrix, weighed by the share of each label."""
    shares = belief.sum(axis=0) / max(belief.sum(), 1.0)
    return np.einsum("att,t->a", rates, shares)


def annotator_tables(documents: pa.Table, votes: pa.Table, params: AnnotatorParams) -> tuple[pa.Table, pa.Table]:
    """`label/annotators` and `label/confusions` of one task, by name of the annotator."""
    labels = pa.array(params.labels, pa.string())
    about = positions(votes["id"], documents["id"])
    counted = (about >= 0) & (positions(votes["label"], labels) >= 0)
    votes = votes.append_column("about", pa.array(about)).filter(pa.array(counted))
    gold = gold_of(votes, labels, params.gold, len(documents))
    ballots, names = ballots_of(panel(votes), labels)
    told = len(names) > 1  # one alone is right by definition
    belief = dawid_skene_belief(ballots, params.iterations) if told else np.zeros((ballots.items, len(labels)))
    rates = error_rates(ballots, belief)
    truth = gold[panel(votes)["about"].to_numpy()]
    checked, correct = truth >= 0, truth == ballots.label
    count = [
        np.bincount(ballots.annotator, weights=mask, minlength=len(names)).astype(int).tolist()
        for mask in (np.ones(len(truth)), checked, checked & correct)
    ]
    estimate = _per_million(accuracies(rates, belief)) if told else [None] * len(names)
    columns = [[params.task] * len(names), names.to_pylist(), *count, estimate]
    return (
        pa.table(dict(zip(ANNOTATORS.names, columns, strict=True)), schema=ANNOTATORS.remove_metadata()),
        confusion_table(params.task, names.to_pylist() if told else [], labels, rates),
    )


def confusion_table(task: str, names: list[str], labels: pa.Array, rates: np.ndarray) -> pa.Table:
    """One row per annotator, truth and answer; `rates` of shape (annotators, truths, answers)."""
    size = len(labels)
    cells = np.indices((len(names), size, size)).reshape(3, -1)
    columns = [
        [task] * cells.shape[1],
        [names[place] for place in cells[0].tolist()],
        labels.take(pa.array(cells[1])),
        labels.take(pa.array(cells[2])),
        _per_million(rates[: len(names)].ravel()),
    ]
    return pa.table(dict(zip(CONFUSIONS.names, columns, strict=True)), schema=CONFUSIONS.remove_metadata())


def _per_million(shares: np.ndarray) -> list[int]:
    return np.rint(shares * 1_000_000).astype(int).tolist()


def assess(
    texts: Sequence[Readable], clusters: Sequence[Readable], votes: Sequence[Readable], *, params: AnnotatorParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`annotators` and `confusions` of one task, for the key `all`."""
    ballots = stacked(votes, ["id", "annotator", "label"], VOTES)
    annotators, confusions = annotator_tables(documents_of(texts, clusters), ballots, params)
    yield "annotators", "all", annotators
    yield "confusions", "all", confusions
