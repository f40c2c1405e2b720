"""The text that models are trained on: that of a document without the spans that dedup removes from it.

Reads   clean/text, dedup/cuts (rows of effect `remove`).
"""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc


def trimmed(ids: pa.ChunkedArray, texts: pa.ChunkedArray, cuts: pa.Table | None) -> list[str]:
    """The texts, whose documents are `ids`, without their removed spans, which may overlap and stand in any order."""
    if cuts is None:
        return list(texts.to_pylist())
    removed = cuts.filter(pc.equal(cuts["effect"], "remove"))
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, start, stop in zip(*(removed[column].to_pylist() for column in ("id", "start", "stop")), strict=True):
        spans[name].append((start, stop))
    return [
        without(text, sorted(spans[name])) if name in spans else text
        for name, text in zip(ids.to_pylist(), texts.to_pylist(), strict=True)
    ]


def without(text: str, spans: list[tuple[int, int]]) -> str:
    """A text without the characters of some spans, which are in order of their start."""
    parts, reach = [], 0
    for start, stop in spans:
        parts.append(text[reach : max(start, reach)])
        reach = max(stop, reach)
    return "".join([*parts, text[reach:]])
