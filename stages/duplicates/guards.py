"""Guards: what looks like a mistake stops the stage before anything is written, until a person accepts it.

What is accepted is one alarm up to one figure, `source shop: 0.993`. The same source with a greater loss, another
source, or the cluster of another document raises the alarm again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import GristmillError
from catalog.segments import Segment
from stages.duplicates.account import biggest, by_source, excerpts
from stages.duplicates.params import GuardParams

GUARDED = 100  # documents; a smaller source (or corpus) may lose all of them without an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that looks wrong: its name in `dedup.accept`, how far it goes, and what to tell."""

    name: str
    figure: float
    message: str


def check(documents: pa.Table, verdicts: pa.Table, judged: int, texts: Sequence[Segment], params: GuardParams) -> None:
    """Refuse verdicts that raise an alarm which `params.accept` does not cover.

    `documents` (source) and `verdicts` (representative, drop_reason) have the same rows; `judged` documents came from
    `clean`. Errors: GristmillError with the table of what happened, and what to write to accept it.
    """
    found = [
        *_losses(documents["source"], verdicts["drop_reason"], params.max_dropped_fraction),
        *_giants(verdicts["representative"], params.max_cluster_documents),
        *_emptiness(documents.num_rows, judged),
    ]
    if alarms := [alarm for alarm in found if alarm.figure > params.accept.get(alarm.name, -1)]:
        lines = [
            *by_source(documents["source"], verdicts["drop_reason"]),
            *excerpts(texts, biggest(verdicts["representative"])),
        ]
        raise GristmillError("\n".join(_message(alarms, lines, params.accept)))


def _losses(sources: pa.ChunkedArray, reasons: pa.ChunkedArray, limit: float) -> Iterator[Alarm]:
    """Sources of GUARDED documents or more that lose most of them."""
    table = pa.table({"source": sources, "dropped": pc.is_valid(reasons).cast(pa.int64())})
    losses = table.group_by("source").aggregate([("dropped", "sum"), ("dropped", "count")])
    for row in sorted(losses.to_pylist(), key=lambda row: str(row["source"])):
        lost, total = row["dropped_sum"], row["dropped_count"]
        if total >= GUARDED and lost > limit * total:
            yield Alarm(
                name=f"source {row['source']}",
                figure=math.ceil(1000 * lost / total) / 1000,
                message=f"{lost} of the {total} documents of the source `{row['source']}` ({lost / total:.1%}) would "
                f"be dropped, above dedup.max_dropped_fraction = {limit}",
            )


def _giants(representatives: pa.ChunkedArray, limit: int) -> Iterator[Alarm]:
    """Documents for which too many others would be dropped."""
    counts = pc.value_counts(representatives)
    for row in counts.filter(pc.greater(counts.field("counts"), limit)).to_pylist():
        yield Alarm(
            name=f"cluster {row['values']}",
            figure=row["counts"],
            message=f"the document {row['values']} would stand for {row['counts']:,} documents, above "
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
