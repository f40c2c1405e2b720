"""The arrays that the compiled counters hand to each other: code points, spans and phrases. No kernels are here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Block(NamedTuple):
    """The code points of the documents of a block: those of document i at `points[first[i]:first[i + 1]]`."""

    points: NDArray[np.int32]
    first: NDArray[np.int64]


class Spans(NamedTuple):
    """Pieces of text, those of document i at `first[i]:first[i + 1]`: from which character to which, and a hash."""

    first: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    digest: NDArray[np.uint64]


class Phrases(NamedTuple):
    """Lower-case phrases, their code points one after the other: phrase i is `points[bounds[i]:bounds[i + 1]]`."""

    points: NDArray[np.int32]
    bounds: NDArray[np.int64]


def room(documents: int, spans: int) -> Spans:
    """Space for that many spans of that many documents; `first` is zero, the rest is not initialised."""
    start, end = np.empty((2, spans), np.int32)
    return Spans(np.zeros(documents + 1, np.int64), start, end, np.empty(spans, np.uint64))


def pack_phrases(phrases: str) -> Phrases:
    """Phrases written as `one|another`."""
    parts = phrases.split("|")
    points = np.array([ord(character) for part in parts for character in part], np.int32)
    return Phrases(points, np.cumsum([0, *map(len, parts)]).astype(np.int64))
