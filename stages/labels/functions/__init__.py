"""Labelling functions: code that votes. One file per function, named like it, so that changing one re-runs one.

In SQL it is a SELECT (stages/labels/predicates.py). In Python it takes the texts of a batch and returns one label per
text, null to abstain:

    @labelling_function
    def complains_en(texts: pa.Array) -> pa.Array: ...

Naming it under `functions:` of a task in params.yaml makes it vote there, as annotator `function:<name>`. It must be
pure: the same texts give the same labels on every machine and in any batch.
"""

import functools
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import OperatorError
from stages.labels.votes import votes_table, within

Labeller = Callable[[pa.Array], pa.Array]
Voter = Callable[..., dict[str, pa.Table]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionVotes:
    """Parameters of every labelling function: which documents it sees, and the labels it may give."""

    task: str
    sources: list[str]
    languages: list[str]
    labels: list[str]


def labelling_function(label: Labeller) -> Voter:
    """Turn a function from texts to labels into an operator from `clean/text` to `label/votes`.

    The operator raises OperatorError when the function returns another number of labels than it got texts, or a
    label that the task does not have. The bare function stays reachable as `__wrapped__`.
    """

    @functools.wraps(label)
    def voter(documents: pa.Table, *, params: FunctionVotes) -> dict[str, pa.Table]:
        wanted = pc.and_(within(documents["source"], params.sources), within(documents["language"], params.languages))
        rows = documents.select(["id", "text"]).filter(wanted)
        return {"votes": checked_votes(label.__name__, rows["id"], label(rows["text"].combine_chunks()), params)}

    return voter


def checked_votes(name: str, ids: pa.ChunkedArray, answers: pa.Array, params: FunctionVotes) -> pa.Table:
    """Rows of `label/votes`: the answer to each id, null for none. Errors: those of `labelling_function`."""
    _check(name, answers, len(ids), params)
    said = pc.indices_nonzero(pc.is_valid(answers))
    annotators = pa.repeat(pa.scalar(f"function:{name}"), len(said))
    return votes_table(ids.take(said), params.task, annotators, answers.take(said))


def _check(name: str, answers: pa.Array, texts: int, params: FunctionVotes) -> None:
    """Raise OperatorError unless there is one answer per text and every answer is a label or null."""
    if len(answers) != texts:
        raise OperatorError(f"labelling function {name} gave {len(answers)} labels for {texts} texts")
    unknown = sorted(set(pc.unique(answers).drop_null().to_pylist()) - set(params.labels))
    if unknown:
        raise OperatorError(f"labelling function {name} gave {unknown}, task {params.task} has labels {params.labels}")


def function_names() -> list[str]:
    """The labelling functions there are, without importing them."""
    return sorted([*(module.name for module in pkgutil.iter_modules(__path__)), *predicate_names()])


def predicate_names() -> list[str]:
    """Those of them that are written in SQL."""
    return sorted(path.stem for path in Path(__path__[0]).glob("*.sql"))


def reference(name: str) -> str:
    """`package.module:function` of a labelling function."""
    return f"{__name__}.{name}:{name}"
