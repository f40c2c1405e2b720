"""Votes: who says which label for which document, before anything is weighed.

Each operator here reads one segment of `crawl/captures` and writes rows of `label/votes`. A label that is not in
the task's set is kept as written and counted as `unknown_label` when the votes are resolved: nothing is lost here.
For generation tasks the vote is the target text itself. What is no single class of one text: given.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import VOTES
from stages.text.privacy.redact import redacted_text


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenVotes:
    """Parameters of `given_votes`: `given` maps the label as written to the label of the task."""

    task: str
    sources: list[str]
    given: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingVotes:
    """Parameters of `rating_votes`: `ratings` maps a label to its [lowest, highest] score, inclusive."""

    task: str
    sources: list[str]
    ratings: Mapping[str, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetVotes:
    """Parameters of `target_votes`."""

    task: str
    sources: list[str]


def within(values: pa.ChunkedArray, allowed: list[str]) -> pa.ChunkedArray:
    """A mask of the values in `allowed`; an empty list allows all."""
    return pc.is_in(values, pa.array(allowed or pc.unique(values).to_pylist(), pa.string()))


def votes_table(
    ids: pa.Array, task: str, annotators: pa.Array, labels: pa.Array, scores: pa.Array | None = None
) -> pa.Table:
    """Rows of `label/votes` from aligned columns, for a task of one text."""
    columns = {
        "id": ids,
        "task": pa.repeat(pa.scalar(task, pa.string()), len(ids)),
        "annotator": annotators,
        "about": pa.nulls(len(ids), pa.string()),
        "label": labels,
        "score": pa.nulls(len(ids), pa.int8()) if scores is None else scores,
        "carried_from": pa.nulls(len(ids), pa.string()),
    }
    return pa.table(columns).select(VOTES.names).cast(VOTES.remove_metadata())


def _given_by(sources: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise("given", sources.cast(pa.string()), ":")


def given_votes(captures: pa.Table, *, params: GivenVotes) -> dict[str, pa.Table]:
    """One vote of `given:<source>` for each capture that came with a label."""
    rows = captures.select(["id", "source", "given_label"])
    rows = rows.filter(pc.and_(within(rows["source"], params.sources), pc.is_valid(rows["given_label"])))
    written = pa.array(list(params.given), pa.string())
    meant = pa.array(list(params.given.values()), pa.string())
    raw = rows["given_label"]
    labels = pc.coalesce(meant.take(pc.index_in(raw, written).combine_chunks()), raw.combine_chunks())
    return {"votes": votes_table(rows["id"], params.task, _given_by(rows["source"]), labels)}


def target_votes(captures: pa.Table, *, params: TargetVotes) -> dict[str, pa.Table]:
    """One vote of `given:<source>` for each capture that came with a target text, redacted; blank ones say nothing."""
    rows = captures.select(["id", "source", "target_text"])
    targets = pc.utf8_trim_whitespace(rows["target_text"])
    rows = rows.set_column(2, "target_text", targets)
    rows = rows.filter(pc.and_(within(rows["source"], params.sources), pc.not_equal(targets, "")))
    said = pa.array(map(redacted_text, rows["target_text"].to_pylist()), pa.string())
    return {"votes": votes_table(rows["id"], params.task, _given_by(rows["source"]), said)}


def score_labels(scores: pa.Array, ratings: Mapping[str, list[int]]) -> pa.Array:
    """The label whose range holds each score; a score outside all ranges as its own digits."""
    labels = scores.cast(pa.string())
    for label, (low, high) in ratings.items():
        inside = pc.and_(pc.greater_equal(scores, low), pc.less_equal(scores, high))
        labels = pc.if_else(inside, label, labels)
    return labels


def rating_votes(captures: pa.Table, *, params: RatingVotes) -> dict[str, pa.Table]:
    """One vote of `rater-NN` for each rating, NN being its position in the capture's list, from 01.

    The raters are anonymous: whether a position is the same person in two captures is for the source to say.
    """
    rows = captures.select(["id", "source", "ratings"])
    rows = rows.filter(pc.and_(within(rows["source"], params.sources), pc.is_valid(rows["ratings"])))
    ratings = rows["ratings"].combine_chunks()
    lengths = pc.list_value_length(ratings).to_numpy(zero_copy_only=False).astype(np.int64)
    parents = pa.array(np.repeat(np.arange(len(lengths)), lengths))
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    positions = np.arange(len(starts)) - starts
    names = pa.array([f"rater-{number + 1:02d}" for number in range(lengths.max(initial=0))], pa.string())
    scores = ratings.flatten()
    said = pc.indices_nonzero(pc.is_valid(scores))
    scores, parents, annotators = scores.take(said), parents.take(said), names.take(pa.array(positions)).take(said)
    labels = score_labels(scores, params.ratings)
    return {"votes": votes_table(rows["id"].take(parents), params.task, annotators, labels, scores)}
