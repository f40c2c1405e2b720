"""Builder: for each plan, the result that exists or the one it computes, and a trace of which and why."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from catalog.digests import canonical_json
from catalog.errors import OperatorError
from catalog.executor import Executor, Task, workers
from catalog.history import index_history, previous_manifest
from catalog.journal import Journal, Output, Result
from catalog.layout import OBJECTS
from catalog.planning import Plan
from catalog.progress import Progress
from catalog.reuse import Fresh, Previous, Stale, Verdict
from catalog.segments import Entry
from catalog.store import Store


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What became of one action: `verdict` is fresh (`reason` = where it was found) or stale (`reason` = why)."""

    operator: str
    action: str
    rows: int
    verdict: str
    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class _Found:
    outputs: tuple[Output, ...]
    paths: tuple[Path, ...]


class Builder:
    """Finds, computes and places the results of a stage whose output folder is `root`."""

    def __init__(self, stage: str, root: Path, executor: Executor) -> None:
        self.stage, self.root = stage, root
        self.trace: list[Trace] = []
        self.store = Store()
        self._executor = executor
        self._journal = Journal()
        index_history(self._journal)
        self._previous = Previous(previous_manifest(stage))

    def close(self) -> None:
        """End the processes and close the journal."""
        self._executor.close()
        self._journal.close()

    def run(self, plans: list[Plan]) -> list[Entry]:
        """The manifest entries of `plans` (of one operator), in order; their files lie in the stage's folder."""
        results = [self._journal.find(plan.fingerprint) for plan in plans]
        with ThreadPoolExecutor(workers()) as threads:
            looked = list(threads.map(self._look, plans, results))
        found = {plan.fingerprint: hit for plan, (_, hit) in zip(plans, looked, strict=True) if hit}
        stale = {plan.fingerprint: plan for plan in plans if plan.fingerprint not in found}
        computed = self._compute(stale)
        for plan, (verdict, _) in zip(plans, looked, strict=True):
            self._note(plan, verdict, computed)
        found |= {name: self._safe(done.outputs) for name, done in computed.items()}
        return [entry for plan in plans for entry in self._place(plan, found[plan.fingerprint])]

    def _look(self, plan: Plan, result: Result | None) -> tuple[Verdict, _Found | None]:
        """Is there a result with the right bytes? Every byte is hashed."""
        if result is None:
            return Stale(self._previous.reason(plan.operator, plan.name, plan.recipe, plan.fingerprint)), None
        paths = [path for output in result.outputs if (path := self.store.find(output))]
        if len(paths) < len(result.outputs):
            return Stale("its result is gone or corrupt"), None
        ours = all(path.parent == OBJECTS for path in paths)
        return Fresh("objects" if ours else "dvc"), _Found(result.outputs, tuple(paths))

    def _compute(self, stale: Mapping[str, Plan]) -> dict[str, Result]:
        """Perform the stale tasks; each result is recorded as soon as its bytes are safe."""
        if not stale:
            return {}
        tasks: list[Task] = [plan.task for plan in stale.values()]
        done: dict[str, Result] = {}
        with Progress(self.stage, tasks[0].operator.name, len(tasks)) as progress:
            for ended in self._executor.execute(tasks):
                plan = stale[ended.task.fingerprint]
                result = Result(
                    operator=plan.operator,
                    recipe=canonical_json(plan.recipe),
                    outputs=ended.outputs,
                    seconds=ended.seconds,
                )
                self._journal.record([(plan.fingerprint, result)])
                done[plan.fingerprint] = result
                progress.add(ended.task.rows or ended.outputs[0].rows)
        return done

    def _note(self, plan: Plan, verdict: Verdict, computed: Mapping[str, Result]) -> None:
        stale = isinstance(verdict, Stale)
        self.trace.append(
            Trace(
                operator=plan.operator, action=plan.name, rows=plan.task.rows, verdict="stale" if stale else "fresh",
                reason=verdict.reason if isinstance(verdict, Stale) else verdict.where,
                seconds=computed[plan.fingerprint].seconds if stale else None,
            )
        )  # fmt: skip

    def _safe(self, outputs: tuple[Output, ...]) -> _Found:
        """A result of this run: its bytes were hashed when they were stored."""
        return _Found(outputs, tuple(self.store.local(output) for output in outputs))

    def _place(self, plan: Plan, found: _Found) -> list[Entry]:
        """Put the files of one action into the stage's folder and describe them."""
        entries = []
        keys = plan.keys(found.outputs)
        for part, (output, source, key) in enumerate(zip(found.outputs, found.paths, keys, strict=True)):
            path = plan.path(output)
            try:
                self.store.place(source, self.root / path)
            except FileNotFoundError:
                raise OperatorError(
                    f"{source} vanished while it was used; run `dvc repro {self.stage}` again"
                ) from None
            described = {name: value for name, value in asdict(output).items() if name not in ("name", "table", "key")}
            table = plan.name if plan.task.shape == "build" else output.table
            entry = Entry(
                path=path,
                table=table,
                key=key,
                operator=plan.operator,
                action=plan.name,
                part=part,
                fingerprint=plan.fingerprint,
                recipe=canonical_json(plan.recipe) if part == 0 else None,
                **described,
            )
            entries.append(entry)
        return entries
