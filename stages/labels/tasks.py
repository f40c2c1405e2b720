"""Tasks: what is labelled, from which documents, by whom, and how their votes become one label.

One entry of `label.tasks` in params.yaml is one `Task`. A vote may come from people who followed the
`guideline` (`people`), from the source itself (`given`), from people who scored the text for the source (`ratings`), or
from code (`functions`); `priority` says who outranks whom.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isclose
from typing import Any, Literal

from catalog.errors import ParameterError
from catalog.params import load_params
from stages.labels.functions import function_names
from stages.labels.values import Kind

KINDS_OF_ANNOTATOR = ("people", "given", "ratings", "functions")

# parameter -> the kinds of tasks that it says something of
ONLY: dict[str, tuple[str, ...]] = {
    "labels": ("classification", "multilabel", "pairs", "spans", "relations"),
    "relations": ("relations",),
    "given": ("classification", "multilabel", "pairs", "spans", "relations", "questions"),
    "ratings": ("classification",),
    "functions": ("classification", "multilabel", "spans", "relations"),
    "class_balance": ("classification", "pairs"),
    "min_alpha": ("classification", "multilabel", "pairs"),
    "min_f1": ("spans", "relations", "questions"),
    "balance_tolerance": ("classification", "multilabel", "pairs", "spans", "relations", "questions"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One labelling task. Empty `sources` or `languages` mean all of them."""

    name: str  # of the task, in every table
    kind: Kind  # what a label is
    sources: list[str] = field(default_factory=list)  # whose documents belong to the task; empty: all
    languages: list[str] = field(default_factory=list)  # ISO 639-1; for documents that functions vote on
    labels: list[str] = field(default_factory=list)  # classes: of the text, or of spans
    relations: list[str] = field(default_factory=list)  # classes of relations between spans
    separator: str = ";"  # between several classes in one cell of a table
    guideline: str = ""  # Markdown file for those who label by hand; its sha256 is its version
    given: Mapping[str, str] | None = None  # class as the source writes it -> class; others stand for themselves
    ratings: Mapping[str, list[int]] = field(default_factory=dict)  # label -> [lowest, highest] score, inclusive
    functions: list[str] = field(default_factory=list)  # modules of stages/labels/functions
    priority: list[str] = field(
        default_factory=lambda: list(KINDS_OF_ANNOTATOR)
    )  # kinds of annotator, the most trusted first
    given_conflict: Literal["drop", "majority"] = "drop"  # two labels for one text: no label, or the more frequent one
    consensus: Literal["majority", "dawid_skene", "label_model"] = "majority"  # label_model: of functions
    class_balance: Mapping[str, float] | None = None  # label -> its share of the documents; null: estimated
    iterations: int = 20  # EM iterations of Dawid-Skene and of the label model
    min_confidence: int = 0  # per mille of the votes, or of the probability
    gold: list[str] = field(default_factory=list)  # annotators whose votes others are measured by
    min_alpha: float | None = None  # Krippendorff's alpha below which the task is not fit for training; null: no target
    min_f1: float | None = None  # F1 of two annotators' spans (relations), below which it is not fit; null: no target
    balance_tolerance: float | None = None  # most that the share of a class may differ in a split; null: not checked

    def __post_init__(self) -> None:
        problems = [*_label_problems(self), *_vote_problems(self)]
        if problems:
            raise ValueError("\n".join(problems))


def _label_problems(task: Task) -> list[str]:
    """What is wrong with the classes, and which parameters say nothing of this kind of task."""
    problems = [
        f"`{name}` is for tasks of kind {', '.join(kinds)}; this one is {task.kind}"
        for name, kinds in ONLY.items()
        if task.kind not in kinds and getattr(task, name)
    ]
    if task.consensus != "majority" and task.kind not in ONLY["class_balance"]:
        problems.append(f"`consensus` is {task.consensus}, must be majority where the kind is {task.kind}")
    least = {"classification": 2, "pairs": 2}.get(task.kind, 1)
    for name in ("labels", "relations"):
        if task.kind in ONLY[name]:
            problems += _class_problems(name, getattr(task, name), least if name == "labels" else 1)
    if not task.separator or any(task.separator in label for label in task.labels if task.kind == "multilabel"):
        problems.append(f"`separator` is {task.separator!r}, must be a text that stands in none of `labels`")
    if problems:
        return problems
    known = [*task.labels, *task.relations]
    named = [*(task.given or {}).values(), *task.ratings]
    return [f"label {label!r} is not in `labels` {known}" for label in named if label not in known]


def _class_problems(name: str, classes: Sequence[Any], least: int) -> list[str]:
    if not all(isinstance(label, str) for label in classes):
        return [f"`{name}` is {classes}, must be texts (quote words like yes, no and numbers)"]
    if len(classes) < least or len(set(classes)) != len(classes):
        return [f"`{name}` is {classes}, must be {'two' if least == 2 else 'one'} or more different labels"]
    return []


def _vote_problems(task: Task) -> list[str]:
    """What is wrong with where votes come from and how they are weighed."""
    problems = _range_problems(task.ratings)
    known = function_names()
    problems += [
        f"labelling function `{name}` does not exist; known: {', '.join(known)}. "
        f"Add stages/labels/functions/{name}.py or remove it from `functions`"
        for name in task.functions
        if name not in known
    ]
    if sorted(set(task.priority)) != sorted(task.priority) or not set(task.priority) <= set(KINDS_OF_ANNOTATOR):
        problems.append(f"`priority` is {task.priority}, must hold each of {list(KINDS_OF_ANNOTATOR)} at most once")
    if not 0 <= task.min_confidence <= 1000:
        problems.append(f"`min_confidence` is {task.min_confidence}, must be 0 to 1000 (per mille)")
    if task.min_alpha is not None and not -1 <= task.min_alpha <= 1:
        problems.append(f"`min_alpha` is {task.min_alpha}, must be -1 to 1 (0.8 is reliable, 0.667 tentative)")
    for name in ("min_f1", "balance_tolerance"):
        share = getattr(task, name)
        if share is not None and not 0 <= share <= 1:
            problems.append(f"`{name}` is {share}, must be 0 to 1")
    if task.class_balance is not None and not _is_balance(task.class_balance, task.labels):
        problems.append(f"`class_balance` is {dict(task.class_balance)}, must give each label a share, 1 in all")
    if task.iterations < 1:
        problems.append(f"`iterations` is {task.iterations}, must be >= 1")
    return problems


def _is_balance(shares: Mapping[str, float], labels: Sequence[str]) -> bool:
    return sorted(shares) == sorted(labels) and min(shares.values()) > 0 and isclose(sum(shares.values()), 1)


def _range_problems(ratings: Mapping[str, list[int]]) -> list[str]:
    """Ranges of scores must be [lowest, highest] and must not overlap."""
    bad = [label for label, scores in ratings.items() if not _is_range(scores)]
    if bad:
        return [f"`ratings.{label}` is {ratings[label]}, must be [lowest, highest]" for label in bad]
    ordered = sorted((low, high, label) for label, (low, high) in ratings.items())
    return [
        f"`ratings`: scores of {first} and {second} overlap at {start}"
        for (_, end, first), (start, _, second) in pairwise(ordered)
        if start <= end
    ]


def _is_range(scores: Any) -> bool:
    whole = isinstance(scores, Sequence) and all(isinstance(score, int) for score in scores)
    return whole and len(scores) == 2 and -128 <= scores[0] <= scores[1] <= 127


def parse_tasks(entries: Sequence[Mapping[str, Any]]) -> list[Task]:
    """The tasks of params.yaml, in its order. Raises ParameterError with the problems of all entries."""
    tasks, problems = [], []
    for position, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            problems.append(f"label.tasks[{position}] is {entry!r}, must be a mapping that starts with `name`")
            continue
        try:
            tasks.append(load_params(f"label.tasks.{entry.get('name', position)}", entry, [Task])[Task])
        except ParameterError as error:
            problems.append(str(error))
    times = Counter(task.name for task in tasks)
    problems += [f"label.tasks: {count} tasks are named `{name}`" for name, count in times.items() if count > 1]
    if problems:
        raise ParameterError("\n".join(problems))
    return tasks


def picked(task: Task, kind: type, **more: Any) -> Any:
    """An instance of `kind` whose fields are taken from the task by name, `task` being its name, and from `more`."""
    values = {spec.name: getattr(task, spec.name) for spec in dataclasses.fields(kind) if hasattr(task, spec.name)}
    return kind(**{"task": task.name, **values, **more})
