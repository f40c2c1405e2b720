"""Sources that overlap: a document that several of them give is captured by the first, in the order of params.yaml.

Reads   the ids of every segment of captures and quarantine, and whole those that hold a document another source keeps
Writes  these segments again without it, and a row of the quarantine for each time that it was found elsewhere
Where no sources overlap, nothing is written again. A source that comes, goes or moves in the list writes anew the
segments that lose or regain a document, and reads no source again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import digest_of, document_id
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import QUARANTINE, VERDICTS
from catalog.segments import Segment
from stages.sources.captures import WRITES, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A row of a segment that another source keeps: its position, its name in the quarantine, and who keeps it."""

    row: int
    place: str
    keeper: str


def without_losses(segment: Segment, losses: Sequence[Loss]) -> Iterator[Output]:
    """Tables of a segment without the documents that others keep: each is a row of the quarantine, by its other name.

    A row that stood in the quarantine keeps its error.
    """
    rows, lost = segment.read(), {loss.row: loss for loss in losses}
    kept = rows.filter(pa.array([row not in lost for row in range(rows.num_rows)], pa.bool_()))
    if segment.table == "quarantine":
        taken = rows["error"].take(pa.array(list(lost))).to_pylist()
        yield "quarantine", None, pa.concat_tables([kept, _quarantine(losses, taken)])
        return
    yield "captures", None, kept
    yield "verdicts", None, kept.select(["id"]).append_column(VERDICTS.field(1), pa.nulls(kept.num_rows, pa.string()))
    yield "quarantine", None, _quarantine(losses, [f"the source {loss.keeper} has it already" for loss in losses])


def _quarantine(losses: Sequence[Loss], errors: list[str]) -> pa.Table:
    places = [loss.place for loss in losses]
    return pa.table([list(map(document_id, places)), places, errors], schema=QUARANTINE.remove_metadata())


OVERLAP = Operator(name="overlap", run=without_losses, writes=WRITES)


def keep_first(stage: Stage, order: Sequence[str]) -> None:
    """Let every document be captured once, by the first source in `order` that gives it."""
    listed = stage.listed("captures", "quarantine")
    actions = []
    for at, losses in losses_of(listed, order).items():
        _, segment = listed[at]
        inputs = {segment.table: segment.logical, "taken": digest_of(list(map(astuple, losses)))}
        name = f"{segment.table}:{segment.key}"
        actions.append(Action(name=name, inputs=inputs, args=(segment, losses), owner=OVERLAP.name))
        stage.withhold(segment.key, ("quarantine",) if segment.table == "quarantine" else ("captures", "verdicts"))
    stage.act_all(OVERLAP, actions)


def losses_of(listed: Sequence[tuple[str, Segment]], order: Sequence[str]) -> dict[int, list[Loss]]:
    """Position of a segment (each beside the name of its action) -> what it loses.

    Who can read a document comes before who cannot; what a source gives twice is kept where it is first.
    """
    ids = [segment.read(["id"])["id"].combine_chunks() for _, segment in listed]
    counts = pc.value_counts(pa.chunked_array(ids, pa.string()))
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    hits = []
    for at, (action, segment) in enumerate(listed if len(twice) else ()):
        rows = pc.indices_nonzero(pc.is_in(ids[at], twice))
        source = order.index(action.partition(":")[0])
        uris = segment.read(["uri"])["uri"].take(rows).to_pylist()
        refused = segment.table == "quarantine"
        hits += [(refused, source, at, row, uri) for row, uri in zip(rows.to_pylist(), uris, strict=True)]
    keepers: dict[str, str] = {}
    places: Counter[str] = Counter()
    losses: dict[int, list[Loss]] = {}
    for _, source, at, row, uri in sorted(hits):
        if uri not in keepers:
            keepers[uri] = order[source]
            continue
        place = f"{uri}#{order[source]}"
        places[place] += 1
        number = f"#{places[place]}" if places[place] > 1 else ""
        losses.setdefault(at, []).append(Loss(row=row, place=place + number, keeper=keepers[uri]))
    return losses
