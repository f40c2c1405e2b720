"""Signals: which there are, and how the documents of a page are spread over one.

Reads   the tables signals, declared_signals and columns of the catalog, and @facets (catalog/web/relations.py)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import log2

from catalog.errors import InputError
from catalog.web.answers import Answered, Asking
from catalog.web.charts import Column, columns
from catalog.web.formats import count, number, short

BINS = 40  # columns of a histogram with an even axis
MEASURED = """
SELECT column_name AS name, unit, "type" <> 'float' AS whole FROM columns
WHERE table_name = 'signals' AND column_name <> 'id'
"""
DECLARED = "SELECT DISTINCT signal AS name, '' AS unit, false AS whole FROM declared_signals ORDER BY name"
RANGE = "SELECT min(value) AS low, max(value) AS high, count(*) AS documents FROM {values}"
EVEN = """
SELECT least(floor((value - $begin) / $width), $place)::INTEGER AS bin, count(*) AS documents
FROM {values} GROUP BY bin ORDER BY bin
"""
DOUBLING = """
SELECT greatest(0, floor(2 * log2(greatest(value, 1))))::INTEGER AS bin, count(*) AS documents
FROM {values} GROUP BY bin ORDER BY bin
"""


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A number measured of each document."""

    name: str
    unit: str
    whole: bool
    """Are its values whole numbers?"""
    table: str

    @property
    def values(self) -> str:
        """Its values, as something to select `value` from."""
        if self.table == "signals":
            return f'(SELECT "{self.name}" AS value FROM signals WHERE "{self.name}" IS NOT NULL)'
        return f"(SELECT value FROM declared_signals WHERE signal = '{self.name}')"

    def of(self, documents: str) -> str:
        """The rows of @facets, or of a relation of some of them, that have a value of it, with `value`."""
        if self.table != "signals":
            values = f"SELECT id, value FROM declared_signals WHERE signal = '{self.name}'"
            return f"(SELECT * FROM {documents} JOIN ({values}) AS measuring USING (id))"
        if documents == "@facets":  # which stands row by row beside signals
            beside = f'@facets AS facets POSITIONAL JOIN (SELECT "{self.name}" AS value FROM signals) AS measuring'
            return f"(SELECT * FROM {beside} WHERE value IS NOT NULL)"
        values = f'SELECT rowid AS measured, "{self.name}" AS value FROM signals WHERE "{self.name}" IS NOT NULL'
        return f"(SELECT * FROM {documents} JOIN ({values}) AS measuring USING (measured))"


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Documents by the value of a signal."""

    found: Answered
    edges: list[float]
    """The lower edge of each column, and the upper one of the last."""
    doubling: bool
    """Is the axis one of powers of two?"""
    documents: int

    def place(self, value: float) -> float:
        """Where a value stands on the axis: 0 left, 1 right."""
        low, high = self.edges[0], self.edges[-1]
        if self.doubling:
            low, high, value = (log2(max(1.0, number)) for number in (low, high, value))
        return (value - low) / ((high - low) or 1)

    def column(self, value: float) -> float:
        """The column that a value is in, and how far into it: 2.5 is the middle of the third."""
        place = min(max(0, bisect_right(self.edges, value) - 1), len(self.edges) - 2)
        low, high = self.edges[place], self.edges[place + 1]
        return round(place + min(1.0, max(0.0, (value - low) / ((high - low) or 1))), 2)

    def drawn(
        self, label: str, href: Callable[[float, float], str], chosen: Callable[[float, float], bool],
        cut: float | None = None,
    ) -> str:  # fmt: skip
        """The chart; `href` and `chosen` say of the range of a column where it leads, and is it in what is kept."""
        counts = {row["bin"]: row["documents"] for row in self.found.rows}
        first = min(counts, default=0) if self.doubling else 0
        found = [
            Column(height=counts.get(first + place, 0), href=href(low, high), chosen=chosen(low, high),
                   label=f"{number(low)} – {number(high)}: {count(counts.get(first + place, 0))}")
            for place, (low, high) in enumerate(zip(self.edges, self.edges[1:], strict=False))
        ]  # fmt: skip
        marks = range(0, len(self.edges), max(1, (len(self.edges) - 1) // 6))
        ticks = [(mark / max(1, len(found)), short(round(self.edges[mark], 4))) for mark in marks]
        return columns(found, ticks, label, None if cut is None else self.place(cut))


def signals(ask: Asking) -> dict[str, Signal]:
    """Every signal that the catalog has, by name; the measured ones first."""
    return {
        row["name"]: Signal(name=row["name"], unit=row["unit"], whole=bool(row["whole"]), table=table)
        for table, sql in (("signals", MEASURED), ("declared_signals", DECLARED))
        for row in ask(sql).rows
        if row["name"].replace("_", "").isalnum()
    }


def signal_named(found: dict[str, Signal], name: str) -> Signal:
    """One of them. Errors: InputError."""
    if name not in found:
        raise InputError(f"no signal is called {name}; known: {', '.join(found) or 'none, as clean is not built'}")
    return found[name]


def histogram(ask: Asking, signal: Signal, measured: str = "", /, **values: object) -> Histogram:
    """How documents are spread; `measured` is what `Signal.of` says of some of them, empty for all."""
    relation = f"(SELECT value FROM {measured})" if measured else signal.values
    ends = ask(RANGE.format(values=relation), **values).first
    low, high = float(ends["low"] or 0), float(ends["high"] or 0)
    if signal.whole and high >= 64 * max(1.0, low):
        return _doubling(ask(DOUBLING.format(values=relation), **values), low, ends["documents"])
    width = (high - low) / BINS or 1.0
    if signal.whole:
        width = max(1.0, float(-(-(high - low + 1) // BINS)))
    last = int((high - low) // width) if signal.whole else BINS - 1
    found = ask(EVEN.format(values=relation), begin=low, width=width, place=last, **values)
    edges = [low + place * width for place in range(last + 2)]
    return Histogram(found=found, edges=edges, doubling=False, documents=ends["documents"])


def _doubling(found: Answered, low: float, documents: int) -> Histogram:
    bins = [row["bin"] for row in found.rows]
    edges = [2 ** (place / 2) for place in range(bins[0], bins[-1] + 2)]
    edges = [0.0, *edges[1:]] if bins[0] == 0 and low < 1 else edges
    return Histogram(found=found, edges=edges, doubling=True, documents=documents)
