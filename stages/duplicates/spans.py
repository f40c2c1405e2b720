"""Pieces of text that stand in an earlier document too -> what is cut, and which documents are dropped for it.

Writes  dedup/paragraph_cuts and dedup/substring_cuts, as dedup/cuts.

Documents are gone through in the order in which they are to be kept (stages/duplicates/choosing.py). A piece belongs to
the first document that has it, however often; all others have it cut. Where the policy is to drop, a document of which
too much is cut is dropped as soon as that is known, and so keeps no piece from the documents after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from stages.duplicates.cutting import DROP, RECORD
from stages.duplicates.reading import Corpus

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Pieces:
    """The pieces of all documents, in corpus order: document i has offsets[i] to offsets[i + 1]."""

    offsets: Longs
    group: Longs  # from 0; equal pieces, and no others, share a number
    start: Ints  # characters of the text, ascending within a document, as is
    stop: Ints


def repeated(pieces: Pieces, order: Longs, characters: Ints, max_share: float) -> tuple[Longs, NDArray[np.bool_]]:
    """(the document that keeps each piece, -1 where it is its own; whether each document is dropped).

    `order` holds positions of documents, the one to keep first; `max_share` of its characters may be cut from a
    document.
    """
    return _repeated(pieces.offsets, pieces.group, pieces.start, pieces.stop, order, characters, max_share)


def cuts(
    corpus: Corpus, order: Longs, pieces: Pieces, *, level: str, effect: str, max_share: float
) -> Iterator[tuple[str, pa.Table]]:
    """(key, rows of dedup/cuts) of each segment, by document and start; pieces that overlap or touch are one cut."""
    characters = corpus.documents["characters"].to_numpy()
    most = max_share if effect == DROP else np.inf
    of, dropped = repeated(pieces, order, characters, most)
    offsets, start, stop, of = _merged(pieces.offsets, pieces.start, pieces.stop, of)
    document = np.repeat(np.arange(len(characters)), np.diff(offsets))
    effects = np.where(dropped[document], DROP, RECORD if effect == DROP else effect)
    ids = corpus.documents["id"].combine_chunks()
    table = pa.table(
        {
            "id": ids.take(pa.array(document)),
            "start": start,
            "stop": stop,
            "level": pa.repeat(level, len(start)),
            "of": ids.take(pa.array(of)),
            "similarity": pa.nulls(len(start), pa.int16()),
            "effect": pa.array(effects.astype(object), pa.string()),
        }
    )
    for key, (first, last) in zip(corpus.keys, pairwise(corpus.bounds), strict=True):
        yield key, table.slice(offsets[first], offsets[last] - offsets[first])


@njit(nogil=True, cache=True)
def _repeated(offsets, group, start, stop, order, characters, max_share):  # type: ignore[no-untyped-def]
    of, dropped = np.full(len(group), -1), np.zeros(len(order), np.bool_)
    keeper = np.full(group.max() + 1 if len(group) else 0, -1)
    for document in order:
        covered, reach = 0, 0
        for i in range(offsets[document], offsets[document + 1]):
            of[i] = keeper[group[i]]
            if of[i] >= 0:
                covered += max(0, stop[i] - max(start[i], reach))
                reach = max(reach, stop[i])
        dropped[document] = covered > max_share * characters[document]
        if not dropped[document]:
            for i in range(offsets[document], offsets[document + 1]):
                if of[i] < 0:
                    keeper[group[i]] = document
    return of, dropped


@njit(nogil=True, cache=True)
def _merged(offsets, start, stop, of):  # type: ignore[no-untyped-def]
    """(offsets, start, stop, of) of disjoint cuts: where another document's piece begins inside one, it is clipped."""
    bounds, used = np.zeros_like(offsets), 0
    begins, ends, owners = np.empty_like(start), np.empty_like(stop), np.empty_like(of)
    for document in range(len(offsets) - 1):
        first = used
        for i in range(offsets[document], offsets[document + 1]):
            if of[i] < 0:
                continue
            reach = ends[used - 1] if used > first else np.int32(-1)
            if start[i] <= reach and of[i] == owners[used - 1]:
                ends[used - 1] = max(reach, stop[i])
            elif stop[i] > reach:
                begins[used], ends[used], owners[used] = max(start[i], reach), stop[i], of[i]
                used += 1
        bounds[document + 1] = used
    return bounds, begins[:used].copy(), ends[:used].copy(), owners[:used].copy()
