"""Compare two versions, or two systems of this one, by what they scored on the same test texts; or say why not.

Reads   the catalog's tables runs, metrics and predictions, of one version or of two

Two runs are alike where recipe, epochs and test set are equal and both have the seed. Between two versions the steps of
pretraining must be equal too: a longer budget is no choice of data. Fewer than three seeds are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.errors import GristmillError, InputError
from catalog.sql.asking import Scope, query

LEAST = 3  # seeds
ALIKE = {
    "recipe": "the recipe of training differs (parameters, network, code or libraries)",
    "epochs": "the epochs of fine-tuning differ",
    "test_set": "the test texts or their labels differ",
    "pretraining_steps": "the steps of pretraining differ",
}  # fmt: skip
SYSTEMS = "SELECT DISTINCT system FROM runs ORDER BY system"
RUNS = "FROM {schema}runs WHERE system = ?"
METRICS = "SELECT run, slice, metric, value FROM {schema}metrics WHERE seed IS NOT NULL AND system = ?"
RIGHT = """
SELECT count_if(o.correct AND NOT n.correct) AS lost, count_if(n.correct AND NOT o.correct) AS won, count(*) AS texts
FROM {one}predictions o JOIN {other}predictions n ON o.id = n.id AND o.about IS NOT DISTINCT FROM n.about
WHERE o.run = ? AND n.run = ?
"""
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side: the version that is asked (empty for this one), as which schema, and which of its systems."""

    name: str
    schema: str
    system: str


def lines(before: str, after: str) -> Iterator[str]:
    """The comparison, a line a number.

    Errors: GristmillError where nothing may be compared, with the reason; InputError for an unknown name.
    """
    here = _systems()
    if before in here and after in here:
        yield from _compared(
            Scope(), Side(name=before, schema="", system=before), Side(name=after, schema="", system=after)
        )
        return
    if unknown := [name for name in (before, after) if name in here]:
        raise InputError(f"{unknown[0]} is a system of this version; name two systems, or two revisions")
    scope = Scope(revision=after, beside={"before": before})
    systems = _ask(SYSTEMS, scope)
    if not systems:
        raise GristmillError(f"{after} has no run of finetune; `gristmill log` lists the versions that have")
    for system in (row["system"] for row in systems):
        yield system
        yield from _compared(
            scope, Side(name=before, schema="before.", system=system), Side(name=after, schema="", system=system)
        )


def _systems() -> set[str]:
    """The systems of this version; none where nothing is built."""
    try:
        return {row["system"] for row in _ask(SYSTEMS, Scope())}
    except GristmillError:
        return set()


def _ask(sql: str, scope: Scope, parameters: tuple[Any, ...] = ()) -> list[Row]:
    return list(query(sql, parameters, scope).table().to_pylist())


def _compared(scope: Scope, one: Side, other: Side) -> Iterator[str]:
    pairs = _pairs(scope, one, other)
    yield f"  {_choice(pairs)}; {len(pairs)} seeds"
    values = [
        {
            (row["run"], row["slice"], row["metric"]): row["value"]
            for row in _ask(METRICS.format(schema=side.schema), scope, (side.system,))
        }
        for side in (one, other)
    ]
    (first, _) = pairs[0]
    measured = [(part, metric) for run, part, metric in values[0] if run == first["run"]]
    yield f"  {'slice':<28} {'metric':<20} {'before':>8} {'after':>8} {'moved':>8} {'deviation':>9}"
    for part, metric in sorted(measured, key=lambda key: (key[0] != "all", key)):
        both = [(values[0].get((a["run"], part, metric)), values[1].get((b["run"], part, metric))) for a, b in pairs]
        known = [(a, b) for a, b in both if a is not None and b is not None]
        if len(known) >= LEAST:
            yield _line(part, metric, known)
    for a, b in pairs:
        (found,) = _ask(RIGHT.format(one=one.schema, other=other.schema), scope, (a["run"], b["run"]))
        yield f"  seed {a['seed']}: {found['won']} texts won, {found['lost']} lost, of {found['texts']}"


def _line(part: str, metric: str, known: list[tuple[float, float]]) -> str:
    from statistics import mean, stdev

    moved = [b - a for a, b in known]
    before, after = mean(a for a, _ in known), mean(b for _, b in known)
    return f"  {part:<28} {metric:<20} {before:>8.4f} {after:>8.4f} {mean(moved):>+8.4f} {stdev(moved):>9.4f}"


def _pairs(scope: Scope, one: Side, other: Side) -> list[tuple[Row, Row]]:
    """The runs of both sides, seed by seed. Errors: GristmillError with every reason against it."""
    sides = [
        {row["seed"]: row for row in _ask(RUNS.format(schema=side.schema), scope, (side.system,))}
        for side in (one, other)
    ]
    seeds = sorted(sides[0].keys() & sides[1].keys())
    pairs = [(sides[0][seed], sides[1][seed]) for seed in seeds]
    asked = [name for name in ALIKE if name != "pretraining_steps" or one.system == other.system]
    reasons = [ALIKE[name] for name in asked if any(a[name] != b[name] for a, b in pairs)]
    if len(pairs) < LEAST:
        reasons.append(f"{len(pairs)} seeds are on both sides, and {LEAST} are needed; see finetune.seeds")
    if reasons:
        raise GristmillError(f"{one.name} and {other.name} ({other.system}) cannot be compared: {'; '.join(reasons)}")
    return pairs


def _choice(pairs: list[tuple[Row, Row]]) -> str:
    """What differs."""
    a, b = pairs[0]
    found = []
    if a["pretraining_steps"] != b["pretraining_steps"]:
        found.append(f"pretraining steps: {a['pretraining_steps']} -> {b['pretraining_steps']}")
    if a["training_set"] != b["training_set"]:
        found.append(f"training texts: {a['units']} -> {b['units']}")
    return "; ".join(found) or "equal training texts"
