"""From predictions to numbers: every score of every run and system, on the same test units, with its interval.

Reads   evaluate/predictions, finetune/units, run.json of each run, evaluate/contamination, likelihood and leaky.
Writes  evaluate/metrics  a number a row; evaluate/runs: what must be equal where runs are compared

Slices of the test split: `all`; by source and language where there are several; by length, in three parts of equally
many units; and by whether a text shares 13 tokens with what was pretrained on. `A - B` is the difference of two
systems on `all`, with the bootstrap over the same draws of units for both, and McNemar's test by seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.digests import digest_of
from catalog.schema import CATALOG
from catalog.segments import Segment
from stages.labels.splits import TEST
from stages.model.evaluation.predictions import said_by_run
from stages.model.evaluation.scoring import measures_of
from stages.model.evaluation.scoring.measure import Floats, Measure
from stages.model.evaluation.scoring.uncertainty import interval, mcnemar, mean_and_deviation, resamples, wilson
from stages.model.evaluation.summary_params import SummaryParams
from stages.model.finetuning.units import Unit, read_units

ALL = "all"
SHARES = ("accuracy", "exact_match")  # of right ones, whose interval of one run is Wilson's
LENGTHS = 3  # parts of the slices by length
PLACES = 6  # decimals
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its system, its seed (None for what has none), and what it said of each test unit."""

    name: str
    system: str
    seed: int | None
    said: list[str]


def measure(
    predictions: list[Segment],
    units: list[Segment],
    runs: list[Segment],
    contamination: list[Segment],
    likelihood: list[Segment],
    leaky: list[Segment],
    params: SummaryParams,
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("metrics", "all", every number) and ("runs", "all", a row for each run of finetune)."""
    test = read_units(units, TEST)
    known = {segment.table: json.loads(segment.path.read_text("utf-8")) for segment in runs}
    said = [run_of(name, found, known) for name, found in said_by_run(predictions, test).items()]
    measures = measures_of(params.kind)
    shared = [row["shared"] > 0 for segment in contamination for row in segment.read().to_pylist()]
    rows = [row for name, places in slices(test, shared) for row in scores(test, said, measures, name, places, params)]
    rows += differences(test, said, measures[0], params)
    rows += beside(shared, likelihood, leaky)
    rows += headline(rows, measures[0].name, len(test))
    yield "metrics", "all", table("metrics", rows)
    yield "runs", "all", table("runs", list(run_rows(known, test)))


def table(name: str, rows: Sequence[Row]) -> pa.Table:
    """Rows of a table of the catalog."""
    return pa.Table.from_pylist(list(rows), schema=CATALOG[name].remove_metadata())


def run_of(name: str, said: list[str], known: dict[str, Row]) -> Run:
    """A run with what its run.json says; one without is a system of its own."""
    found = known.get(name, {})
    return Run(name, found.get("system", name), found.get("seed"), said)


def run_rows(known: dict[str, Row], test: Sequence[Unit]) -> Iterator[Row]:
    """Rows of `runs`."""
    asked = digest_of(sorted([unit.name, unit.text, unit.label] for unit in test))
    for run, found in known.items():
        yield {name: value for name, value in found.items() if name in CATALOG["runs"].names} | {
            "run": run,
            "test_set": asked,
            "test_units": len(test),
        }


def slices(test: Sequence[Unit], shared: Sequence[bool]) -> Iterator[tuple[str, np.ndarray]]:
    """(name, places of its units) of each slice that is neither empty nor all."""
    yield ALL, np.arange(len(test))
    lengths = np.array([len(unit.text) for unit in test])
    edges = np.quantile(lengths, np.arange(1, LENGTHS) / LENGTHS, method="lower")
    part = np.searchsorted(edges, lengths, side="left")
    spans = [f"{lengths[part == number].min()}-{lengths[part == number].max()}" for number in np.unique(part)]
    names = dict(zip(np.unique(part).tolist(), spans, strict=True))
    for kind, values in (
        ("source", [unit.source for unit in test]),
        ("language", [unit.language for unit in test]),
        ("characters", [names[number] for number in part.tolist()]),
        ("contaminated", ["yes" if one else "no" for one in shared]),
    ):
        for value in sorted(set(values)) if len(set(values)) > 1 else []:
            yield f"{kind}:{value}", np.flatnonzero(np.array(values) == value)


def scores(
    test: Sequence[Unit],
    runs: Sequence[Run],
    measures: Sequence[Measure],
    name: str,
    places: np.ndarray,
    params: SummaryParams,
) -> Iterator[Row]:
    """Each measure of each run on one slice, and of systems with seeds their mean and deviation."""
    units = [test[place] for place in places]
    for one in measures:
        statistics = {run.name: one.statistics(units, [run.said[place] for place in places]) for run in runs}
        values = {run.name: float(one.value(statistics[run.name].sum(0))) for run in runs}
        drawn = redrawn(one, statistics, len(units), params)
        for run in runs:
            bounds = interval(drawn[run.name])
            if one.name in SHARES:
                bounds = wilson(values[run.name], len(units))
            yield row(run.name, run.system, run.seed, name, one.name, values[run.name], bounds, len(units))
        for system, mine in systems(runs).items():
            if mine[0].seed is None:
                continue
            mean, deviation = mean_and_deviation([values[run.name] for run in mine])
            bounds = interval(np.mean([drawn[run.name] for run in mine], axis=0))
            yield row(system, system, None, name, one.name, mean, bounds, len(units))
            yield row(system, system, None, name, f"{one.name}_deviation", deviation, None, len(units))


def redrawn(one: Measure, statistics: dict[str, Floats], units: int, params: SummaryParams) -> dict[str, Floats]:
    """The value of each run in each draw of the bootstrap, [draws]; all runs see the same draws."""
    found: dict[str, list[Floats]] = {name: [] for name in statistics}
    for counts in resamples(units, params.bootstrap_draws, params.seed):
        for name, rows in statistics.items():
            found[name].append(one.value(counts @ rows))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def systems(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each system, in their order."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.system, []).append(run)
    return found


def differences(test: Sequence[Unit], runs: Sequence[Run], one: Measure, params: SummaryParams) -> Iterator[Row]:
    """What each system gains over each before it, by the measure that counts most; and McNemar's test by seed."""
    statistics = {run.name: one.statistics(test, run.said) for run in runs}
    drawn = redrawn(one, statistics, len(test), params)
    right = {
        run.name: np.array([said == unit.label for said, unit in zip(run.said, test, strict=True)]) for run in runs
    }
    for (first, ours), (second, theirs) in combinations(systems(runs).items(), 2):
        name = f"{second} - {first}"
        pairs = paired(ours, theirs)
        gains = [float(one.value(statistics[b.name].sum(0)) - one.value(statistics[a.name].sum(0))) for a, b in pairs]
        mean, deviation = mean_and_deviation(gains)
        bounds = interval(np.mean([drawn[b.name] - drawn[a.name] for a, b in pairs], axis=0))
        for (a, b), gain in zip(pairs, gains, strict=True):
            seed = b.seed if b.seed is not None else a.seed
            both = f"{b.name} - {a.name}"
            if seed is not None:
                yield row(both, name, seed, ALL, one.name, gain, None, len(test))
            yield row(both, name, seed, ALL, "mcnemar_p", mcnemar(right[a.name], right[b.name]), None, len(test))
        yield row(name, name, None, ALL, one.name, mean, bounds, len(test))
        yield row(name, name, None, ALL, f"{one.name}_deviation", deviation, None, len(test))


def paired(ours: Sequence[Run], theirs: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Runs of two systems with the same seed; one that has no seed goes with each of the other."""
    return [(a, b) for a in ours for b in theirs if None in (a.seed, b.seed) or a.seed == b.seed]


def beside(shared: Sequence[bool], likelihood: Sequence[Segment], leaky: Sequence[Segment]) -> Iterator[Row]:
    """What is known of the test texts, and the score that a careless split would have got."""
    share = float(np.mean(shared))
    yield row("test", "test", None, ALL, "contamination", share, wilson(share, len(shared)), len(shared))
    known = [found for segment in likelihood for found in segment.read().to_pylist()]
    if guessed := sum(found["bytes"] for found in known):
        bits = sum(found["bits"] for found in known) / guessed
        yield row("pretraining", "pretraining", None, ALL, known[0]["measure"], bits, None, len(known))
    careless = [found for segment in leaky for found in segment.read().to_pylist()]
    if careless:
        right = float(np.mean([found["label"] == found["predicted"] for found in careless]))
        copied = float(np.mean([found["in_train"] for found in careless]))
        count = len(careless)
        yield row("leaky", "leaky", None, ALL, "accuracy", right, wilson(right, count), count)
        yield row("leaky", "leaky", None, ALL, "in_train", copied, None, count)


def headline(rows: Sequence[Row], main: str, units: int) -> list[Row]:
    """The few numbers that are told first, under the name `evaluate`."""
    found = [
        ("leaky_score" if line["system"] == "leaky" else f"score_{line['system']}", line["value"])
        for line in rows
        if line["metric"] == main and line["slice"] == ALL and line["seed"] is None
        and " - " not in line["system"] and line["system"] != "majority"
    ]  # fmt: skip
    return [
        row("evaluate", "evaluate", None, ALL, name, value, None, units)
        for name, value in [*found, ("test_documents", units)]
    ]


def row(
    run: str,
    system: str,
    seed: int | None,
    part: str,
    metric: str,
    value: float,
    bounds: tuple[float, float] | None,
    units: int,
) -> Row:
    """A row of `metrics`."""
    low, high = (None, None) if bounds is None else (round(bound, PLACES) for bound in bounds)
    return {
        "run": run, "metric": metric, "value": round(float(value), PLACES), "system": system, "seed": seed,
        "slice": part, "low": low, "high": high, "units": units,
    }  # fmt: skip
