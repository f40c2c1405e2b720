"""From an operator and its inputs to a plan: the recipe, its fingerprint, and the task that would compute it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.digests import canonical_json, digest_of, sha256_of
from catalog.errors import InputError
from catalog.execution.action import Shape, Task
from catalog.incremental.fingerprint import fingerprint, recipe
from catalog.incremental.journal import Output
from catalog.incremental.operators import Operator
from catalog.segments import Entry, Segment


@dataclass(frozen=True, kw_only=True)
class Action:
    """A root action: no upstream segments, but inputs known by digest (an archive, a file, a crawl)."""

    name: str
    inputs: Mapping[str, str]
    args: tuple[Any, ...] = ()
    params: Any = None
    owner: str | None = None
    """Whose parameters these are, where several actions share them; else the action's own name."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One action of a stage: what decides it and how to compute it."""

    operator: str
    """`stage.operator`"""
    name: str
    """The source, the build, or the key of the segment it works on."""
    recipe: str
    """Digest of the recipe."""
    inputs: str
    """Canonical JSON."""
    task: Task

    @property
    def fingerprint(self) -> str:
        """sha256 over recipe and inputs."""
        return self.task.fingerprint

    def keys(self, outputs: tuple[Output, ...]) -> list[str]:
        """The key of each output: the input's in a map, paired in a root action, its own in a reduce."""
        if self.task.shape == "act":
            return list(_paired_keys(self.name, outputs))
        if self.task.shape == "map":
            return [self.name] * len(outputs)
        return [output.key or "all" for output in outputs]

    def path(self, output: Output) -> str:
        """Where an output lies in the stage's folder."""
        if self.task.shape == "build":
            return f"{self.name}/{output.name}"
        return f"{output.table}/{output.sha256[:32]}.parquet"

    def entries(self, outputs: tuple[Output, ...]) -> list[Entry]:
        """What the manifest says of the files that the action wrote."""
        return [
            Entry(
                path=self.path(output), table=self.name if self.task.shape == "build" else output.table, key=key,
                rows=output.rows, bytes=output.bytes, sha256=output.sha256, md5=output.md5, logical=output.logical,
                operator=self.operator, action=self.name, fingerprint=self.fingerprint, part=part,
                recipe=self.recipe, inputs=self.inputs if part == 0 else None,
            )
            for part, (output, key) in enumerate(zip(outputs, self.keys(outputs), strict=True))
        ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Job:
    """One build of several: `inputs` as the operator takes them, `name` of the folder it writes."""

    name: str
    inputs: tuple[list[Segment], ...]
    params: Any = None


class Planner:
    """Plans the actions of one operator; `recipe` is the digest of `definition`, which all share."""

    def __init__(self, stage: str, operator: Operator, params: Any, prefix: str = "") -> None:
        values = plain(params) if params is not None else {}
        named = {f"{prefix or stage}.{name}": value for name, value in values.items()}
        self._stage, self._operator, self._params = stage, operator, params
        self.definition = canonical_json(recipe(stage, operator, named))
        self.recipe = sha256_of(self.definition)

    def map(self, inputs: tuple[list[Segment], ...]) -> list[Plan]:
        """One plan per segment of the first input, joined by key with the others; each of a table of its own."""
        others = [{segment.key: segment for segment in segments} for segments in inputs[1:]]
        plans = []
        for segment in inputs[0]:
            joined = (segment, *(self._aligned(segment, other) for other in others))
            needs = {f"{part.stage}/{part.table}": part.logical for part in joined}
            if len(needs) < len(joined):  # only the last would decide, and a change of the others go unseen
                raise TypeError(f"{self._operator.name}: two inputs are of one table ({', '.join(needs)}); unite them")
            plans.append(self._plan("map", segment.key, needs, joined))
        return plans

    def act(self, action: Action) -> Plan:
        """The plan of a root action."""
        return self._plan("act", action.name, action.inputs, action.args)

    def whole(self, shape: Shape, name: str, inputs: tuple[list[Segment], ...]) -> Plan:
        """One plan over all segments: a reduce or a build.

        The lists of one table are one to the fingerprint: where a table is in two, its rows or keys must tell which.
        """
        needs: dict[str, list[str]] = {}
        for segments in inputs:
            for segment in segments:
                needs.setdefault(f"{segment.stage}/{segment.table}", []).append(f"{segment.key}:{segment.logical}")
        return self._plan(shape, name, needs, inputs)

    def _plan(self, shape: Shape, name: str, inputs: Mapping[str, Any], args: tuple[Any, ...]) -> Plan:
        wanted = canonical_json(inputs)
        task = Task(
            stage=self._stage,
            operator=self._operator,
            shape=shape,
            label=name,
            fingerprint=fingerprint(self.recipe, wanted),
            args=args,
            params=self._params,
        )
        operator = f"{self._stage}.{self._operator.name}"
        return Plan(operator=operator, name=name, recipe=self.recipe, inputs=wanted, task=task)

    def _aligned(self, segment: Segment, others: Mapping[str, Segment]) -> Segment:
        if segment.key not in others:
            raise InputError(
                f"{self._operator.name}: {segment.path} has no partner with its key; run `dvc repro {segment.stage}`"
            )
        return others[segment.key]


def plain(value: Any) -> Any:
    """A parameter value as JSON knows it: dataclasses as mappings, sets sorted, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _paired_keys(action: str, outputs: tuple[Output, ...]) -> Iterable[str]:
    """Keys of a root action: the n-th output of each table gets the key of the n-th output of the first table."""
    first = [output for output in outputs if output.table == outputs[0].table]
    keys = [digest_of([action, output.logical])[:32] for output in first]
    seen: dict[str, int] = {}
    for output in outputs:
        position = seen.get(output.table, 0)
        seen[output.table] = position + 1
        yield keys[position] if position < len(keys) else digest_of([action, output.table, output.logical])[:32]
