"""thresholds: what a rule's number does to the corpus as it is built: keep rates, a histogram, texts at the cut.

Reads   clean/text, clean/signals and the tables of declared signals as they lie in data/, and the block `clean` of
        params.yaml
Prints  per rule on the signal: documents it judges, the share it keeps, the share that other numbers would keep, and
        the texts nearest to the cut on either side. Nothing is written or built.
Run     gristmill thresholds SIGNAL [--at NUMBER] [--rule PRESET.LANGUAGE.RULE] [--examples N]
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError, exit_on_error
from catalog.params import load_params, read_block
from catalog.segments import read_segments
from catalog.sql.render import cut, printable
from stages.text.rules.judging import OF_TEXT, SIGNALS, JudgeParams, Preset, Rule, in_section, presets_of
from stages.text.signals.table import DECLARED

BINS, BAR, EXCERPT = 20, 40, 100  # rows of the histogram; characters of its longest bar; columns of an example
TABLES_OF = {signal.name: signal.name for signal in DECLARED} | {
    "perplexity_bucket": "bucket", "importance_per_gram": "importance", "rps_doc_ldnoobw_words": "flagged",
    "flagged_words_ratio": "flagged", "rps_doc_ut1_blacklist": "domains",
}  # fmt: skip
"""Declared signal -> its table."""
QUANTILES = (0.001, 0.01, 0.02, 0.05, 0.10, 0.25, 0.50)  # shares of documents that other numbers would drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The documents that one rule of one preset judges: their ids, and the values of its signal."""

    key: str
    rule: Rule
    ids: pa.Array
    values: NDArray[np.float64]

    def keeps(self, threshold: float) -> float:
        """Share of the documents that the rule would keep at a threshold."""
        kept = self.values <= threshold if self.rule.at_least is None else self.values >= threshold
        return float(kept.mean()) if len(kept) else 1.0


def judged(signal: str, params: JudgeParams) -> list[Judged]:
    """Every rule on a signal, with its documents. Errors: InputError for an unknown signal, or one without a rule."""
    if signal not in SIGNALS:
        raise InputError(f"no signal is called {signal}; `gristmill sql \"select column_name from columns where "
                         "table_name = 'signals'\"` lists them")  # fmt: skip
    rules = [
        (preset, language, rule)
        for preset in params.used().values()
        for language, listed in preset.rules.items()
        for rule in listed
        if rule.signal == signal
    ]
    if not rules:
        raise InputError(
            f"no rule of the presets in use is on {signal}; see stages/text/rules/presets/ and clean.presets"
        )
    texts = _read("text", ["id", "source", "language"])
    values = _declared(signal, texts["id"]) if signal in TABLES_OF else _measured(signal, texts["id"])
    return [_judged(preset, language, rule, params, texts, values) for preset, language, rule in rules]


def _measured(signal: str, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The signal of each document. Errors: InputError where clean/signals has others."""
    rows = _read("text" if signal in OF_TEXT else "signals", ["id", signal])
    if not ids.equals(rows["id"]):
        raise InputError("clean/text and clean/signals hold different documents; run `dvc repro clean`")
    return rows[signal]


def _declared(signal: str, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The declared signal of each document, null where it has none. Errors: InputError where nobody declares it."""
    table = TABLES_OF[signal]
    if not read_segments("clean", table):
        raise InputError(
            f"{signal} is not declared; say in `clean` of params.yaml by which model, then `dvc repro clean`"
        )
    rows = _read(table, ["id", "signal", "value"])
    rows = rows.filter(pc.equal(rows["signal"], signal))
    return rows["value"].take(pc.index_in(ids, value_set=rows["id"].combine_chunks()))


def _read(table: str, columns: list[str]) -> pa.Table:
    return pa.concat_tables([segment.read(columns) for segment in read_segments("clean", table)]).combine_chunks()


def _judged(
    preset: Preset, language: str, rule: Rule, params: JudgeParams, texts: pa.Table, values: pa.ChunkedArray
) -> Judged:
    mask = pc.and_(
        pc.equal(presets_of(texts["source"], params), preset.name),
        in_section(texts["language"], language, preset.rules),
    )
    mask = pc.and_(mask, pc.is_valid(values))
    numbers = values.filter(mask).to_numpy().astype(np.float64)
    ids = texts["id"].filter(mask).combine_chunks()
    return Judged(key=f"{preset.name}.{language}.{rule.name}", rule=rule, ids=ids, values=numbers)


def page(found: Judged, threshold: float, examples: int) -> Iterator[str]:
    """What one rule does at a threshold, line by line."""
    signal, side = SIGNALS[found.rule.signal], "at most" if found.rule.at_least is None else "at least"
    yield f"{found.key}: {signal.name} {side} {_number(threshold)}   {signal.unit} ({signal.source})"
    yield f"  judges {len(found.values):,} documents, keeps {found.keeps(threshold):.2%}"
    if not len(found.values):
        return
    yield from _rates(found, side, threshold)
    yield from _histogram(found.values, threshold)
    yield from _examples(found, threshold, examples)


def _rates(found: Judged, side: str, threshold: float) -> Iterator[str]:
    """The share that other thresholds would keep, so chosen that they drop the shares of QUANTILES."""
    shares = [1 - share for share in QUANTILES] if found.rule.at_least is None else list(QUANTILES)
    numbers = sorted({threshold, *(float(np.quantile(found.values, share)) for share in shares)})
    yield f"  {side:>12}  keeps"
    for number in numbers:
        yield f"  {_number(number):>12}  {found.keeps(number):>7.2%}{'   <- now' if number == threshold else ''}"


def _histogram(values: NDArray[np.float64], threshold: float) -> Iterator[str]:
    """Bars between the first and the last percentile; what lies outside is in the first and last bar."""
    low, high = np.quantile(values, [0.01, 0.99])
    edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low, low + 1])
    inside = np.clip(values, edges[0], np.nextafter(edges[-1], -np.inf))
    counts, _ = np.histogram(inside, edges)
    yield "  documents by value"
    for count, first, last in zip(counts, edges, edges[1:], strict=False):
        marked = "  <- cut" if first <= threshold < last else ""
        bar = "█" * round(BAR * count / counts.max())
        yield f"  {_number(first):>12}  {count / len(values):>6.1%}  {bar}{marked}"


def _examples(found: Judged, threshold: float, count: int) -> Iterator[str]:
    """The documents nearest to the cut, dropped ones and kept ones."""
    dropped = found.values > threshold if found.rule.at_least is None else found.values < threshold
    for name, mask in (("dropped", dropped), ("kept", ~dropped)):
        places = np.flatnonzero(mask)
        nearest = places[np.argsort(np.abs(found.values[places] - threshold), kind="stable")[:count]]
        texts = _texts([found.ids[int(place)].as_py() for place in nearest])
        yield f"  nearest to the cut, {name}" if len(nearest) else f"  none {name}"
        for place in nearest:
            name = found.ids[int(place)].as_py()
            yield f"  {_number(found.values[place]):>12}  {name[:12]}  {_excerpt(texts[name])}"


def _texts(ids: Sequence[str]) -> dict[str, str]:
    """The texts of some documents; one segment in memory at a time."""
    found: dict[str, str] = {}
    wanted = pa.array(ids, pa.string())
    for segment in read_segments("clean", "text") if ids else ():
        rows = segment.read(["id", "text"])
        rows = rows.filter(pc.is_in(rows["id"], value_set=wanted))
        found |= dict(zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    return found


def _excerpt(text: str) -> str:
    return cut(printable(" ".join(text[: 4 * EXCERPT].split())), EXCERPT)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def judge_params() -> JudgeParams:
    """The part of the block `clean` that decides. Errors: ParameterError."""
    names = {field.name for field in dataclasses.fields(JudgeParams)}
    block = {name: value for name, value in read_block("clean").items() if name in names}
    loaded: JudgeParams = load_params("clean", block, [JudgeParams])[JudgeParams]
    return loaded


def main() -> None:
    """Print a page per rule; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill thresholds")
    parser.add_argument("signal")
    parser.add_argument("--at", type=float, help="a threshold to try, instead of the one in use")
    parser.add_argument("--rule", help="only this rule, as preset.language.rule")
    parser.add_argument("--examples", type=int, default=3)
    given = parser.parse_args()
    rules = judged(given.signal, judge_params())
    chosen = [one for one in rules if given.rule in (None, one.key)]
    if not chosen:
        raise InputError(
            f"no rule on {given.signal} is called {given.rule}; known: {', '.join(one.key for one in rules)}"
        )
    for one in chosen:
        print("\n".join(page(one, one.rule.threshold if given.at is None else given.at, given.examples)))
    print(
        f"To change it: `overrides: {{{chosen[0].key}: NUMBER}}` in the block clean of params.yaml, then `dvc repro`."
    )


if __name__ == "__main__":
    exit_on_error(main)
