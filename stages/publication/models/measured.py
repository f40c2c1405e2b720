"""Does an exported model say what the run said, on the run's own test texts? For each form in which it is written.

Reads   finetune/units (the test texts and what is right), evaluate/predictions (what the run said)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from catalog.layout import MANIFEST, stage_root
from catalog.segments import read_segments
from stages.labels.splits import TEST
from stages.model.evaluation.scoring import measures_of
from stages.model.finetuning.kinds import saved_run
from stages.model.finetuning.kinds.training import Kind
from stages.model.finetuning.units import Unit, read_units
from stages.publication.models.called import Called
from stages.publication.models.runs import Run
from stages.publication.models.weights import Exported


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The test texts of a run, what the run said of each, and the kind of task that asks them of a network."""

    units: Sequence[Unit]
    said: Sequence[str]
    network: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One form of the model on the test texts: `value` of the measure that counts most for its kind of task."""

    form: str
    metric: str
    value: float
    same: int
    """Texts of which it says what the run said."""
    documents: int


def test_of(run: Run, given: Exported) -> HeldOut | None:
    """The test texts of a network with a head; None for one without, and where evaluate has none for it."""
    said_of = _predictions(run.name) if given.kind else {}
    segments = read_segments(run.stage, "units") if said_of else []
    units = [unit for unit in read_units(segments, TEST) if (unit.id, unit.about) in said_of]
    if not units:
        return None
    said = [said_of[unit.id, unit.about] for unit in units]
    return HeldOut(units=units, said=said, network=saved_run(run.folder)[1])


def _predictions(run: str) -> dict[tuple[str, str], str]:
    """(document, second text) -> what the run said of it; empty where evaluate says nothing."""
    if not (stage_root("evaluate") / MANIFEST).exists():
        return {}
    found: dict[tuple[str, str], str] = {}
    for part in read_segments("evaluate", "predictions"):
        rows = part.read(["run", "id", "about", "predicted"])
        for row in rows.filter(pc.equal(rows["run"], run)).to_pylist():
            found[row["id"], row["about"] or ""] = row["predicted"]
    return found


def measured(form: str, called: Called, test: HeldOut) -> Measured:
    """What one form of a model says of the test texts."""
    said = test.network.predicted(called, test.units)
    measure = measures_of(called.given.kind)[0]
    same = sum(one == other for one, other in zip(said, test.said, strict=True))
    value = measure.of(test.units, said)
    return Measured(form=form, metric=measure.name, value=value, same=same, documents=len(said))
