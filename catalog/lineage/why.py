"""Why a stage, a segment or a document was built: the trace of the last run, followed up to the first cause.

Reads   .gristmill/traces/<stage>.jsonl, the manifests, and (to place a document) the ids of captured segments

An action that ran because an input changed is explained by the actions that wrote that input, and so on:
    clean.extract computed: new input crawl/captures <- crawl.files computed: input files changed (a:inbox/a.jsonl)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import pyarrow.compute as pc

from catalog.errors import InputError
from catalog.incremental.builder import Trace
from catalog.layout import MANIFEST, TRACES, stage_root
from catalog.schema import STAGES
from catalog.segments import Entry, read_manifest, read_segments

SHOWN = 3  # actions, and first causes, that are named; the rest is counted


@dataclass(frozen=True, kw_only=True)
class Group:
    """Actions of one run that share operator, verdict and reason; `table` is what the group below read of them."""

    run: Run
    lines: list[Trace]
    table: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """What tells groups apart."""
        return self.lines[0].operator, self.lines[0].reason

    def text(self) -> str:
        """`operator computed N: reason (actions)`."""
        first = self.lines[0]
        count = f" {len(self.lines)}" if len(self.lines) > 1 else ""
        why = f": {first.reason}" if first.verdict == "stale" else ""
        return f"{first.operator} {'computed' if first.verdict == 'stale' else 'found'}{count}{why}{self._names()}"

    def _names(self) -> str:
        """Root actions by name: a source, a file. Keys of segments say nothing to a reader."""
        named = [line.action for line in self.lines if ":" in line.action]
        more = f", and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        return f" ({', '.join(named[:SHOWN])}{more})" if named else ""


class Run:
    """The last run of a stage in this clone. Errors: InputError when it never ran here."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.path = trace_path(stage)
        if not self.path.exists():
            raise InputError(f"the stage {stage} has not run in this clone; run `dvc repro {stage}`")
        self.trace = [Trace(**json.loads(line)) for line in self.path.read_text(encoding="utf-8").splitlines()]

    @cached_property
    def _entries(self) -> dict[tuple[str, str], list[Entry]]:
        path = stage_root(self.stage) / MANIFEST
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in read_manifest(path) if path.exists() else ():
            found.setdefault((entry.operator, entry.action), []).append(entry)
        return found

    def entries(self, line: Trace) -> list[Entry]:
        """The files that an action wrote; none when the stage was checked out since."""
        return self._entries.get((line.operator, line.action), [])

    def changed_inputs(self, line: Trace) -> list[str]:
        """The inputs (`stage/table`) that the reason of an action names."""
        entries = self.entries(line)
        inputs = json.loads(entries[0].inputs or "{}") if entries else {}
        return [name for name in inputs if f"input {name}" in line.reason or f", {name}" in line.reason]

    def writers(self, table: str, key: str) -> list[Trace]:
        """The computed actions that wrote a table: the one of the same key, or all where none has it."""
        wrote = [line for line in self.trace if line.verdict == "stale" and self._wrote(line, table)]
        same = [line for line in wrote if any(entry.key == key for entry in self.entries(line))]
        return same if is_key(key) and same else wrote

    def _wrote(self, line: Trace, table: str) -> bool:
        return table == MANIFEST or any(entry.table == table for entry in self.entries(line))


class Past:
    """The last runs of all stages, each read once."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def run(self, stage: str) -> Run:
        """The last run of a stage. Errors: InputError when it never ran here."""
        if stage not in self._runs:
            self._runs[stage] = Run(stage)
        return self._runs[stage]

    def explained(self, group: Group) -> Iterator[str]:
        """A group with the shortest way up to each first cause of it, one to a line."""
        ways = list(self._ways(group))
        for way in ways[:SHOWN]:
            between = [f"{step.lines[0].operator} ({below.table})" for step, below in pairwise(way[1:])]
            first = [step.text() for step in way[1:][-1:]]
            yield " <- ".join([group.text(), *between, *first]) + _since(way[-1].run, group.run)
        if len(ways) > SHOWN:
            yield f"and {len(ways) - SHOWN} more causes"

    def _ways(self, group: Group) -> Iterator[list[Group]]:
        """From a group up to each group that no changed input explains, breadth first, each group once."""
        waiting, seen = [[group]], {group.name}
        while waiting:
            way = waiting.pop(0)
            above = list(self._above(way[-1]))
            if not above:
                yield way
            fresh = [step for step in above if step.name not in seen]
            seen |= {step.name for step in fresh}
            waiting += [[*way, step] for step in fresh]

    def _above(self, group: Group) -> Iterator[Group]:
        """What made computed actions run: the computed actions that wrote the inputs their reason names."""
        wanted: dict[str, dict[tuple[str, str], Trace]] = {}
        for line in group.lines if group.lines[0].verdict == "stale" else ():
            for name in group.run.changed_inputs(line):
                stage, _, table = name.partition("/")
                if stage in STAGES and trace_path(stage).exists():
                    writers = self.run(stage).writers(table, line.action)
                    wanted.setdefault(name, {}).update({(one.operator, one.action): one for one in writers})
        for name, writers_of in wanted.items():
            yield from groups(self.run(name.partition("/")[0]), writers_of.values(), name)


def groups(run: Run, lines: Iterable[Trace], table: str = "") -> list[Group]:
    """Actions of a run, those with one operator, verdict and reason together."""
    found: dict[tuple[str, str, str], list[Trace]] = {}
    for line in lines:
        found.setdefault((line.operator, line.verdict, line.reason), []).append(line)
    return [Group(run=run, lines=group, table=table) for group in found.values()]


def _since(above: Run, run: Run) -> str:
    """A remark when the stage above ran once more after the run that is explained."""
    again = above.path.stat().st_mtime_ns > run.path.stat().st_mtime_ns
    return f"; {above.stage} ran again since" if again else ""


def explain_stage(stage: str) -> Iterator[str]:
    """What the last run of a stage did, a line per operator, and one per reason with its causes.

    Errors: InputError when it never ran here.
    """
    past = Past()
    run = past.run(stage)
    stale = [line for line in run.trace if line.verdict == "stale"]
    yield f"{stage}: {len(stale)} of {len(run.trace)} actions computed in its last run"
    totals = Counter(line.operator for line in run.trace)
    for operator, total in totals.items():
        computed = [line for line in stale if line.operator == operator]
        rows, reused = sum(line.rows for line in computed), sum(line.reused for line in computed)
        documents = f", {rows} documents" if rows else ""
        documents += f" ({reused} reused)" if reused else ""
        yield f"  {operator:<22} {len(computed)} of {total}{documents}"
        for group in groups(run, computed):
            yield from (f"      {line.removeprefix(f'{operator} ')}" for line in past.explained(group))


def explain_name(name: str) -> Iterator[str]:
    """The actions on the segment that `name` means, from crawl down, each with its causes.

    `name` is a key, the start of a file name, or a document's id. Errors: InputError when nothing built has that name.
    """
    keys = _keys_named(name) or _keys_holding(name)
    if not keys:
        raise InputError(f'no stage, segment or document is named {name}; try `gristmill sql "from segments"`')
    past = Past()
    for key in sorted(keys):
        yield f"segment {key}"
        for stage in STAGES:
            if not trace_path(stage).exists():
                continue
            run = past.run(stage)
            touched = [line for line in run.trace if line.action == key or _holds(run.entries(line), key)]
            for line in touched:
                yield from (f"  {text}" for text in past.explained(Group(run=run, lines=[line])))


def is_key(action: str) -> bool:
    """Is the name of an action the key of a segment?"""
    return len(action) == 32 and set(action) <= set("0123456789abcdef")


def trace_path(stage: str) -> Path:
    """Where a stage's last run wrote what it did."""
    return TRACES / f"{stage}.jsonl"


def _holds(entries: list[Entry], key: str) -> bool:
    return any(entry.key == key for entry in entries)


def _keys_named(name: str) -> set[str]:
    """Keys equal to `name`, or of a file whose name starts with it."""
    found = set()
    for stage in STAGES:
        try:
            segments = read_segments(stage)
        except InputError:
            continue
        found |= {segment.key for segment in segments if segment.key == name or segment.path.name.startswith(name)}
    return found


def _keys_holding(document: str) -> set[str]:
    """Keys of the captured segments that hold a document."""
    segments = read_segments("crawl", "verdicts")
    return {segment.key for segment in segments if pc.any(pc.equal(segment.read(["id"])["id"], document)).as_py()}
