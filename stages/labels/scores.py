"""Scores: how each labelling function does, beside the others and against what people said.

Reads   clean/text (digests), dedup/verdicts, and the votes of one task.
Writes  label/functions: one row per function, counts of kept documents. Coverage is covered / documents, accuracy
        is correct / checked; the truth is the label that the other kinds of annotator come to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import FUNCTIONS, VOTES
from stages.labels.documents import Readable, documents_of, positions, stacked
from stages.labels.resolve import PREFIXES, ConsensusParams, counted_votes, judged
from stages.labels.votes import within


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreParams(ConsensusParams):
    """The functions that are scored, and which documents they were shown."""

    functions: list[str]
    sources: list[str]
    languages: list[str]


def truth_of(documents: pa.Table, votes: pa.Table, params: ScoreParams) -> pa.Array:
    """Label per document by the other kinds of annotators alone, null where they come to none."""
    people = replace(params, priority=[kind for kind in params.priority if kind != "functions"])
    found = judged(documents, votes, people)
    place, unit = found.units.of(found.texts)
    code = np.full(len(documents), -1, np.int64)
    code[place] = found.verdict.label[unit]
    return found.labels.take(pa.array(code, mask=code < 0))


def answers_of(
    documents: pa.Table, votes: pa.Table, truth: pa.Array, params: ScoreParams
) -> tuple[np.ndarray, np.ndarray]:
    """Label codes, -1 for none: per function and document, shape (functions, documents), and of the truth."""
    votes, about = counted_votes(documents, votes)
    names = pa.array([PREFIXES["functions"] + name for name in params.functions], pa.string())
    labels = pc.unique(pa.chunked_array([*votes["label"].chunks, truth.drop_null()], pa.string()))
    function, label = positions(votes["annotator"], names), positions(votes["label"], labels)
    answers = np.full((len(names), len(documents)), -1, np.int64)
    known = function >= 0
    answers[function[known], about[known]] = label[known]
    return answers, np.where(truth.is_valid(), positions(truth, labels), -1)


def score_table(documents: pa.Table, votes: pa.Table, params: ScoreParams) -> pa.Table:
    """`label/functions` of one task, in the order of `params.functions`."""
    answers, truth = answers_of(documents, votes, truth_of(documents, votes, params), params)
    shown = pc.and_(within(documents["source"], params.sources), within(documents["language"], params.languages))
    documents_shown = int(pc.sum(pc.and_(shown, documents["kept"])).as_py() or 0)
    rows = []
    for name, answer in zip(params.functions, answers, strict=True):
        covered = answer >= 0
        differs = ((answers >= 0) & (answers != answer)).any(axis=0)
        checked = covered & (truth >= 0)
        rows.append(
            {
                "task": params.task,
                "function": name,
                "documents": documents_shown,
                "covered": int(covered.sum()),
                "overlaps": int((covered & ((answers >= 0).sum(axis=0) > 1)).sum()),
                "conflicts": int((covered & differs).sum()),
                "checked": int(checked.sum()),
                "correct": int((checked & (answer == truth)).sum()),
            }
        )
    return pa.Table.from_pylist(rows, schema=FUNCTIONS.remove_metadata())


def score(
    texts: Sequence[Readable], clusters: Sequence[Readable], votes: Sequence[Readable], *, params: ScoreParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`functions` of one task, for the key `all`."""
    ballots = stacked(votes, ["id", "annotator", "about", "label"], VOTES)
    yield "functions", "all", score_table(documents_of(texts, clusters), ballots, params)
