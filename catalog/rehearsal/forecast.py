"""Forecast: which actions will run, which may run depending on bytes that do not exist yet, and what that costs.

An action without a result will run. Its outputs are open: they may come out as they were (early cutoff) or not, so an
action that reads an open output may run, and its own outputs are open too. A new action writes segments nobody has
seen; every map over their table gets as many new actions, and every reduce over it may run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.incremental.journal import Rate
from catalog.layout import MANIFEST
from catalog.rehearsal.rehearsal import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much some actions of one stage work on; `seconds` of CPU as past runs took, 0 where none is known."""

    segments: int = 0
    documents: int = 0
    seconds: float = 0.0

    def __add__(self, other: Size) -> Size:
        return Size(
            segments=self.segments + other.segments, documents=self.documents + other.documents,
            seconds=self.seconds + other.seconds,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The actions of a stage: `certain` to run, `possible` to run besides, and `new` ones whose input is to come."""

    certain: list[Look]
    possible: list[Look]
    new: int


class Open:
    """The outputs that are open so far, going down the graph."""

    def __init__(self) -> None:
        self._outputs: set[str] = set()
        self._keys: defaultdict[str, set[str]] = defaultdict(set)
        self._grown: Counter[str] = Counter()
        """Table -> new segments of it."""

    def outlook(self, stage: str, looks: Iterable[Look]) -> Outlook:
        """What of a stage will and may run; its outputs join the open ones. Call it stage by stage, upstream first."""
        looks = list(looks)
        certain, possible = [look for look in looks if look.reason], []
        grown: dict[str, int] = {}
        for look in looks:
            touched = not look.reason and self._touches(look)
            possible += [look] if touched else []
            if look.reason or touched:
                self._open(stage, look)
            self._keys_of(stage, look)
            arrivals = self._arrivals(look)
            if arrivals and look.operator not in grown:
                grown[look.operator] = arrivals
                self._grow(stage, look, arrivals)
        return Outlook(certain=certain, possible=possible, new=max(grown.values(), default=0))

    def _open(self, stage: str, look: Look) -> None:
        for table, key, _, logical in look.outputs:
            self._outputs |= {f"{stage}/{table} {key}:{logical}", f"{stage}/{table} {logical}"}
        self._outputs.add(f"{stage}/{MANIFEST}")
        if not look.outputs:
            self._grow(stage, look, 1)

    def _grow(self, stage: str, look: Look, count: int) -> None:
        for table in look.writes:
            self._grown[f"{stage}/{table}"] += count

    def _keys_of(self, stage: str, look: Look) -> None:
        for table, key, *_ in look.outputs:
            self._keys[f"{stage}/{table}"].add(key)

    def _touches(self, look: Look) -> bool:
        """Does an action read an open output?"""
        for name, digests in look.inputs.items():
            if isinstance(digests, list):
                if self._grown[name] or any(f"{name} {digest}" in self._outputs for digest in digests):
                    return True
            elif name in self._outputs or self._part(name, look.action, digests) in self._outputs:
                return True
        return False

    def _part(self, table: str, key: str, logical: str) -> str:
        """An input of a map: of the same key, or one segment that all its actions share."""
        return f"{table} {key}:{logical}" if key in self._keys[table] else f"{table} {logical}"

    def _arrivals(self, look: Look) -> int:
        """New segments that a map, one of whose actions is `look`, will get."""
        joined = [name for name in look.inputs if look.action in self._keys[name]]
        return max((self._grown[name] for name in joined), default=0)


def size_of(looks: list[Look], rates: Mapping[str, Rate]) -> Size:
    """The distinct segments that actions of a stage write, the documents in them, and the seconds it took to."""
    documents: dict[str, int] = {}
    whole = 0
    for look in looks:
        if any(isinstance(digests, list) for digests in look.inputs.values()):
            whole = max(whole, _rows(look))
        else:
            documents[look.action] = max(documents.get(look.action, 0), _rows(look))
    segments = {key for look in looks for _, key, *_ in look.outputs or [("", look.action, 0, "")]}
    return Size(
        segments=len(segments),
        documents=max(whole, sum(documents.values())),
        seconds=sum(_seconds(look, rates[look.operator]) for look in looks if look.operator in rates),
    )


def _rows(look: Look) -> int:
    """Rows that an action reads, or those of its largest table where that is not known."""
    tables: Counter[str] = Counter()
    for table, _, rows, _ in look.outputs:
        tables[table] += rows
    return look.rows or max(tables.values(), default=0)


def _seconds(look: Look, rate: Rate) -> float:
    """By the rows it produced last time; of a new one, which may make one row of thousands, by those it reads."""
    produced = sum(rows for _, _, rows, _ in look.outputs)
    return produced * rate.produced if produced else look.rows * rate.read
