"""Labelling functions: code that votes. One file per function, named like it, so that changing one re-runs one.

In SQL it is a SELECT (stages/labels/predicates.py). In Python it takes the texts of a batch and returns one label per
text, null to abstain:

    @labelling_function
    def complains_en(texts: pa.Array) -> pa.Array: ...

A label is a class; where a task marks spans or relations, or has several classes, it is JSON as stages/labels/values.py
says, for instance [[4, 9, "place"]].

Naming it under `functions:` of a task in params.yaml makes it vote there, as annotator `function:<name>`. It must be
pure: the same texts give the same labels on every machine and in any batch.
"""

import functools
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import OperatorError
from stages.labels.offsets import Misfit
from stages.labels.values import Form, Kind, Unanswered, value_of, written
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
    kind: Kind = "classification"
    relations: list[str] = field(default_factory=list)
    separator: str = ";"

    @property
    def form(self) -> Form:
        """What an answer looks like."""
        return Form(
            task=self.task, kind=self.kind, labels=self.labels, relations=self.relations, separator=self.separator
        )


def labelling_function(label: Labeller) -> Voter:
    """Turn a function from texts to labels into an operator from `clean/text` to `label/votes`.

    The operator raises OperatorError when the function returns another number of labels than it got texts, or a
    label that the task does not have. The bare function stays reachable as `__wrapped__`.
    """

    @functools.wraps(label)
    def voter(documents: pa.Table, *, params: FunctionVotes) -> dict[str, pa.Table]:
        wanted = pc.and_(within(documents["source"], params.sources), within(documents["language"], params.languages))
        rows = documents.select(["id", "text"]).filter(wanted)
        return {"votes": checked_votes(label.__name__, rows, label(rows["text"].combine_chunks()), params)}

    return voter


def checked_votes(name: str, rows: pa.Table, answers: pa.Array, params: FunctionVotes) -> pa.Table:
    """Rows of `label/votes`: the answer to each row (id, text), null for none. Errors: of `labelling_function`."""
    if len(answers) != rows.num_rows:
        raise OperatorError(f"labelling function {name} gave {len(answers)} labels for {rows.num_rows} texts")
    said = pc.indices_nonzero(pc.is_valid(answers))
    answers, rows = answers.take(said), rows.take(said)
    labels = (
        _classes(name, answers, params) if params.kind == "classification" else _values(name, answers, rows, params)
    )
    annotators = pa.repeat(pa.scalar(f"function:{name}"), len(said))
    return votes_table(rows["id"], params.task, annotators, labels)


def _classes(name: str, answers: pa.Array, params: FunctionVotes) -> pa.Array:
    """The answers, each a class of the task, looked up once per class."""
    unknown = sorted(set(pc.unique(answers).to_pylist()) - set(params.labels))
    if unknown:
        raise OperatorError(f"labelling function {name} gave {unknown}, task {params.task} has labels {params.labels}")
    return answers


def _values(name: str, answers: pa.Array, rows: pa.Table, params: FunctionVotes) -> pa.Array:
    """The answers as votes write them, held to their texts."""
    form, labels = params.form, []
    for answer, row in zip(answers.to_pylist(), rows.to_pylist(), strict=True):
        try:
            labels.append(written(value_of(form, answer, row["text"])))
        except (Misfit, Unanswered) as problem:
            why = str(problem) or "it is empty; give null to abstain"
            raise OperatorError(
                f"labelling function {name} gave {answer!r} for the document {row['id']}, which is no label of task "
                f"{params.task}: {why}"
            ) from None
    return pa.array(labels, pa.string())


def function_names() -> list[str]:
    """The labelling functions there are, without importing them."""
    return sorted([*(module.name for module in pkgutil.iter_modules(__path__)), *predicate_names()])


def predicate_names() -> list[str]:
    """Those of them that are written in SQL."""
    return sorted(path.stem for path in Path(__path__[0]).glob("*.sql"))


def reference(name: str) -> str:
    """`package.module:function` of a labelling function."""
    return f"{__name__}.{name}:{name}"
