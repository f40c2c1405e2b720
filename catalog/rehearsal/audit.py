"""Audit: compute stored actions again, at random, and compare. Finds operators that do not give the same twice.

    gristmill verify --sample 1%

Reads   each stage's plan (catalog/rehearsal/rehearsal.py), and the files of results that come out different
Writes  nothing: what is computed is compared and forgotten

Of every operator the sample holds at least one action, so that a small corpus is audited too. Builds, which train
models, are left out unless asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from catalog.digests import file_sha256
from catalog.errors import GristmillError
from catalog.history.manifests import LOCK
from catalog.rehearsal.rehearsal import Planned, Rehearsal, Request
from catalog.rehearsal.repeating import chosen, first_difference
from catalog.rehearsal.shadow import graph, shadow


@dataclass(frozen=True, kw_only=True)
class Audited:
    """What the audit of one stage found; `problem` says why the stage could not be planned."""

    stage: str
    actions: int = 0
    checked: int = 0
    stale: int = 0
    """Actions without a result, which there is nothing to compare with."""
    skipped: list[str] = field(default_factory=list)
    """Builds that were left out."""
    differences: list[str] = field(default_factory=list)
    problem: str = ""

    def text(self) -> str:
        """The outcome in one line."""
        if self.problem:
            return f"{self.stage:<10} not audited: {self.problem}"
        rest = f", {self.stale} are stale" if self.stale else ""
        rest += f", without {', '.join(self.skipped)} (--builds)" if self.skipped else ""
        verdict = f"{len(self.differences)} DIFFER" if self.differences else "ok"
        return f"{self.stage:<10} {self.checked:>6} of {self.actions} actions computed again{rest}  {verdict}"


def parse_sample(text: str) -> float:
    """`1%` or `0.01` as a fraction. Errors: GristmillError."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise GristmillError(f"the sample is {text}, must be above 0 and at most 1; write --sample 1% or --sample 0.01")
    return value


def default_seed() -> str:
    """A seed that changes with the corpus: the first digits of the digest of dvc.lock."""
    return file_sha256(LOCK)[:8] if LOCK.is_file() else "0"


def audit_lines(stages: list[str] | None, sample: str, seed: str, *, builds: bool) -> Iterator[str]:
    """The audit as text, a line per stage. Errors: GristmillError that lists what came out different."""
    fraction, seed = parse_sample(sample), seed or default_seed()
    yield f"computing {fraction:.3g} of the actions of each operator again, one at least; --seed {seed}"
    problems: list[str] = []
    for audited in audit(stages, fraction, seed, builds=builds):
        yield audited.text()
        problems += audited.differences
    if problems:
        listed = "\n  ".join(problems)
        raise GristmillError(
            f"{len(problems)} actions do not give the same twice:\n  {listed}\n"
            "Take clocks, random numbers and unordered sets out of the operator, then `dvc repro`."
        )


def audit(stages: list[str] | None, sample: float, seed: str, *, builds: bool = False) -> Iterator[Audited]:
    """Audit each stage of dvc.yaml (or those of `stages`), one after the other."""
    request = Request(mode="audit", sample=sample, seed=seed, builds=builds)
    with shadow() as rehearse:
        for stage in graph():
            if stages and stage not in stages:
                continue
            report = rehearse(stage, request)
            if report.answer:
                yield Audited(stage=stage, **report.answer)
            else:
                yield Audited(stage=stage, problem=report.error)


def audit_here(rehearsal: Rehearsal) -> dict[str, Any]:
    """In the process of the stage: compute the sample again."""
    found = [planned for planned in rehearsal.planned if planned.found]
    skipped = [one for one in found if _is_skipped(one, rehearsal.request)]
    sample = _sample([one for one in found if not _is_skipped(one, rehearsal.request)], rehearsal.request)
    differences = [first_difference(one.plan.task, one.found or (), rehearsal.at_hand) for one in sample]
    return {
        "actions": len(rehearsal.planned),
        "checked": len(sample),
        "stale": len(rehearsal.planned) - len(found),
        "skipped": [f"{one.plan.operator} {one.plan.name}" for one in skipped],
        "differences": [str(difference) for difference in differences if difference],
    }


def _is_skipped(planned: Planned, request: Request) -> bool:
    return planned.plan.task.shape == "build" and not request.builds


def _sample(found: list[Planned], request: Request) -> list[Planned]:
    """Of each operator the asked fraction of its actions, one at least."""
    sample = []
    for _, group in groupby(sorted(found, key=_operator), key=_operator):
        actions = list(group)
        count = math.ceil(request.sample * len(actions))
        sample += chosen(actions, count, request.seed, lambda planned: planned.plan.fingerprint)
    return sample


def _operator(planned: Planned) -> str:
    return planned.plan.operator
