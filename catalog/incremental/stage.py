"""Stage: one run of a node of dvc.yaml. Finds every result that exists, computes the others, writes the manifest.

Reads   params.yaml (the block of the stage), the manifests and segments of earlier stages, the journal, DVC's store
Writes  data/<stage>/<table>/<digest>.parquet and data/<stage>/manifest.parquet, the manifest last
        .gristmill/traces/<stage>.jsonl: each action, fresh or stale, and why (local; `gristmill why` prints it)

    with Stage("clean", EXTRACT, JUDGE) as stage:
        text = stage.map(EXTRACT, stage.read("crawl/captures"))["text"]
        stage.map(JUDGE, text)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow.compute as pc

from catalog import layout
from catalog.errors import BusyError, ConservationError, InputError, OperatorError
from catalog.events import as_json, say
from catalog.execution.executor import new_executor
from catalog.incremental.builder import Builder, as_line
from catalog.incremental.operators import Operator
from catalog.incremental.planning import Action, Job, Plan, Planner
from catalog.monitoring.figures import Figures, metrics_folder
from catalog.params import load_params, read_block
from catalog.rehearsal.rehearsal import Rehearsal, in_rehearsal
from catalog.schema import STAGES
from catalog.segments import WITHHELD, Entry, Segment, read_segments, write_manifest

__all__ = ["Action", "Job", "Stage"]


class Stage:
    """The context of one run; see the module for its use.

    `operators` and `params` name every dataclass that may use a parameter of the block, so that all problems of
    the block are reported before anything runs. Errors: ParameterError, BusyError.
    """

    def __init__(self, name: str, *operators: Operator, params: Iterable[type] = ()) -> None:
        if name not in STAGES:
            raise OperatorError(f"{name} is not a stage; add it to catalog/schema and dvc.yaml")
        self.name = name
        self.root = layout.stage_root(name)
        kinds = [*params, *(operator.params for operator in operators if operator.params)]
        self.params: dict[type, Any] = load_params(name, read_block(name), kinds)
        self._entries: list[Entry] = []
        self._executor = new_executor(operators)

    def __enter__(self) -> Stage:
        self._builder: Builder | Rehearsal
        if in_rehearsal():
            self._builder = Rehearsal(self.name, self.root)
            return self
        self._lock = lock_stage(self.name)
        self._start = time.monotonic()
        self._figures = Figures(self.name, metrics_folder())
        self._figures.start()
        self._builder = Builder(self.name, self.root, self._executor, self._figures)
        (self.root / layout.MANIFEST).unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        builder = self._builder
        if isinstance(builder, Rehearsal):
            builder.end(self._entries, error)
        finished = False
        try:
            if kind is None:
                self._finish(builder)
            self._write_trace(builder)
            finished = kind is None
        finally:
            self._figures.end(failed=not finished)
            builder.close(at_once=kind is not None)
            self._lock.close()

    def read(self, table: str) -> list[Segment]:
        """The segments of an upstream table `<stage>/<table>`, in order. Errors: InputError when it was not built."""
        stage, _, name = table.partition("/")
        return read_segments(stage, name)

    def digests(self, paths: Iterable[Path]) -> dict[str, str]:
        """sha256 of source files, by path as text; the run fails if one of them changes before its end."""
        return self._builder.watch.digests(paths)

    def map(self, operator: Operator, *inputs: list[Segment], params: Any = None) -> dict[str, list[Segment]]:
        """One action per segment of the first input, joined by key with the others; results keep its order."""
        return self._by_table(operator, self._planner(operator, params).map(inputs))

    def act_all(self, operator: Operator, actions: Iterable[Action]) -> dict[str, list[Segment]]:
        """Root actions: the n-th segment of each table of one action shares a key."""
        planners: dict[str, Planner] = {}
        plans = []
        for action in actions:
            owner = action.owner or action.name
            if owner not in planners:
                planners[owner] = self._planner(operator, action.params, f"{self.name}.{owner}")
            plans.append(planners[owner].act(action))
        return self._by_table(operator, plans)

    def act(
        self, operator: Operator, name: str, inputs: Mapping[str, str], args: tuple[Any, ...] = (), params: Any = None
    ) -> dict[str, list[Segment]]:
        """One root action; see `act_all`."""
        return self.act_all(operator, [Action(name=name, inputs=inputs, args=args, params=params)])

    def reduce(self, operator: Operator, *inputs: list[Segment], params: Any = None) -> dict[str, list[Segment]]:
        """One action over all segments; it names the key of each table it yields."""
        return self.reduce_all(operator, [Job(name=operator.name, inputs=inputs, params=params)])

    def reduce_all(self, operator: Operator, jobs: Iterable[Job]) -> dict[str, list[Segment]]:
        """Several reduces of one operator, side by side where there are workers; their tables, in the jobs' order."""
        plans = [self._planner(operator, job.params).whole("reduce", job.name, job.inputs) for job in jobs]
        return self._by_table(operator, plans)

    def build(self, operator: Operator, *inputs: list[Segment], name: str, params: Any = None) -> list[Segment]:
        """One action that writes files, which land in `data/<stage>/<name>/`."""
        return self.build_all(operator, [Job(name=name, inputs=inputs, params=params)])

    def build_all(self, operator: Operator, jobs: Iterable[Job]) -> list[Segment]:
        """Several builds, side by side where there are workers; the files of all, in order."""
        return self._run([self._planner(operator, job.params).whole("build", job.name, job.inputs) for job in jobs])

    def listed(self, *tables: str) -> list[tuple[str, Segment]]:
        """The segments of some tables that this run has so far, each beside the name of the action that made it."""
        return [(entry.action, entry.segment(self.name)) for entry in self._entries if entry.table in tables]

    def withhold(self, key: str, tables: Iterable[str]) -> None:
        """Hide segments for which others stand: their results are found again, but who reads a table sees them not."""
        self._entries = [
            entry._replace(table=WITHHELD + entry.table) if entry.key == key and entry.table in tables else entry
            for entry in self._entries
        ]

    def _planner(self, operator: Operator, params: Any, prefix: str = "") -> Planner:
        if params is None and operator.params is not None:
            params = self.params[operator.params]
        planner = Planner(self.name, operator, params, prefix)
        self._builder.recipes[planner.recipe] = planner.definition
        return planner

    def _run(self, plans: list[Plan]) -> list[Segment]:
        entries = self._builder.run(plans) if plans else []
        self._entries += entries
        return [entry.segment(self.name) for entry in entries]

    def _by_table(self, operator: Operator, plans: list[Plan]) -> dict[str, list[Segment]]:
        segments = self._run(plans)
        return {name: [segment for segment in segments if segment.table == name] for name in operator.writes}

    def _finish(self, builder: Builder) -> None:
        """Account for every row, drop files of earlier runs, then write the manifest."""
        if changed := builder.watch.changed():
            builder.disown()
            raise InputError(f"{', '.join(changed[:3])} changed while it was read; run `dvc repro` again")
        self._conserve()
        keep = {entry.path for entry in self._entries}
        self.root.mkdir(parents=True, exist_ok=True)
        for path in self.root.rglob("*"):
            if path.is_file() and path.relative_to(self.root).as_posix() not in keep:
                path.unlink()
        write_manifest(self.root / layout.MANIFEST, self._entries, builder.recipes)
        builder.store.prune()
        shutil.rmtree(layout.BUILDING / self.name, ignore_errors=True)  # of builds that nobody wants any more
        self._report(builder)

    def _report(self, builder: Builder) -> None:
        """The line of this run and its figures; rows are counted where somebody asked for them."""
        built = sum(line.verdict == "stale" for line in builder.trace)
        found, corrupt = len(builder.trace) - built, builder.store.corrupt
        asked = as_json() or metrics_folder() is not None
        rows = count_outcomes(self._entries, self.name) if asked else {}
        written = sum(entry.bytes for entry in self._entries)
        for outcome, count in rows.items():
            self._figures.set("rows", "Rows that the stage accounts for.", count, outcome=outcome)
        for state, count in (("found", found), ("computed", built)):
            self._figures.set("results", "Results of actions, found again or computed.", count, state=state)
        self._figures.set("corrupt", "Objects that were corrupt, and deleted.", corrupt)
        self._figures.set("bytes", "Bytes of the files of the stage.", written)
        healed = f"; {corrupt} corrupt objects deleted" if corrupt else ""
        say(
            f"{self.name}: {found} results found, {built} computed{healed}", event="stage", to=sys.stdout,
            name=self.name, found=found, computed=built, corrupt=corrupt, bytes=written, rows=rows,
            seconds=round(time.monotonic() - self._start, 3),
        )  # fmt: skip

    def _conserve(self) -> None:
        """Rows in = kept + dropped + quarantined, against the stage this one accounts for."""
        source = STAGES[self.name]
        if source is None:
            return
        rows_in = sum(kept_rows(segment) for segment in read_segments(source, "verdicts"))
        accounted = sum(entry.rows for entry in self._entries if entry.table in ("verdicts", "quarantine"))
        if rows_in != accounted:
            raise ConservationError(
                f"{self.name} accounts for {accounted} rows, but {source} kept {rows_in}; "
                f"run `gristmill verify {self.name}`"
            )

    def _write_trace(self, builder: Builder) -> None:
        layout.TRACES.mkdir(parents=True, exist_ok=True)
        lines = "".join(map(as_line, builder.trace))
        (layout.TRACES / f"{self.name}.jsonl").write_text(lines, encoding="utf-8")


def count_outcomes(entries: Iterable[Entry], stage: str) -> dict[str, int]:
    """Rows in, kept, dropped and quarantined; the first is the sum of the others."""
    judged = [entry.segment(stage) for entry in entries if entry.table == "verdicts"]
    kept = sum(map(kept_rows, judged))
    quarantined = sum(entry.rows for entry in entries if entry.table == "quarantine")
    dropped = sum(segment.rows for segment in judged) - kept
    return {"in": kept + dropped + quarantined, "kept": kept, "dropped": dropped, "quarantined": quarantined}


def kept_rows(verdicts: Segment) -> int:
    """Rows of a verdicts segment that no rule dropped."""
    return int(pc.sum(pc.is_null(verdicts.read(["drop_reason"])["drop_reason"])).as_py() or 0)


def keep_private() -> None:
    """Nobody else may write where DVC keeps pickles; DVC makes the folder, and ours around it, for everybody.

    A folder of another user stays as it is; `gristmill doctor` says so.
    """
    for folder, mode in ((layout.LOCAL, 0o755), (layout.SITE_CACHE, 0o700)):
        folder.mkdir(exist_ok=True)
        if (found := stat.S_IMODE(folder.stat().st_mode)) & ~mode:
            with contextlib.suppress(PermissionError):
                folder.chmod(found & mode)


def lock_stage(stage: str) -> IO[str]:
    """Hold the stage's lock until the file is closed; a second writer is told who holds it."""
    keep_private()
    layout.LOCKS.mkdir(parents=True, exist_ok=True)
    stream = (layout.LOCKS / f"{stage}.lock").open("a+")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        holder = stream.read().strip() or "unknown"
        raise BusyError(
            f"the stage {stage} is being written by process {holder}; wait for it, or `kill {holder}`"
        ) from None
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    return stream
