"""Resolve: from the votes on a text to its label, or to the reason why it has none.

Reads   clean/text (digests), dedup/verdicts, and the votes of every task.
Writes  label/consensus: for each task, one row for each kept document on whose text anybody voted, and for each second
        text that the votes on it are about.

The rules, in this order: only the highest kind of annotator that voted counts (`priority`); given labels that
differ on the same text are a conflict unless `given_conflict` is majority; the other kinds decide by `consensus`;
a tie is no consensus; a label less sure than `min_confidence` is none. Why a text has no label:
`label_conflict`, `no_consensus`, `low_confidence`, or `unknown_label` (every vote is outside the task's labels).
In generation tasks several targets are all right, so the most frequent one counts and the smallest of a tie. Where
several classes may apply, each is decided by itself (sets.py). Spans, relations and answers win as a whole: all spans
of a text are one label.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import LABELS, VOTES
from stages.labels.consensus import Ballots, Decision, majority, weighed
from stages.labels.documents import Readable, Units, by_segment, codes, documents_of, positions, stacked, units_of
from stages.labels.sets import majority_of_sets
from stages.labels.splits import SplitParams, split_of
from stages.labels.values import ONE_CLASS, Kind

PREFIXES = {"people": "person:", "given": "given:", "ratings": "rater-", "functions": "function:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusParams:
    """What decides the label of a text; see `stages.labels.tasks.Task`."""

    task: str
    kind: Kind
    labels: list[str]
    priority: list[str]
    given_conflict: Literal["drop", "majority"]
    consensus: Literal["majority", "dawid_skene", "label_model"]
    iterations: int
    min_confidence: int
    class_balance: Mapping[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveParams:
    """The tasks, in the order of their votes, and how clusters are divided."""

    tasks: list[ConsensusParams]
    split: SplitParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Per unit.

    Label code (-1 = none), confidence per mille, votes counted, method, and reason ("" = none).
    """

    label: np.ndarray
    confidence: np.ndarray
    votes: np.ndarray
    method: np.ndarray
    reason: np.ndarray


def ranks(annotators: pa.ChunkedArray, priority: Sequence[str]) -> np.ndarray:
    """Place of each annotator's kind in `priority`, 0 = highest; len(priority) where its kind is not in it."""
    rank = np.full(len(annotators), len(priority), np.int64)
    for place, kind in enumerate(priority):
        rank[pc.starts_with(annotators, PREFIXES[kind]).to_numpy()] = place
    return rank


def counted_votes(documents: pa.Table, votes: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """The votes that count and the document row each is about.

    Left out: votes on documents that cleaning dropped, and those of functions on all but the kept of several equal
    texts, for a function says the same of each.
    """
    about = positions(votes["id"], documents["id"])
    votes, about = votes.filter(pa.array(about >= 0)), about[about >= 0]
    by_function = pc.starts_with(votes["annotator"], PREFIXES["functions"]).to_numpy()
    counted = documents["kept"].to_numpy()[about] | ~by_function
    return votes.filter(pa.array(counted)), about[counted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Verdicts on the units of one task, the labels that their codes stand for, and the text of each document."""

    verdict: Verdicts
    labels: pa.Array
    units: Units
    texts: np.ndarray


def decided(
    ballots: Ballots, kind: str, params: ConsensusParams, count: Callable[[Ballots], Decision]
) -> tuple[Decision, str, np.ndarray]:
    """Decision, method and reason per unit, from the votes of one kind of annotator."""
    method = "given" if kind == "given" else params.consensus
    if method == "label_model" and kind != "functions":
        method = "dawid_skene"  # people are not shown everything, so their silence says nothing
    if method in ("given", "majority"):
        decision = count(ballots)
    else:
        balance = params.class_balance
        shares = None if balance is None else [balance[label] for label in params.labels]
        votes = ballots.with_silence() if method == "label_model" else ballots
        decision = weighed(votes, params.iterations, shares)
    reason = np.full(ballots.items, "", object)
    if params.kind == "generation":
        return decision, method, reason
    reason[decision.confidence < params.min_confidence] = "low_confidence"
    reason[decision.tied] = "no_consensus"
    if kind == "given" and params.given_conflict == "drop":
        reason[decision.distinct > 1] = "label_conflict"
    return decision, method, reason


def verdicts_of(
    ballots: Ballots, rank: np.ndarray, params: ConsensusParams, count: Callable[[Ballots], Decision] = majority
) -> Verdicts:
    """The verdict on each of `ballots.items` units; `rank` is the rank of each vote's kind."""
    shape = ballots.items
    verdict = Verdicts(
        label=np.full(shape, -1, np.int64), confidence=np.zeros(shape, np.int64), votes=np.zeros(shape, np.int64),
        method=np.full(shape, "none", object), reason=np.full(shape, "unknown_label", object),
    )  # fmt: skip
    best = best_ranks(ballots, rank, len(params.priority))
    for place, kind in enumerate(params.priority):
        here = best == place
        chosen = ballots.where((rank == place) & here[ballots.item])
        decision, method, reason = decided(chosen, kind, params, count)
        verdict.label[here] = np.where(reason == "", decision.label, -1)[here]
        verdict.confidence[here], verdict.votes[here] = decision.confidence[here], decision.votes[here]
        verdict.method[here], verdict.reason[here] = method, reason[here]
    return verdict


def best_ranks(ballots: Ballots, rank: np.ndarray, least: int) -> np.ndarray:
    """The highest rank (lowest number) of the votes on each unit, `least` without a vote."""
    best = np.full(ballots.items, least, np.int64)
    np.minimum.at(best, ballots.item, rank)
    return best


def judged(documents: pa.Table, votes: pa.Table, params: ConsensusParams) -> Judged:
    """Verdicts on all units.

    `documents` as `documents_of` gives them, `votes` with the columns id, annotator, about and label.
    """
    votes, document = counted_votes(documents, votes)
    texts, _ = codes(documents["text_digest"])
    unit, units = units_of(texts[document], votes["about"])
    labels = pa.array(params.labels, pa.string()) if params.kind in ONE_CLASS else codes(votes["label"])[1]
    annotator, annotators = codes(votes["annotator"])
    label, rank = positions(votes["label"], labels), ranks(votes["annotator"], params.priority)
    ballots = Ballots(
        item=unit, annotator=annotator, label=label,
        items=len(units), annotators=len(annotators), labels=max(len(labels), 1),
    )  # fmt: skip
    usable = (label >= 0) & (rank < len(params.priority))
    ballots, rank = ballots.where(usable), rank[usable]
    count = majority
    if params.kind == "multilabel":
        decisive = ballots.where(rank == best_ranks(ballots, rank, len(params.priority))[ballots.item])
        decision, labels = majority_of_sets(decisive, labels, params.labels)
        count = partial(_already, decision)
    return Judged(verdict=verdicts_of(ballots, rank, params, count), labels=labels, units=units, texts=texts)


def _already(decision: Decision, _ballots: Ballots) -> Decision:
    """What was decided for every unit; each is decided by the votes of one kind of annotator."""
    return decision


def resolved(
    documents: pa.Table, votes: pa.Table, params: ConsensusParams, splits: pa.Array
) -> tuple[pa.Table, np.ndarray]:
    """Rows of `label/consensus` for one task, in document order, and the position of each row's segment.

    `splits` is the split of every document.
    """
    found = judged(documents, votes, params)
    kept = np.flatnonzero(documents["kept"].to_numpy())
    place, unit = found.units.of(found.texts[kept])
    labelled = documents.take(pa.array(kept[place]))
    table = labels_table(labelled, found, unit, params)
    table = table.append_column("split", splits.take(pa.array(kept[place])))
    return table.select(LABELS.names).cast(LABELS.remove_metadata()), labelled["segment"].to_numpy()


def labels_table(documents: pa.Table, found: Judged, unit: np.ndarray, params: ConsensusParams) -> pa.Table:
    """`label/consensus` of some documents, but for the split; `unit` is the unit of each."""
    verdict, about = found.verdict, found.units.about.take(pa.array(unit))
    code = verdict.label[unit]
    label = found.labels.take(pa.array(code, mask=code < 0))
    none = pa.nulls(len(label), pa.string())
    generation = params.kind == "generation"
    return pa.table(
        {
            "id": documents["id"],
            "task": pa.repeat(pa.scalar(params.task), len(label)),
            "about": pc.if_else(pc.equal(about, ""), None, about),
            "cluster": documents["cluster"],
            "label": none if generation else label,
            "target_text": label if generation else none,
            "method": pa.array(verdict.method[unit], pa.string()),
            "confidence": pa.array(verdict.confidence[unit]),
            "votes": pa.array(verdict.votes[unit]),
            "drop_reason": pa.array(verdict.reason[unit], pa.string(), mask=verdict.reason[unit] == ""),
        }
    )


def resolve(
    texts: Sequence[Readable], clusters: Sequence[Readable], given: Sequence[Readable], *votes: Sequence[Readable],
    params: ResolveParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """`consensus` for the key of every segment of `clusters`, empty tables included, tasks in order within each.

    `votes` holds the segments of one task after the other, as `params.tasks` does; `given` is the one segment of the
    splits that sources decide.
    """
    documents = documents_of(texts, clusters)
    splits = split_of(documents["cluster"], params.split, given[0].read())
    keys = [part.key for part in clusters]
    tables: dict[str, list[pa.Table]] = {key: [LABELS.remove_metadata().empty_table()] for key in keys}
    for task, segments in zip(params.tasks, votes, strict=True):
        ballots = stacked(segments, ["id", "annotator", "about", "label"], VOTES)
        table, segment = resolved(documents, ballots, task, splits)
        for key, rows in by_segment(keys, segment, table):
            tables[key].append(rows)
    for key, parts in tables.items():
        yield "consensus", key, pa.concat_tables(parts)
