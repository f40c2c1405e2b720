"""Why an action must run: the recipe of its last result against the one of today, as one readable reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.fingerprint import Recipe
from catalog.segments import Entry

SHOWN = 60  # characters of a value that a reason shows


@dataclass(frozen=True)
class Fresh:
    """The result was found; `where` names the tier: objects, dvc."""

    where: str


@dataclass(frozen=True)
class Stale:
    """The result must be computed, and why."""

    reason: str


Verdict = Fresh | Stale


class Previous:
    """The recipes of a stage's last run, by operator and action."""

    def __init__(self, entries: list[Entry]) -> None:
        self._recipes = {(entry.operator, entry.action): entry for entry in entries if entry.part == 0}
        self._inputs = {
            digest
            for entry in self._recipes.values()
            if entry.recipe
            for digest in _digests(json.loads(entry.recipe)["inputs"])
        }
        self.empty = not entries

    def reason(self, operator: str, action: str, recipe: Recipe, fingerprint: str) -> str:
        """Why `recipe` has no usable result."""
        if self.empty:
            return "first build"
        entry = self._recipes.get((operator, action))
        if entry is None or entry.recipe is None:
            return self._new(operator, recipe)
        if entry.fingerprint == fingerprint:
            return "its result is gone or corrupt"
        return "; ".join(differences(json.loads(entry.recipe), recipe))

    def _new(self, operator: str, recipe: Recipe) -> str:
        """Reason for an action that the last run did not have."""
        if not any(known == operator for known, _ in self._recipes):
            return "new operator"
        news = [name for name, value in recipe["inputs"].items() if not set(_digests({name: value})) <= self._inputs]
        return f"new input {', '.join(news)}" if news else "new segment"


def _digests(inputs: Mapping[str, Any]) -> Iterator[str]:
    for value in inputs.values():
        yield from value if isinstance(value, list) else [value]


def differences(old: Recipe, new: Recipe) -> Iterator[str]:
    """Each difference between two recipes, in words."""
    for name in sorted(old["inputs"].keys() | new["inputs"].keys()):
        before, after = old["inputs"].get(name), new["inputs"].get(name)
        if before != after:
            yield _input(name, before, after)
    yield from _changed("parameter", old["params"], new["params"])
    yield from _changed("code of", old["code"], new["code"], values=False)
    yield from _changed("asset", old["assets"], new["assets"], values=False)
    yield from _changed("library", old["libraries"], new["libraries"])
    for name, label in (("writes", "the schema it writes"), ("writer", "the Parquet writer"), ("run", "its function")):
        if old[name] != new[name]:
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
        if name not in old:
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
