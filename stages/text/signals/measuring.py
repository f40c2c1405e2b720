"""Documents -> signals: one pass of compiled counters over the UTF-8 bytes of the text column.

The compiled functions of a file are inlined in each other: a call would copy what describes each array.

Reads   clean/text (id, text, language).
Writes  clean/signals, one row per document in the same order; the columns are described in `.table`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stages.text.signals import counting, kinds, lines, normalized, recurring, repetition, tokens, wordcounts
from stages.text.signals.blocks import blocks
from stages.text.signals.spans import Tokens, room, token_room
from stages.text.signals.table import SIGNALS, TABLE

Counters = dict[str, NDArray[np.int64] | NDArray[np.float64]]


def measure(table: pa.Table) -> dict[str, pa.Table]:
    """The table `signals` of documents: one row per document, in order."""
    spelled = kinds.is_spelled(table["language"])
    parts = [_counters(*block) for block in blocks(table["text"], spelled)]
    names = parts[0].keys() if parts else ()
    counters = {name: np.concatenate([part[name] for part in parts]) for name in names}
    columns = [table["id"].combine_chunks(), *(_signal(counters, signal.count, signal.over) for signal in TABLE)]
    return {"signals": pa.Table.from_arrays(columns, schema=SIGNALS)}


def _counters(data: NDArray[np.uint8], offsets: NDArray[np.int64], spelled: NDArray[np.bool_]) -> Counters:
    """Every counter of the documents of one block, by name; whole numbers, but for the information in nats."""
    known, (documents, size) = kinds.kinds(), (len(offsets) - 1, int(offsets[-1] - offsets[0]))
    rows, block, pieces, places = counting.count(data, offsets, known)
    spans, found = token_room(block), lines.Found(*(room(documents, size) for _ in range(3)))
    tokens.find_tokens(block, pieces, known.tokens, kinds.unit_names(), spelled, spans)
    token_rows = wordcounts.count_tokens(block, kinds.stop_words(), spans)
    line_rows = lines.count_lines(block, places, known.lines, spans, kinds.phrases(), found)
    normal_rows, information = normalized.count_normalised(pieces)
    counters: Counters = {"information": information}
    for names, table in (
        (counting.COUNTERS, rows), (wordcounts.COUNTERS, token_rows), (lines.COUNTERS, line_rows),
        (normalized.COUNTERS, normal_rows), (recurring.COUNTERS, recurring.count_recurring(block, spans)),
    ):  # fmt: skip
        counters |= dict(zip(names, table.T, strict=True))
    counters["marks"] = counters["hashes"] + counters["ellipses"]
    return counters | _repeats(found) | _grams(spans)


def _repeats(found: lines.Found) -> Counters:
    """Counters over lines, lines that C4 keeps, and paragraphs that came before."""
    characters, repeated, again = repetition.repeated_spans(found.paragraphs).T
    counters = {"paragraphs": np.diff(found.paragraphs.first), "paragraph_characters": characters}
    counters |= {"repeated_paragraphs": repeated, "repeated_paragraph_characters": again}
    _, counters["repeated_lines"], counters["repeated_line_characters"] = repetition.repeated_spans(found.lines).T
    counters["c4_repeated_line_characters"] = repetition.repeated_spans(found.kept).T[2]
    return counters


def _grams(spans: Tokens) -> Counters:
    """Counters over n-grams of tokens."""
    grams = repetition.gram_characters(spans).T
    top, repeated, first = np.split(grams, [repetition.TOP, repetition.SIZES])
    counters = {f"top_{n}gram": column for n, column in zip(repetition.TOP_SIZES, top, strict=True)}
    counters |= {f"repeated_{n}gram": column for n, column in zip(repetition.REPEATED_SIZES, repeated, strict=True)}
    return counters | {
        f"any_top_{n}gram": np.where(one > 0, one, once)
        for n, one, once in zip(repetition.TOP_SIZES, top, first, strict=True)
    }


def _signal(counters: Counters, count: str, over: str | None) -> pa.Array:
    """One column: the counter, or the quotient of two rounded to four decimals (0 over 0 is 0)."""
    if not counters:
        return pa.array([], pa.float32() if over else pa.int32())
    if over is None:
        return pa.array(counters[count].astype(np.int32))
    quotient = counters[count] / np.maximum(counters[over], 1)
    return pa.array(np.round(quotient, 4).astype(np.float32))
