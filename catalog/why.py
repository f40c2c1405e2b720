"""Why a stage, a segment or a document was built: the trace of the last run, read back.

Reads   .gristmill/traces/<stage>.jsonl, the manifests, and (to place a document) the ids of captured segments
"""

from __future__ import annotations

import json
from collections import Counter

import pyarrow.compute as pc

from catalog.builder import Trace
from catalog.errors import InputError
from catalog.layout import TRACES
from catalog.schema import STAGES
from catalog.segments import read_segments


def trace_of(stage: str) -> list[Trace]:
    """Each action of the last run of a stage, in order. Errors: InputError when it never ran here."""
    path = TRACES / f"{stage}.jsonl"
    if not path.exists():
        raise InputError(f"the stage {stage} has not run in this clone; run `dvc repro {stage}`")
    return [Trace(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def summary(trace: list[Trace]) -> list[tuple[str, str, str, int, int]]:
    """(operator, verdict, reason, actions, rows), the stale ones first."""
    actions: Counter[tuple[str, str, str]] = Counter()
    rows: Counter[tuple[str, str, str]] = Counter()
    for line in trace:
        group = (line.operator, line.verdict, line.reason)
        actions[group] += 1
        rows[group] += line.rows
    ordered = sorted(actions, key=lambda group: group[1] == "fresh")
    return [(*group, actions[group], rows[group]) for group in ordered]


def chain(name: str) -> list[Trace]:
    """The actions on the segment that `name` means: a key, the start of a file name, or a document's id.

    Errors: InputError when nothing built here has that name.
    """
    keys = _keys_named(name) or _keys_holding(name)
    if not keys:
        raise InputError(f'no stage, segment or document is named {name}; try `gristmill sql "from segments"`')
    built = [stage for stage in STAGES if (TRACES / f"{stage}.jsonl").exists()]
    return [line for stage in built for line in trace_of(stage) if line.action in keys]


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
