"""Builder: for each plan, the result that exists or the one it computes, and a trace of which and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from catalog.errors import OperatorError
from catalog.execution.executor import Executor, workers
from catalog.history.manifests import index_history, previous_manifest
from catalog.incremental.journal import Journal, Result
from catalog.incremental.memo import Known, Reused
from catalog.incremental.operators import Memo
from catalog.incremental.planning import Plan
from catalog.incremental.reuse import Previous
from catalog.incremental.store import Store, check_inputs
from catalog.incremental.watch import Watch
from catalog.monitoring.figures import Figures
from catalog.monitoring.progress import Progress
from catalog.segments import Entry

LOOK_BACK = 100  # earlier results of one recipe whose rows are looked up, besides four per segment to compute


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What became of one action: fresh (`reason` says where it was found) or stale (`reason` says why).

    It read `rows`, and took the results of `reused` of them from elsewhere.
    """

    operator: str
    action: str
    rows: int
    verdict: str
    reason: str
    reused: int = 0
    seconds: float | None = None


_FIELDS = tuple(field.name for field in fields(Trace))


def as_line(one: Trace) -> str:
    """A trace as one line of JSON; `asdict` would copy each value of thousands."""
    return json.dumps({name: getattr(one, name) for name in _FIELDS}, ensure_ascii=False) + "\n"


class Builder:
    """Finds, computes and places the results of a stage whose output folder is `root`."""

    def __init__(self, stage: str, root: Path, executor: Executor, figures: Figures) -> None:
        self.stage, self.root = stage, root
        self._figures = figures
        self.trace: list[Trace] = []
        self.recipes: dict[str, str] = {}
        """Digest -> definition of every recipe in use."""
        self.store = Store()
        self.store.sweep()
        self._executor = executor
        self._journal = Journal()
        self.watch = Watch(self._journal, workers())
        self._computed: list[str] = []
        index_history(self._journal)
        self._previous = Previous(previous_manifest(stage))
        self._rates = self._journal.rates()

    def disown(self) -> None:
        """Forget what this run computed, because what it read changed meanwhile."""
        self._journal.forget(self._computed)

    def close(self, *, at_once: bool = False) -> None:
        """End the processes (`at_once`: without waiting for what they do) and close the journal."""
        self._executor.close(at_once=at_once)
        self.store.sweep()
        self._journal.close()

    def run(self, plans: list[Plan]) -> list[Entry]:
        """The manifest entries of `plans` (of one operator), in order; their files lie in the stage's folder."""
        known = self._journal.find(plan.fingerprint for plan in plans)
        outputs = (output for result in known.values() for output in result.outputs)
        objects = self.store.find_all(outputs, workers())
        found = {name: result for name, result in known.items() if all(made in objects for made in result.outputs)}
        stale = {plan.fingerprint: plan for plan in plans if plan.fingerprint not in found}
        reasons = {name: self._reason(plan, known) for name, plan in stale.items()}
        reused = self._reused(plans, stale)
        found |= self._compute(stale, reused)
        for plan in plans:
            self._note(plan, found[plan.fingerprint], reasons.get(plan.fingerprint), reused)
        return [entry for plan in plans for entry in self._place(plan, found[plan.fingerprint])]

    def _reason(self, plan: Plan, known: Mapping[str, Result]) -> str:
        if plan.fingerprint in known:
            return "its result is gone or corrupt"
        return self._previous.reason(plan, self.recipes[plan.recipe])

    def _reused(self, plans: list[Plan], stale: Mapping[str, Plan]) -> dict[str, tuple[Reused, ...]]:
        """For each stale plan, the rows that earlier results of its recipe hold."""
        memo = plans[0].task.operator.memo if stale else None
        if memo is None:
            return {}
        current = {plan.fingerprint for plan in plans}
        recipe = plans[0].recipe
        results = self._journal.find(set(self._previous.following(recipe)) - current)
        results |= self._journal.following(recipe, LOOK_BACK + 4 * len(stale))
        rows = Known(memo, self._earlier(memo, [result for name, result in results.items() if name not in current]))
        return {name: rows.reused(plan.task.args[0].path) for name, plan in stale.items()}

    def _earlier(self, memo: Memo, results: list[Result]) -> Iterator[tuple[Path, tuple[tuple[str, Path], ...]]]:
        """(file of the input, files written) of each result whose bytes are all here."""
        logical = [next(iter(json.loads(result.inputs).values())) for result in results]
        inputs = self._journal.makers(logical)
        wanted = [*inputs.values(), *(output for result in results for output in result.outputs)]
        objects = self.store.find_all(wanted, workers())
        for result, digest in zip(results, logical, strict=True):
            read = inputs.get(digest)
            if read in objects and all(output in objects for output in result.outputs):
                yield objects[read], tuple((output.table, objects[output]) for output in result.outputs)

    def _compute(self, stale: Mapping[str, Plan], reused: Mapping[str, tuple[Reused, ...]]) -> dict[str, Result]:
        """Perform the stale tasks; each result is recorded as soon as its bytes are safe."""
        if not stale:
            return {}
        tasks = [replace(plan.task, reused=reused.get(name, ())) for name, plan in stale.items()]
        check_inputs(segment for task in tasks for segment in task.segments)
        operator = next(iter(stale.values())).operator
        rate = self._rates.get(operator)
        read = sum(task.fresh_rows for task in tasks)
        guess = None if rate is None else rate.read * read
        done: dict[str, Result] = {}
        seconds, produced = 0.0, 0
        with Progress(self.stage, tasks[0].operator.name, len(tasks), self._figures) as progress:
            for ended in self._executor.execute(tasks, guess):
                plan = stale[ended.task.fingerprint]
                result = Result(
                    operator=operator, recipe=plan.recipe, inputs=plan.inputs, outputs=ended.outputs,
                    seconds=ended.seconds,
                )  # fmt: skip
                self._journal.record([(plan.fingerprint, result)], {plan.recipe: self.recipes[plan.recipe]})
                self.store.distrust(ended.outputs)
                done[plan.fingerprint] = result
                self._computed.append(plan.fingerprint)
                progress.add(ended.task.rows or ended.outputs[0].rows)
                seconds += ended.seconds
                produced += sum(output.rows for output in ended.outputs) - ended.task.rows + ended.task.fresh_rows
        self._journal.note_rate(operator, seconds, produced=produced, read=read)
        return done

    def _note(self, plan: Plan, found: Result, reason: str | None, reused: Mapping[str, Iterable[Reused]]) -> None:
        theirs = reason is None and any(made.sha256 in self.store.fetched for made in found.outputs)
        self.trace.append(
            Trace(
                operator=plan.operator, action=plan.name, rows=plan.task.rows,
                verdict="fresh" if reason is None else "stale", reason=reason or ("dvc" if theirs else "objects"),
                reused=sum(len(part.ids) for part in reused.get(plan.fingerprint, ())),
                seconds=found.seconds if reason else None,
            )
        )  # fmt: skip

    def _place(self, plan: Plan, result: Result) -> list[Entry]:
        """Put the files of one action into the stage's folder and describe them."""
        entries = plan.entries(result.outputs)
        for output, entry in zip(result.outputs, entries, strict=True):
            try:
                self.store.place(self.store.local(output), self.root / entry.path)
            except FileNotFoundError:
                raise OperatorError(
                    f"{self.store.local(output)} vanished while it was used; run `dvc repro {self.stage}` again"
                ) from None
        return entries
