"""Adopt: keep the results of an operator whose code was rewritten and still says the same.

    gristmill adopt clean.extract

A refactoring changes the digest of the code, so every action of the operator would be computed again. Where nothing but
the text of the code changed, some actions are computed with the new code; when all come out with equal logical digests,
the journal takes the results of the last run for results of the new code, and the next `dvc repro` finds them.
`gristmill verify --sample` can prove an adoption wrong later.

Reads   the stage's plan (catalog/rehearsal/rehearsal.py). Writes the journal, and nothing else.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.errors import GristmillError
from catalog.history.manifests import output_of, previous_manifest
from catalog.incremental.journal import Output, Result
from catalog.incremental.reuse import differences
from catalog.rehearsal.rehearsal import Planned, Rehearsal, Request
from catalog.rehearsal.repeating import chosen, first_difference
from catalog.rehearsal.shadow import graph, shadow

SAMPLE, AT_LEAST = 0.01, 3  # of the actions: the fraction, and the number, that are computed with the new code


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """How many results were adopted, how many were computed for it, the modules whose code changed, and the others."""

    adopted: int
    sampled: int
    modules: list[str]
    found: int
    """Actions that had a result already."""
    others: int
    """Actions with new or changed inputs, which the next run computes."""

    def text(self) -> str:
        """The outcome in one line."""
        if not self.adopted:
            return f"nothing to adopt: {self.found} results are found, {self.others} actions have other inputs"
        rest = f"; {self.others} actions with other inputs are left to `dvc repro`" if self.others else ""
        return (
            f"adopted {self.adopted} results after computing {self.sampled} of them with the new code of "
            f"{', '.join(self.modules)}{rest}; run `dvc repro`, which finds them"
        )


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A stale action that did the same with other code in the last run."""

    planned: Planned
    outputs: tuple[Output, ...]


def adopt(operator: str) -> Adopted:
    """Adopt the last results of `stage.operator`.

    Errors: GristmillError when the operator is unknown, more than its code changed, or a row comes out different.
    """
    stage = operator.partition(".")[0]
    known = sorted({entry.operator for name in graph() for entry in previous_manifest(name)})
    if operator not in known:
        near = difflib.get_close_matches(operator, known, 3) or [name for name in known if name.startswith(f"{stage}.")]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none, run `dvc repro`'}"
        raise GristmillError(f"no operator {operator} ran in the last build; {hint}")
    with shadow() as rehearse:
        report = rehearse(stage, Request(mode="adopt", operator=operator))
    if not report.answer:
        raise GristmillError(f"{stage} cannot be planned: {report.error}")
    _refuse(operator, report.answer)
    return Adopted(**{name: report.answer[name] for name in Adopted.__slots__})


def _refuse(operator: str, answer: dict[str, Any]) -> None:
    """Errors: GristmillError where the answer of the stage is no."""
    if answer["refused"]:
        reasons = "\n  ".join(answer["refused"])
        raise GristmillError(
            f"{operator} is not adopted, because more than its code changed:\n  {reasons}\n"
            "Run `gristmill status`, which says what it costs to compute it and how."
        )
    if answer["difference"]:
        raise GristmillError(
            f"{operator} is not adopted, because the new code gives another result:\n  {answer['difference']}\n"
            "Run `dvc repro` to compute it."
        )


def adopt_here(rehearsal: Rehearsal) -> dict[str, Any]:
    """In the process of the stage: compare a sample, and record the adoption when it holds."""
    asked = [planned for planned in rehearsal.planned if planned.plan.operator == rehearsal.request.operator]
    candidates = [one for planned in asked if (one := _candidate(rehearsal, planned))]
    answer = {
        "adopted": 0,
        "sampled": 0,
        "modules": sorted({name for one in candidates for name in _modules(rehearsal, one.planned)}),
        "found": sum(planned.found is not None for planned in asked),
        "others": sum(planned.found is None for planned in asked) - len(candidates),
        "refused": sorted({why for one in candidates for why in _besides_code(rehearsal, one.planned)}),
        "difference": "",
    }
    if answer["refused"] or not candidates:
        return answer
    count = max(AT_LEAST, math.ceil(SAMPLE * len(candidates)))
    sample = chosen(candidates, count, rehearsal.request.operator, lambda one: one.planned.plan.fingerprint)
    for one in sample:
        difference = first_difference(one.planned.plan.task, one.outputs, rehearsal.at_hand)
        if difference:
            return answer | {"difference": str(difference)}
    rehearsal.journal.record((_adopted(one) for one in candidates), rehearsal.recipes)
    return answer | {"adopted": len(candidates), "sampled": len(sample)}


def _candidate(rehearsal: Rehearsal, planned: Planned) -> Candidate | None:
    """The last result of a stale action, if it had the same inputs and its bytes are here."""
    outputs = tuple(map(output_of, planned.old))
    same = planned.old and planned.old[0].inputs == planned.plan.inputs
    if planned.found or not same or not all(map(rehearsal.at_hand, outputs)):
        return None
    return Candidate(planned=planned, outputs=outputs)


def _recipes(rehearsal: Rehearsal, planned: Planned) -> tuple[dict[str, Any], dict[str, Any]]:
    """(recipe of the last run, recipe of today) of an action."""
    old, new = rehearsal.old_recipes[planned.old[0].recipe], rehearsal.recipes[planned.plan.recipe]
    return json.loads(old), json.loads(new)


def _modules(rehearsal: Rehearsal, planned: Planned) -> Iterator[str]:
    old, new = (recipe["code"] for recipe in _recipes(rehearsal, planned))
    yield from (name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _besides_code(rehearsal: Rehearsal, planned: Planned) -> Iterator[str]:
    old, new = (recipe | {"code": {}} for recipe in _recipes(rehearsal, planned))
    yield from differences(old, new)


def _adopted(one: Candidate) -> tuple[str, Result]:
    plan = one.planned.plan
    return plan.fingerprint, Result(operator=plan.operator, recipe=plan.recipe, inputs=plan.inputs, outputs=one.outputs)
