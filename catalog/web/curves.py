"""Curves: what the training of a model wrote of itself, whatever its stage calls it.

Reads   the small JSON files of a run, as the catalog lists them: a list of numbers by name (`loss`), or a list of
        objects (`epoch`, `accuracy`, ...)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.layout import DATA
from catalog.web.charts import Line

MOST_BYTES = 1_000_000
MOST_POINTS = 2_000
PLACES = ("step", "epoch")  # names of what stands on the axis
SEED = re.compile(r"[-_/]?seed[-_]?\d+")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One number over the steps of one run."""

    name: str
    over: str
    """What stands on the axis: step, epoch or point."""
    points: list[tuple[float, float]]


def curves(paths: Iterable[str]) -> list[Curve]:
    """Every curve in some files, relative to the project; files that are not at hand or no JSON have none."""
    return [curve for path in map(Path, paths) for curve in _curves(_content(path))]


def _content(path: Path) -> Any:
    if path.parts[:1] != DATA.parts or ".." in path.parts or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _curves(content: Any) -> Iterator[Curve]:
    if isinstance(content, dict):
        for name, values in content.items():
            if isinstance(values, list) and len(values) > 1 and all(map(_is_number, values)):
                yield Curve(name=name, over="point", points=list(enumerate(values[:MOST_POINTS], 1)))
    elif isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        over = next((name for name in PLACES if all(_is_number(row.get(name)) for row in content)), "point")
        for name in content[0]:
            if name != over and all(_is_number(row.get(name)) for row in content):
                places = [row.get(over, place) for place, row in enumerate(content[:MOST_POINTS], 1)]
                yield Curve(
                    name=name, over=over, points=[(at, row[name]) for at, row in zip(places, content, strict=False)]
                )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def system(run: str) -> str:
    """A run without its seed: pretrained-seed-1 -> pretrained."""
    return SEED.sub("", run) or run


def beside(found: dict[str, list[Curve]]) -> dict[str, list[tuple[Line, str]]]:
    """Curves of several runs, by what they show: (line, system) of each run."""
    charts: dict[str, list[tuple[Line, str]]] = {}
    for run, drawn in found.items():
        for curve in drawn:
            line = Line(name=run, points=curve.points)
            charts.setdefault(f"{curve.name} · {curve.over}", []).append((line, system(run)))
    return charts
