"""Annotators: how right each of a panel is, against gold labels and by what all of them say together.

Reads   clean/text (digests), dedup/verdicts, and the votes of one task.
Writes  label/annotators: votes, and how many of those on gold documents are right; label/confusions: what each says
        where another label is right, estimated without gold by Dawid-Skene (stages/labels/consensus.py), in tasks
        of one class for each text.

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
from stages.labels.documents import Readable, codes, documents_of, positions, stacked, unit_names
from stages.labels.measure import panel
from stages.labels.values import ONE_CLASS, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorParams:
    """Task and label set, whose votes are gold, and the EM iterations of the estimate."""

    task: str
    kind: Kind
    labels: list[str]
    gold: list[str]
    iterations: int


def gold_of(votes: pa.Table, gold: list[str]) -> dict[str, str]:
    """Unit -> label by the gold annotators, without units on which they say two things.

    `votes` with the columns unit, annotator and label.
    """
    chosen = votes.filter(pc.is_in(votes["annotator"], pa.array(gold, pa.string())))
    said: dict[str, set[str]] = {}
    for unit, label in zip(chosen["unit"].to_pylist(), chosen["label"].to_pylist(), strict=True):
        said.setdefault(unit, set()).add(label)
    return {unit: labels.pop() for unit, labels in said.items() if len(labels) == 1}


def ballots_of(votes: pa.Table, labels: pa.Array) -> tuple[Ballots, pa.Array]:
    """The votes of a panel as ballots on units, and the names of the annotators."""
    item, items = codes(votes["unit"])
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
    labels = pa.array(params.labels, pa.string()) if params.kind in ONE_CLASS else codes(votes["label"])[1]
    counted = (positions(votes["id"], documents["id"]) >= 0) & (positions(votes["label"], labels) >= 0)
    votes = votes.append_column("unit", unit_names(votes["id"], votes["about"])).filter(pa.array(counted))
    gold = gold_of(votes, params.gold)
    asked = panel(votes)
    ballots, names = ballots_of(asked, labels)
    told = len(names) > 1 and params.kind in ONE_CLASS  # one alone is right by definition
    belief = dawid_skene_belief(ballots, params.iterations) if told else None
    rates = np.zeros((0, len(labels), len(labels))) if belief is None else error_rates(ballots, belief)
    truth = [gold.get(unit) for unit in asked["unit"].to_pylist()]
    checked = np.array([label is not None for label in truth], bool)
    correct = np.array([label == said for label, said in zip(truth, asked["label"].to_pylist(), strict=True)], bool)
    count = [
        np.bincount(ballots.annotator, weights=mask, minlength=len(names)).astype(int).tolist()
        for mask in (np.ones(len(truth)), checked, correct)
    ]
    estimate = [None] * len(names) if belief is None else _per_million(accuracies(rates, belief))
    columns = [[params.task] * len(names), names.to_pylist(), *count, estimate]
    return (
        pa.table(dict(zip(ANNOTATORS.names, columns, strict=True)), schema=ANNOTATORS.remove_metadata()),
        confusion_table(params.task, names.to_pylist()[: len(rates)], labels, rates),
    )


def confusion_table(task: str, names: list[str], labels: pa.Array, rates: np.ndarray) -> pa.Table:
    """One row per annotator, truth and answer; `rates` of shape (names, truths, answers)."""
    size = len(labels)
    cells = np.indices((len(names), size, size)).reshape(3, -1)
    columns = [
        [task] * cells.shape[1],
        [names[place] for place in cells[0].tolist()],
        labels.take(pa.array(cells[1])),
        labels.take(pa.array(cells[2])),
        _per_million(rates.ravel()),
    ]
    return pa.table(dict(zip(CONFUSIONS.names, columns, strict=True)), schema=CONFUSIONS.remove_metadata())


def _per_million(shares: np.ndarray) -> list[int]:
    return np.rint(shares * 1_000_000).astype(int).tolist()


def assess(
    texts: Sequence[Readable], clusters: Sequence[Readable], votes: Sequence[Readable], *, params: AnnotatorParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`annotators` and `confusions` of one task, for the key `all`."""
    ballots = stacked(votes, ["id", "annotator", "about", "label"], VOTES)
    annotators, confusions = annotator_tables(documents_of(texts, clusters), ballots, params)
    yield "annotators", "all", annotators
    yield "confusions", "all", confusions
