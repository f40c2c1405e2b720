"""Charts as inline SVG, drawn on the server: no script, no style attribute, no colour of their own.

A chart is as wide as its place. Lengths across are per cent, so that it needs no script to fit and its words keep their
size; what a shape is, its class says, and explorer.css gives it a colour in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

from catalog.web.formats import number

BAR = 14  # pixels: height of one bar
HEIGHT = 120  # pixels of a chart with axes, without what stands below it
BELOW = 18  # pixels below it, for the numbers of the axis


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a histogram."""

    height: float
    label: str
    """What is said of it, where it is pointed at."""
    href: str = ""
    chosen: bool = False
    """Is it in the part that is looked at?"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart: points in the order of x."""

    name: str
    points: Sequence[tuple[float, float]]


def bar(parts: Iterable[tuple[float, str]], whole: float) -> Markup:
    """Parts of a whole side by side, each with its class (kept, dropped, ...)."""
    drawn, at = [], 0.0
    for value, kind in parts:
        wide = 100 * float(value or 0) / (float(whole) or 1)
        if wide > 0:
            drawn.append(f'<rect x="{at:.3f}%" width="{max(wide, 0.15):.3f}%" height="{BAR}" class="{kind}"/>')
        at += wide
    return Markup(f'<svg class="meter" width="100%" height="{BAR}" aria-hidden="true">{"".join(drawn)}</svg>')


def columns(
    found: Sequence[Column], ticks: Sequence[tuple[float, str]], label: str, cut: float | None = None
) -> Markup:
    """A histogram; `ticks` are (place from 0 to 1, words) below it, `cut` the place of a line through it."""
    wide = 100 / max(1, len(found))
    top = max((one.height for one in found), default=0) or 1
    drawn = "".join(_column(one, place * wide, wide, top) for place, one in enumerate(found))
    if cut is not None:
        at = 100 * min(1.0, max(0.0, cut))
        drawn += f'<line x1="{at:.3f}%" x2="{at:.3f}%" y1="0" y2="{HEIGHT}" class="cut"/>'
    words = "".join(_tick(at, said) for at, said in ticks)
    base = f'<line x1="0" x2="100%" y1="{HEIGHT - 0.5}" y2="{HEIGHT - 0.5}" class="axis"/>'
    return Markup(
        f'<svg class="chart" width="100%" height="{HEIGHT + BELOW}" role="img" aria-label="{escape(label)}">'
        f"{drawn}{base}{words}</svg>"
    )


def _column(one: Column, at: float, wide: float, top: float) -> str:
    high = max(1.0, (HEIGHT - 4) * one.height / top) if one.height else 0.0
    kind = "column chosen" if one.chosen else "column"
    shape = (
        f"<title>{escape(one.label)}</title>"
        f'<rect x="{at:.3f}%" y="0" width="{wide:.3f}%" height="{HEIGHT}" class="ground"/>'
        f'<rect x="{at + wide * 0.06:.3f}%" y="{HEIGHT - high:.2f}" width="{wide * 0.88:.3f}%" height="{high:.2f}" '
        f'class="{kind}"/>'
    )
    return f'<a href="{escape(one.href)}" tabindex="-1">{shape}</a>' if one.href else f"<g>{shape}</g>"


def _tick(at: float, said: str) -> str:
    anchor = "start" if at < 0.02 else "end" if at > 0.98 else "middle"
    return f'<text x="{100 * at:.3f}%" y="{HEIGHT + 13}" text-anchor="{anchor}">{escape(said)}</text>'


def lines(found: Sequence[Line], label: str, strokes: Sequence[int] = ()) -> Markup:
    """Lines over x, with an axis of round numbers; `strokes` (0 is the accent) tell which belong together."""
    points = [point for line in found for point in line.points]
    if not points:
        return Markup("")
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    marks = round_numbers(min(y for _, y in points), max(y for _, y in points))
    low, high = marks[0], marks[-1]
    across = right - left or 1
    axis = "".join(_mark(mark, low, high) for mark in marks)
    drawn = "".join(
        f'<polyline class="line line-{(strokes[place] if strokes else place) % 6}" points="'
        + " ".join(f"{(x - left) / across * 1000:.1f},{(high - y) / (high - low) * 1000:.1f}" for x, y in line.points)
        + f'"><title>{escape(line.name)}</title></polyline>'
        for place, line in enumerate(found)
    )
    ends = "".join(_tick(at, number(value)) for at, value in ((0.0, left), (0.93, right)))
    return Markup(
        f'<svg class="chart" width="100%" height="{HEIGHT + BELOW}" role="img" aria-label="{escape(label)}">{axis}'
        f'<svg x="0" y="4" width="93%" height="{HEIGHT - 8}" viewBox="0 0 1000 1000" preserveAspectRatio="none">'
        f"{drawn}</svg>{ends}</svg>"
    )


def _mark(mark: float, low: float, high: float) -> str:
    """A line across at a number of the axis, and the number."""
    y = 4 + (HEIGHT - 8) * (high - mark) / (high - low)
    return (
        f'<line x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        f'<text x="100%" y="{y - 3:.1f}" text-anchor="end">{number(round(mark, 10))}</text>'
    )


def round_numbers(low: float, high: float) -> list[float]:
    """Three to seven round numbers that hold a range."""
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    raw = (high - low) / 4
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    first, last = floor(low / step), ceil(high / step)
    return [place * step for place in range(first, last + 1)]


def interval(low: float, middle: float, high: float, start: float, stop: float) -> Markup:
    """A number between its lowest and its highest, on a scale from `start` to `stop`."""
    across = (stop - start) or 1
    places = [100 * (value - start) / across for value in (low, middle, high)]
    return Markup(
        f'<svg class="meter" width="100%" height="{BAR}" aria-hidden="true">'
        f'<line x1="0" x2="100%" y1="{BAR / 2}" y2="{BAR / 2}" class="grid"/>'
        f'<line x1="{places[0]:.3f}%" x2="{places[2]:.3f}%" y1="{BAR / 2}" y2="{BAR / 2}" class="span"/>'
        f'<circle cx="{places[1]:.3f}%" cy="{BAR / 2}" r="4" class="kept"/></svg>'
    )


def shade(part: float, whole: float) -> str:
    """The class of a cell of a matrix, by its share: shade-0 to shade-8."""
    return f"shade-{min(8, ceil(8 * part / whole)) if whole else 0}"
