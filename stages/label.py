"""label: votes from sources, people and code become one label per document, with its split.

Reads   crawl/captures (given labels, ratings, target texts), clean/text, clean/signals (for SQL), dedup/verdicts, and
        what people answered (data/annotations) beside the guidelines of today
Writes  label/votes      every vote, per task and annotator; label/annotations: every answer of people, as imported
        label/misfits    labels of sources that are no vote, with the reason
        label/consensus  the consensus on each kept document that anybody voted on, or why there is none; of a pair or
                         a question, a row for each second text
        label/labels     the same, less what repeats a text of another split (stages/labels/disjoint)
        label/splits     train, validation or test of each kept document
        label/split_overlaps, split_checks   what splits have in common, and that none of it is left; it is found by
                         label/held_out and label/evaluation
        label/agreement  how far annotators agree; label/annotators and label/confusions: how right each of them is
        label/functions  how each labelling function does
        label/drift      how right each person was, month by month
        label/tasks      is each task fit for training: agreement and balance beside what it asks for; label/balance:
                         the share of each class in every split
        label/verdicts   each document that dedup kept: kept, or dropped for a conflict of labels

Votes are mapped per segment, task and function, so that changing one function or mapping re-runs that one. What has
to see all copies of a text at once (labels, agreement, scores) is one reduce over digests and votes, without texts;
agreement and scores see the documents of the task's sources alone, so that a change elsewhere leaves them be.
Run with `dvc repro label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalog.annotations import annotation_files
from catalog.errors import InputError, exit_on_error
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import (
    AGREEMENT,
    ANNOTATIONS,
    ANNOTATORS,
    BALANCE,
    CONFUSIONS,
    DRIFT,
    FUNCTIONS,
    LABELS,
    MISFITS,
    SPLIT_CHECKS,
    SPLIT_OVERLAPS,
    SPLITS,
    TASKS,
    VERDICTS,
    VOTES,
)
from catalog.segments import Segment, for_each
from stages.labels import functions
from stages.labels.account import account
from stages.labels.annotators import AnnotatorParams, assess
from stages.labels.disjoint.compared import HELD_OUT, hold_out
from stages.labels.disjoint.overlaps import find_overlaps, gather
from stages.labels.disjoint.settle import DisjointParams, check_splits, settle
from stages.labels.documents import holding
from stages.labels.drift import DriftParams, drift
from stages.labels.fitness import FitnessParams, Target, judge_tasks
from stages.labels.given import COLUMNS as GIVEN_COLUMNS
from stages.labels.given import GivenValues, given_values
from stages.labels.given_splits import decided_by_sources
from stages.labels.measure import MeasureParams, measure
from stages.labels.people.standing import StandingParams, imported, people_votes
from stages.labels.predicates import COLUMNS, PredicateVotes, asset, predicate_votes
from stages.labels.resolve import ConsensusParams, ResolveParams, resolve
from stages.labels.scores import ScoreParams, score
from stages.labels.splits import SplitParams, assign, split_params
from stages.labels.tasks import Task, parse_tasks, picked
from stages.labels.values import TWO_TEXTS
from stages.labels.votes import GivenVotes, RatingVotes, TargetVotes, given_votes, rating_votes, target_votes


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelParams:
    """The block `label` of params.yaml: `split` as SplitParams, each entry of `tasks` as Task."""

    split: Mapping[str, Any]
    tasks: list[Mapping[str, Any]]

    def __post_init__(self) -> None:
        split_params(self.split)
        parse_tasks(self.tasks)


GIVEN = Operator(
    name="given", run=given_votes, params=GivenVotes, writes={"votes": VOTES}, reads=(("id", "source", "given_label"),)
)
VALUES = Operator(
    name="given", run=given_values, params=GivenValues, writes={"votes": VOTES, "misfits": MISFITS},
    reads=(GIVEN_COLUMNS, ("id", "text")),
)  # fmt: skip
TARGETS = Operator(
    name="targets", run=target_votes, params=TargetVotes, writes={"votes": VOTES},
    reads=(("id", "source", "target_text"),),
)  # fmt: skip
RATINGS = Operator(
    name="ratings", run=rating_votes, params=RatingVotes, writes={"votes": VOTES}, reads=(("id", "source", "ratings"),)
)
PEOPLE = Operator(name="people", run=people_votes, params=StandingParams, writes={"votes": VOTES})
ANSWERS = Operator(name="annotations", run=imported, writes={"annotations": ANNOTATIONS})
RESOLVE = Operator(
    name="resolve", run=resolve, params=ResolveParams, writes={"consensus": LABELS}, libraries=("numpy",)
)
WITH_TEXT = (None, ("id", "text", "text_digest"))  # all of the labels; of clean/text
HOLD_OUT = Operator(name="hold_out", run=hold_out, writes={"held_out": HELD_OUT}, reads=WITH_TEXT, libraries=("numpy",))
GATHER = Operator(name="evaluation", run=gather, writes={"evaluation": HELD_OUT})
OVERLAP = Operator(
    name="overlaps", run=find_overlaps, writes={"split_overlaps": SPLIT_OVERLAPS}, reads=WITH_TEXT, libraries=("numpy",)
)
SETTLE = Operator(name="settle", run=settle, params=DisjointParams, writes={"labels": LABELS}, accounts=("labels",))
CHECK = Operator(name="split_checks", run=check_splits, params=DisjointParams, writes={"split_checks": SPLIT_CHECKS})
MEASURE = Operator(name="measure", run=measure, params=MeasureParams, writes={"agreement": AGREEMENT})
ASSESS = Operator(
    name="assess", run=assess, params=AnnotatorParams, writes={"annotators": ANNOTATORS, "confusions": CONFUSIONS},
    libraries=("numpy",),
)  # fmt: skip
FITNESS = Operator(name="fitness", run=judge_tasks, params=FitnessParams, writes={"tasks": TASKS, "balance": BALANCE})
DRIFT_BY_MONTH = Operator(name="drift", run=drift, params=DriftParams, writes={"drift": DRIFT}, libraries=("numpy",))
SCORE = Operator(name="score", run=score, params=ScoreParams, writes={"functions": FUNCTIONS}, libraries=("numpy",))
SPLIT = Operator(name="split", run=assign, params=SplitParams, writes={"splits": SPLITS})
ACCOUNT = Operator(name="account", run=account, writes={"verdicts": VERDICTS})


def of_task(operator: Operator, task: Task) -> Operator:
    """The same operator under a name of its own for one task, so that `gristmill why` tells them apart."""
    return replace(operator, name=f"{operator.name}.{task.name}")


def function_operator(name: str) -> Operator:
    """The operator of one labelling function; only its own module decides what it votes."""
    return Operator(
        name=f"function.{name}", run=functions.reference(name), params=functions.FunctionVotes,
        writes={"votes": VOTES}, reads=(("id", "source", "language", "text"),),
    )  # fmt: skip


def predicate_operator(name: str) -> Operator:
    """The operator of one labelling function in SQL; only its own file decides what it votes."""
    return Operator(
        name=f"function.{name}", run=predicate_votes, params=PredicateVotes, writes={"votes": VOTES},
        reads=(COLUMNS, None), libraries=("duckdb",), assets=(asset(name),),
    )  # fmt: skip


def source_votes(stage: Stage, task: Task, captures: list[Segment], texts: list[Segment]) -> list[Segment]:
    """The votes that sources give for one task."""
    asked: list[tuple[Operator, Any]] = []
    if task.kind == "generation":
        asked.append((TARGETS, picked(task, TargetVotes)))
    if task.kind == "classification" and task.given is not None:
        asked.append((GIVEN, picked(task, GivenVotes)))
    if task.ratings:
        asked.append((RATINGS, picked(task, RatingVotes)))
    votes = []
    for operator, params in asked:
        votes += stage.map(of_task(operator, task), captures, params=params)["votes"]
    if task.kind not in ("classification", "generation") and task.given is not None:
        votes += stage.map(of_task(VALUES, task), captures, texts, params=picked(task, GivenValues))["votes"]
    return votes


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one task is about: the segments that hold its sources, and what people answered.

    `seconds` are the captures where second texts matter.
    """

    captures: list[Segment]
    seconds: list[Segment]
    texts: list[Segment]
    clusters: list[Segment]
    answers: list[Segment]
    keys: frozenset[str]

    @classmethod
    def of(
        cls, task: Task, captures: list[Segment], texts: list[Segment], clusters: list[Segment], answers: list[Segment]
    ) -> Seen:
        """Of all segments those that matter, so that a change elsewhere leaves the task be."""
        about = holding(texts, task.sources)
        keys = frozenset(segment.key for segment in about)
        held = holding(captures, task.sources)
        return cls(
            captures=held, seconds=held if task.kind in TWO_TEXTS else [], texts=about, answers=answers, keys=keys,
            clusters=[segment for segment in clusters if segment.key in keys],
        )  # fmt: skip


def answers_to(stage: Stage, task: Task) -> list[Segment]:
    """What people answered, as it was imported. Errors: InputError when there is no guideline to hold it to."""
    files = annotation_files(task.name)
    if files and not (task.guideline and Path(task.guideline).is_file()):
        raise InputError(
            f"people answered the task {task.name}, whose guideline is {task.guideline or 'not named'}; "
            "restore the file, or name it under `guideline` in params.yaml"
        )
    digests = stage.digests(files)
    names = [path.as_posix() for path in files]
    actions = [Action(name=name, inputs={name: digests[name]}, args=(name,)) for name in names]
    return stage.act_all(of_task(ANSWERS, task), actions)["annotations"] if actions else []


def standing_params(stage: Stage, task: Task, kind: type) -> Any:
    """The parameters of an operator that asks which answers stand by the guideline of today."""
    guideline = Path(task.guideline)
    return picked(task, kind, guideline=stage.digests([guideline])[guideline.as_posix()])


def collect(stage: Stage, task: Task, seen: Seen, signals: list[Segment]) -> list[Segment]:
    """All segments of votes for one task."""
    votes = source_votes(stage, task, seen.captures, seen.texts)
    if seen.answers:
        params = standing_params(stage, task, StandingParams)
        votes += stage.reduce(of_task(PEOPLE, task), seen.texts, seen.seconds, seen.answers, params=params)["votes"]
    params = picked(task, functions.FunctionVotes)
    for name in task.functions:
        if name in functions.predicate_names():
            asked = picked(task, PredicateVotes, function=name)
            votes += stage.map(of_task(predicate_operator(name), task), seen.texts, signals, params=asked)["votes"]
        else:
            votes += stage.map(of_task(function_operator(name), task), seen.texts, params=params)["votes"]
    return votes


def assessed(stage: Stage, task: Task, seen: Seen, ballots: list[Segment], consensus: list[Segment]) -> list[Segment]:
    """How good the votes of one task are; its agreement."""
    counted = seen.texts, seen.clusters, ballots
    agreement = []
    if task.kind != "generation":
        agreement = stage.reduce(of_task(MEASURE, task), *counted, params=picked(task, MeasureParams))["agreement"]
        stage.reduce(of_task(ASSESS, task), *counted, params=picked(task, AnnotatorParams))
    if task.functions:
        stage.reduce(of_task(SCORE, task), *counted, params=picked(task, ScoreParams))
    if seen.answers:
        labels = [segment for segment in consensus if segment.key in seen.keys]
        given = seen.texts, seen.seconds, seen.clusters, seen.answers, ballots, labels
        stage.reduce(of_task(DRIFT_BY_MONTH, task), *given, params=standing_params(stage, task, DriftParams))
    return agreement


def without_overlaps(stage: Stage, consensus: list[Segment], texts: list[Segment]) -> list[Segment]:
    """The labels that stand once every overlap between splits is taken out."""
    held_out = stage.map(HOLD_OUT, consensus, texts)["held_out"]
    (evaluation,) = stage.reduce(GATHER, held_out)["evaluation"]
    overlaps = stage.map(OVERLAP, consensus, texts, for_each(evaluation, consensus))["split_overlaps"]
    labels = stage.map(SETTLE, consensus, overlaps)["labels"]
    stage.reduce(CHECK, labels, overlaps)
    return labels


def label(stage: Stage, params: LabelParams) -> None:
    """Perform every action of the stage, in the order in which they depend on each other."""
    tasks, split = parse_tasks(params.tasks), split_params(params.split)
    captures, texts, signals = stage.read("crawl/captures"), stage.read("clean/text"), stage.read("clean/signals")
    clusters = stage.read("dedup/verdicts")
    seen = [Seen.of(task, captures, texts, clusters, answers_to(stage, task)) for task in tasks]
    votes = [collect(stage, task, one, signals) for task, one in zip(tasks, seen, strict=True)]
    how = ResolveParams(tasks=[picked(task, ConsensusParams) for task in tasks], split=split)
    given = decided_by_sources(stage, texts, clusters, split)
    consensus = stage.reduce(RESOLVE, texts, clusters, [given], *votes, params=how)["consensus"]
    labels = without_overlaps(stage, consensus, texts)
    stage.map(SPLIT, clusters, for_each(given, clusters), params=split)
    stage.map(ACCOUNT, clusters, labels)
    agreement = []
    for task, one, ballots in zip(tasks, seen, votes, strict=True):
        agreement += assessed(stage, task, one, ballots, consensus)
    stage.reduce(FITNESS, labels, agreement, params=FitnessParams(targets=[picked(task, Target) for task in tasks]))


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("label", SETTLE, params=[LabelParams]) as stage:
        label(stage, stage.params[LabelParams])


if __name__ == "__main__":
    exit_on_error(main)
