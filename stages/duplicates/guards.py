"""Guards: what looks like a mistake stops the stage before anything is written, until a person accepts it.

What is accepted is one alarm up to one figure, `source shop: 0.993`. The same source with a greater loss, another
source, or the cluster of another document raises the alarm again.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import GristmillError
from catalog.segments import Segment
from stages.duplicates.account import SHOWN, biggest, by_source, excerpts, outcomes_of
from stages.duplicates.params import GuardParams

GUARDED = 100  # documents; a smaller source (or corpus) may lose all of them without an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that looks wrong: its name in `dedup.accept`, how far it goes, and what to tell."""

    name: str
    figure: float
    message: str


@dataclass(frozen=True)
class Tally:
    """What happened, as far as a guard asks."""

    outcomes: pa.Table
    """source, reason (null: kept), documents."""
    biggest: Sequence[tuple[str, int]]
    """(document kept, documents it stands for), most first: the five that stand for most, and all above the limit."""
    judged: int
    """Documents that came from `clean`."""


def tally(documents: pa.Table, verdicts: pa.Table, judged: int, params: GuardParams) -> Tally:
    """Count `documents` (source) and `verdicts` (representative, drop_reason), which have the same rows."""
    outcomes = outcomes_of(documents["source"], verdicts["drop_reason"])
    return Tally(outcomes, biggest(verdicts["representative"], above=params.max_cluster_documents), judged)


def check(found: Tally, texts: Sequence[Segment], params: GuardParams) -> None:
    """Refuse what raises an alarm that `params.accept` does not cover.

    Errors: GristmillError with the table of what happened, and what to write to accept it.
    """
    raised = [
        *_losses(found.outcomes, params.max_dropped_fraction),
        *_giants(found.biggest, params.max_cluster_documents),
        *_emptiness(sum(found.outcomes["documents"].to_pylist()), found.judged),
    ]
    if alarms := [alarm for alarm in raised if alarm.figure > params.accept.get(alarm.name, -1)]:
        lines = [*by_source(found.outcomes), *excerpts(texts, found.biggest[:SHOWN])]
        raise GristmillError("\n".join(_message(alarms, lines, params.accept)))


def _losses(outcomes: pa.Table, limit: float) -> Iterator[Alarm]:
    """Sources of GUARDED documents or more that lose most of them."""
    lost: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in outcomes.to_pylist():
        total[row["source"]] += row["documents"]
        lost[row["source"]] += row["documents"] if row["reason"] else 0
    for source, of in sorted(total.items()):
        if of >= GUARDED and lost[source] > limit * of:
            yield Alarm(
                name=f"source {source}",
                figure=math.ceil(1000 * lost[source] / of) / 1000,
                message=f"{lost[source]} of the {of} documents of the source `{source}` ({lost[source] / of:.1%}) "
                f"would be dropped, above dedup.max_dropped_fraction = {limit}",
            )


def _giants(standing: Sequence[tuple[str, int]], limit: int) -> Iterator[Alarm]:
    """Documents for which too many others would be dropped."""
    for name, count in standing:
        if count > limit:
            yield Alarm(
                name=f"cluster {name}",
                figure=count,
                message=f"the document {name} would stand for {count:,} documents, above "
                f"dedup.max_cluster_documents = {limit}",
            )


def _emptiness(documents: int, judged: int) -> Iterator[Alarm]:
    if judged >= GUARDED and not documents:
        yield Alarm(name="empty", figure=judged, message=f"nothing is left of {judged} documents: `clean` kept none")


def _message(alarms: list[Alarm], happened: list[str], accepted: Mapping[str, float]) -> Iterator[str]:
    yield "dedup stopped, because"
    yield from (f"  {alarm.message}" for alarm in alarms)
    yield "what would have happened:"
    yield from happened
    yield "Look for boilerplate in these texts, or for a rule that is too strict. If all is as it should be, accept it"
    yield "in params.yaml, up to these figures, and run `dvc repro dedup`:"
    yield "  dedup:"
    yield "    accept:"
    wanted = dict(accepted) | {alarm.name: alarm.figure for alarm in alarms}
    yield from (f"      {json.dumps(name, ensure_ascii=False)}: {figure}" for name, figure in wanted.items())
