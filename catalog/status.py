"""What the next `dvc repro` would compute, and why, said before anything runs.

Reads   the manifests of the last run (from data/ or through dvc.lock), params.yaml, the source code, the journal
The recipes in a manifest are enough: no stage is imported, so the answer comes in a moment. A stage below a stale one
is reported as waiting: whether it runs depends on the bytes that come out (early cutoff).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import GristmillError, OperatorError
from catalog.fingerprint import Recipe, asset_digest, code_digests, library_versions
from catalog.history import LOCK, previous_manifest
from catalog.journal import Journal
from catalog.params import PARAMS_FILE
from catalog.reuse import differences
from catalog.schema import STAGES
from catalog.segments import Entry, recipes_of


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """One stage: `stale` of `actions` would run, on `rows` rows; `waits_for` names the stale stages above it."""

    stage: str
    built: bool
    actions: int
    stale: int
    rows: int
    reasons: tuple[str, ...]
    waits_for: tuple[str, ...]
    seconds: float | None


def project_status() -> list[StageStatus]:
    """The state of every stage, in order. Errors: GristmillError outside a project."""
    if not Path("dvc.yaml").exists():
        raise GristmillError(f"no dvc.yaml in {Path.cwd()}; run the command in the root of a Gristmill project")
    manifests = {stage: previous_manifest(stage) for stage in STAGES}
    logical: dict[str, set[str]] = {}
    for stage, entries in manifests.items():
        for entry in entries:
            logical.setdefault(f"{stage}/{entry.table}", set()).update((entry.logical, f"{entry.key}:{entry.logical}"))
    journal = Journal()
    rates = journal.seconds_per_row()
    journal.close()
    changed = set(_changed_params())
    found: list[StageStatus] = []
    for stage, entries in manifests.items():
        unsure = [status.stage for status in found if status.stale or not status.built]
        above = tuple(name for name in unsure if _feeds(name, stage))
        found.append(_stage_status(stage, entries, logical, changed, rates, above))
    return found


def _stage_status(
    stage: str, entries: list[Entry], logical: Mapping[str, set[str]], changed: set[str],
    rates: Mapping[str, float], above: tuple[str, ...],
) -> StageStatus:  # fmt: skip
    reasons: Counter[str] = Counter()
    stale = rows = 0
    seconds = 0.0
    sizes = _rows_by_action(entries)
    recipes = {name: list(_recipe_reasons(json.loads(text), changed)) for name, text in recipes_of(entries).items()}
    for entry in entries:
        if entry.inputs is None:
            continue
        why = [*_input_reasons(json.loads(entry.inputs), logical), *recipes[entry.recipe]]
        if why:
            size = sizes[entry.operator, entry.action]
            stale, rows, seconds = stale + 1, rows + size, seconds + rates.get(entry.operator, 0.0) * size
            reasons["; ".join(why)] += 1
    return StageStatus(
        stage=stage,
        built=bool(entries),
        actions=sum(entry.inputs is not None for entry in entries),
        stale=stale,
        rows=rows,
        reasons=tuple(f"{count} x {reason}" for reason, count in reasons.most_common(5)),
        waits_for=above,
        seconds=seconds if stale else None,
    )


def _rows_by_action(entries: list[Entry]) -> Counter[tuple[str, str]]:
    """Rows that each action produced."""
    sizes: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        sizes[entry.operator, entry.action] += entry.rows
    return sizes


def _input_reasons(inputs: Mapping[str, Any], logical: Mapping[str, set[str]]) -> Iterator[str]:
    """Which inputs of an action are no longer what they were."""
    for table, digests in inputs.items():
        wanted = set(digests) if isinstance(digests, list) else {digests}
        if table in logical and not wanted <= logical[table]:
            yield f"input {table} changed"


def _recipe_reasons(old: Recipe, changed: set[str]) -> Iterator[str]:
    """Why actions that followed the recipe `old` would run now."""
    for name in old["params"]:
        if any(name == key or name.startswith(f"{key}.") for key in changed):
            yield f"parameter {name} changed"
    yield from differences(old, old | _now(old))


def _now(old: Recipe) -> dict[str, Any]:
    """The parts of a recipe that can be read off the working tree today."""
    try:
        return {
            "code": code_digests(old["run"].partition(":")[0]),
            "assets": {path: asset_digest(path) for path in old["assets"]},
            "libraries": library_versions(tuple(name for name in old["libraries"] if name != "python")),
        }
    except (OperatorError, ModuleNotFoundError) as error:
        return {"run": str(error)}


def _changed_params() -> Iterator[str]:
    """`stage.key` (or `stage.name` in a list of named things) of each parameter that differs from dvc.lock."""
    if not LOCK.exists() or not PARAMS_FILE.exists():
        return
    now = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8")) or {}
    locked = (yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}).get("stages", {})
    for stage, record in locked.items():
        before = record.get("params", {}).get(str(PARAMS_FILE), {}).get(stage, {}) or {}
        after = now.get(stage) or {}
        for key in before.keys() | after.keys():
            if before.get(key) != after.get(key):
                yield from _changed_names(stage, key, before.get(key), after.get(key))


def _changed_names(stage: str, key: str, before: Any, after: Any) -> Iterator[str]:
    named = [_by_name(value) for value in (before, after)]
    if all(named):
        old, new = named
        yield from (f"{stage}.{name}" for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    yield f"{stage}.{key}"


def _by_name(value: Any) -> dict[str, Any]:
    """A list of mappings that each have a name, as a mapping; empty for anything else."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {item["name"]: item for item in value}
    return {}


def _feeds(upstream: str, stage: str) -> bool:
    """Does dvc.yaml make `stage` depend on `upstream`, directly or through others?"""
    graph = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outs = {_path(out): name for name, node in graph.items() for out in node.get("outs", [])}
    waiting, seen = [stage], set()
    while waiting:
        node = graph.get(waiting.pop(), {})
        for dep in node.get("deps", []):
            maker = next((name for out, name in outs.items() if dep == out or dep.startswith(f"{out}/")), None)
            if maker and maker not in seen:
                seen.add(maker)
                waiting.append(maker)
    return upstream in seen


def _path(out: Any) -> str:
    """Path of an out in dvc.yaml, written plainly or with options."""
    return out if isinstance(out, str) else str(next(iter(out)))
