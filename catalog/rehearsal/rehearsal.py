"""Rehearsal: a stage plans in a shadow of the project as if it would build, says what it found, and builds nothing.

Reads   rehearsal.json of the shadow (what is asked), the results that the journal knows and the stage's last manifest
Writes  data/<stage>/ of the shadow: links to the results, and a manifest; <stage>.json of the shadow: the report

`Stage` uses a Rehearsal in the place of a Builder when GRISTMILL_REHEARSE names the shadow (shadow.py). An
action without a result is stood in for by what it gave last time, so that what follows it can be planned as well.
Three things can be asked: "look" is only that; "adopt" (adopt.py) and "audit" (audit.py) then compute
some actions again and compare.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from catalog.digests import file_sha256
from catalog.errors import GristmillError
from catalog.execution.executor import workers
from catalog.history.manifests import index_history, output_of, previous_manifest
from catalog.incremental.journal import Journal, Output
from catalog.incremental.operators import resolve
from catalog.incremental.planning import Plan
from catalog.incremental.reuse import Previous
from catalog.incremental.store import Store, is_sealed
from catalog.incremental.watch import Watch
from catalog.layout import MANIFEST
from catalog.segments import Entry, recipes_of, write_manifest

VARIABLE = "GRISTMILL_REHEARSE"
REQUEST = "rehearsal.json"
ANSWERS = {"adopt": "catalog.rehearsal.adopt:adopt_here", "audit": "catalog.rehearsal.audit:audit_here"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a stage is asked: `mode` is look, adopt (one `operator`), or audit (a `sample` of each one's actions)."""

    mode: str = "look"
    operator: str = ""
    sample: float = 0.0
    seed: str = ""
    builds: bool = False


@dataclass(frozen=True, kw_only=True)
class Look:
    """One action as the next run would meet it: found, or to be computed for a `reason`."""

    operator: str
    action: str
    fingerprint: str
    rows: int
    """Rows it reads; 0 for an action that reads no segments."""
    reason: str
    """Empty when its result was found."""
    inputs: dict[str, Any]
    outputs: list[tuple[str, str, int, str]]
    """(table, key, rows, logical) of its result, or of the last one; empty when it is new."""
    writes: list[str]
    """Tables that it may write."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a stage said; `error` says why its plan ends early, `answer` is what the mode adds."""

    looks: list[Look]
    answer: dict[str, Any]
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan with its result, and what the same action gave in the last run."""

    plan: Plan
    found: tuple[Output, ...] | None
    old: list[Entry]
    reason: str


def in_rehearsal() -> bool:
    """Was this process started to rehearse? Errors: GristmillError outside a shadow, where it would do harm."""
    shadow = os.environ.get(VARIABLE)
    if shadow and not (Path(shadow, REQUEST).is_file() and Path(shadow).samefile(Path.cwd())):
        raise GristmillError(f"{VARIABLE} is {shadow}, which is no shadow of a project; run `unset {VARIABLE}`")
    return bool(shadow)


class Rehearsal:
    """Stands in for a Builder: the same `run(plans)`, but it only looks. `root` is the stage's folder in the shadow."""

    def __init__(self, stage: str, root: Path) -> None:
        self.stage, self.root = stage, root
        self.recipes: dict[str, str] = {}
        self.planned: list[Planned] = []
        self.journal, self.store = Journal(), Store()
        self.watch = Watch(self.journal, workers())
        self.request = Request(**json.loads(Path(REQUEST).read_text(encoding="utf-8")))
        index_history(self.journal)
        manifest = previous_manifest(stage)
        self.old_recipes = recipes_of(manifest)
        self._last = Previous(manifest)
        self._old: dict[tuple[str, str], list[Entry]] = {}
        for entry in manifest:
            self._old.setdefault((entry.operator, entry.action), []).append(entry.made)
        if root.is_symlink():
            root.unlink()
        root.mkdir(parents=True, exist_ok=True)

    def run(self, plans: list[Plan]) -> list[Entry]:
        """The entries that the next run would find, or last found, for `plans`; their files are linked into place."""
        known = self.journal.find(plan.fingerprint for plan in plans)
        entries = []
        for plan in plans:
            outputs = known[plan.fingerprint].outputs if plan.fingerprint in known else ()
            found = outputs if outputs and all(map(self.at_hand, outputs)) else None
            planned = Planned(
                plan=plan, found=found, old=self._old.get((plan.operator, plan.name), []),
                reason="" if found else self._last.reason(plan, self.recipes[plan.recipe]),
            )  # fmt: skip
            self.planned.append(planned)
            entries += plan.entries(found) if found else planned.old
        for entry in entries:
            self._link(entry)
        return entries

    def at_hand(self, output: Output) -> Path | None:
        """A file with the bytes of a result. An object in DVC's store is told by its size, so that looking is quick."""
        ours, theirs = self.store.local(output), self.store.in_dvc(output.md5)
        if is_sealed(ours, output):
            return ours
        if _size(ours) == output.bytes and file_sha256(ours) == output.sha256:
            return ours
        return theirs if _size(theirs) == output.bytes else None

    def end(self, entries: list[Entry], error: BaseException | None) -> NoReturn:
        """Write the manifest and the report, and end the process: nothing of the stage follows. `error` ended the plan.

        Raises the error itself when no stand-in was missing, since then it is the stage's own.
        """
        complete = all(planned.found or planned.old for planned in self.planned)
        if error is not None and complete:
            raise error
        write_manifest(self.root / MANIFEST, entries, self.old_recipes | self.recipes)
        answer = resolve(ANSWERS[self.request.mode])(self) if self.request.mode in ANSWERS else {}
        report = Report(looks=[_look(planned) for planned in self.planned], answer=answer, error=str(error or ""))
        Path(f"{self.stage}.json").write_text(json.dumps(asdict(report)), encoding="utf-8")
        self.journal.close()
        raise SystemExit(0)

    def _link(self, entry: Entry) -> None:
        """Link the file of an entry into the shadow; one that is nowhere stays missing."""
        target, found = self.root / entry.path, self.at_hand(output_of(entry))
        if found and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(found.resolve())


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _look(planned: Planned) -> Look:
    plan = planned.plan
    entries = plan.entries(planned.found) if planned.found else planned.old
    return Look(
        operator=plan.operator, action=plan.name, fingerprint=plan.fingerprint, rows=plan.task.rows,
        reason=planned.reason, inputs=json.loads(plan.inputs), writes=list(plan.task.operator.writes) or [plan.name],
        outputs=[(entry.table, entry.key, entry.rows, entry.logical) for entry in entries],
    )  # fmt: skip
