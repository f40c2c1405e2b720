"""Why an action must run: the recipe of its last result against the one of today, as one readable reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from catalog.incremental.fingerprint import Recipe
from catalog.incremental.planning import Plan
from catalog.segments import Entry, recipes_of

SHOWN = 60  # characters of a value that a reason shows
LABELS = {
    "writes": "the schema it writes", "writer": "the Parquet writer", "run": "its function", "batch": "its batch size"
}  # fmt: skip


class Previous:
    """The actions of a stage's last run, by operator and name."""

    def __init__(self, entries: list[Entry]) -> None:
        self._actions = {(entry.operator, entry.action): entry for entry in entries if entry.part == 0}
        self._recipes = recipes_of(entries)
        self._operators = {operator for operator, _ in self._actions}
        self.empty = not entries

    @cached_property
    def _inputs(self) -> set[str]:
        """Every digest that an action of the last run took in."""
        return {digest for entry in self._actions.values() for digest in _digests(json.loads(entry.inputs or "{}"))}

    def reason(self, plan: Plan, definition: str) -> str:
        """Why a plan, whose recipe `definition` spells, has no usable result."""
        if self.empty:
            return "first build"
        entry = self._actions.get((plan.operator, plan.name))
        if entry is None:
            return self._new(plan)
        if entry.fingerprint == plan.fingerprint:
            return "its result is gone or corrupt"
        found = list(input_differences(json.loads(entry.inputs or "{}"), json.loads(plan.inputs)))
        if entry.recipe != plan.recipe:
            found += differences(json.loads(self._recipes[entry.recipe]), json.loads(definition))
        return "; ".join(found)

    def following(self, recipe: str) -> list[str]:
        """Fingerprints of the last run's actions that followed a recipe."""
        return [entry.fingerprint for entry in self._actions.values() if entry.recipe == recipe]

    def _new(self, plan: Plan) -> str:
        """Reason for an action that the last run did not have."""
        if plan.operator not in self._operators:
            return "new operator"
        inputs = json.loads(plan.inputs)
        news = [name for name, value in inputs.items() if not set(_digests({name: value})) <= self._inputs]
        return f"new input {', '.join(news)}" if news else "new segment"


def _digests(inputs: Mapping[str, Any]) -> Iterator[str]:
    for value in inputs.values():
        yield from value if isinstance(value, list) else [value]


def input_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Each difference between the inputs of two actions, in words."""
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield _input(name, old.get(name), new.get(name))


def differences(old: Recipe, new: Recipe) -> Iterator[str]:
    """Each difference between two recipes, in words."""
    yield from _changed("parameter", old["params"], new["params"])
    yield from _changed("code of", old["code"], new["code"], values=False)
    yield from _changed("asset", old["assets"], new["assets"], values=False)
    yield from _changed("library", old["libraries"], new["libraries"])
    for name, label in LABELS.items():
        if old.get(name) != new.get(name):
            yield f"{label} changed"


def _input(name: str, before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        gone, come = len(set(before) - set(after)), len(set(after) - set(before))
        return f"input {name} changed ({come} new, {gone} gone, of {len(after)})"
    return f"input {name} changed"


def _changed(what: str, old: Mapping[str, Any], new: Mapping[str, Any], *, values: bool = True) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name) and (name in old) == (name in new):
            continue
        if all(isinstance(side.get(name), dict) and side[name] for side in (old, new)):
            parts = [{f"{name}.{key}": value for key, value in side[name].items()} for side in (old, new)]
            yield from _changed(what, *parts, values=values)
        elif name not in old:
            yield f"{what} {name} is new"
        elif name not in new:
            yield f"{what} {name} is gone"
        elif values:
            yield f"{what} {name} was {_short(old[name])}, is {_short(new[name])}"
        else:
            yield f"{what} {name} changed"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
