"""Documents and the n-grams of evaluation sets -> which document holds which item, and how much of it.

Reads   clean/text, clean/evaluation (stages/text/contamination/evaluation_sets.py, which names the rules and their
        sources).
Writes  clean/overlaps: for each document and each set that it shares an n-gram with, the item it has most of.

The verdict `contaminated` (stages/text/rules/judging.py) follows from the column of that name. Of a set only the
n-grams are held: 12 bytes each, and 16 bits of a table that tells most n-grams of the corpus to be no one's without a
search.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from catalog.schema import OVERLAPS
from stages.text.contamination.evaluation_sets import RULES, DecontaminateParams, EvaluationSet
from stages.text.contamination.grams import bit_table, gram_hashes

BLOCK_BYTES = 1 << 20  # text searched at once; its n-grams need some 30 bytes of memory per byte of it


@dataclass(frozen=True)
class Index:
    """The n-grams of one set: sorted hashes, the item of each, distinct n-grams per item, and the table of bits."""

    grams: NDArray[np.uint64]
    items: NDArray[np.int32]
    sizes: NDArray[np.int64]
    bits: NDArray[np.uint8]
    shift: int  # a hash shifted by it is the number of its bit

    @classmethod
    def of(cls, rows: pa.Table) -> Index:
        """From the rows of clean/evaluation of one set."""
        grams = rows["gram"].to_numpy().view(np.uint64)
        items = rows["item"].to_numpy()
        order = np.lexsort((items, grams))
        return cls(grams[order], items[order], np.bincount(items), *bit_table(grams))


def find_overlaps(documents: pa.Table, evaluation: pa.Table, params: DecontaminateParams) -> dict[str, pa.Table]:
    """{"overlaps": OVERLAPS rows}, by set in the order of params.yaml, then in the order of the documents."""
    tables = [OVERLAPS.empty_table()]
    for one in params.sets():
        index = Index.of(evaluation.filter(pc.equal(evaluation["evaluation"], one.name)))
        tables.append(_overlaps_with(one, index, documents))
    return {"overlaps": pa.concat_tables(tables)}


def _overlaps_with(one: EvaluationSet, index: Index, documents: pa.Table) -> pa.Table:
    """The rows of one set."""
    rule = RULES[one.rule]
    best = np.zeros((documents.num_rows, 3), np.int64)
    for first, last in _blocks(documents["text"]):
        grams = gram_hashes(documents["text"].slice(first, last - first), words=rule.words, characters=rule.characters)
        _search(*grams, index.grams, index.items, index.sizes, index.bits, index.shift, best[first:last])
    rows = np.flatnonzero(best[:, 1])
    items, counts, positions = best[rows].T
    sizes = index.sizes[items]
    contaminated = counts >= np.maximum(1, one.share * sizes - 1e-9)
    columns = [
        documents["id"].take(pa.array(rows)), pa.repeat(pa.scalar(one.name), len(rows)), items.astype(np.int32),
        (1000 * counts // sizes).astype(np.int16), positions.astype(np.int32), contaminated,
    ]  # fmt: skip
    return pa.table(columns, schema=OVERLAPS)


def _blocks(texts: pa.ChunkedArray) -> list[tuple[int, int]]:
    """(first, last) of consecutive documents of about BLOCK_BYTES."""
    sizes = np.cumsum(pc.binary_length(texts).to_numpy())
    full = np.flatnonzero(np.diff(sizes // BLOCK_BYTES)) + 1
    return list(itertools.pairwise([0, *full.tolist(), len(texts)]))


@njit(nogil=True, cache=True)
def _search(offsets, hashes, places, grams, items, sizes, bits, shift, best):  # type: ignore[no-untyped-def]
    """Write into best[i] the item of which text i has the largest share (the first of equals), how many of its
    n-grams, and where the first of them stands; zeros where it has none.
    """
    counts, firsts = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
    touched, seen = np.empty(len(sizes), np.int64), np.full(len(grams), -1)
    for i in range(len(offsets) - 1):
        items_found = 0
        for j in range(offsets[i], offsets[i + 1]):
            number = hashes[j] >> np.uint64(shift)
            if not (bits[number >> np.uint64(3)] >> np.uint8(number & np.uint64(7))) & 1:
                continue
            at = np.searchsorted(grams, hashes[j])
            while at < len(grams) and grams[at] == hashes[j]:
                if seen[at] != i:  # an n-gram that a text repeats counts once
                    seen[at] = i
                    item = items[at]
                    if counts[item] == 0:
                        touched[items_found], firsts[item] = item, places[j]
                        items_found += 1
                    firsts[item] = min(firsts[item], places[j])
                    counts[item] += 1
                at += 1
        for item in np.sort(touched[:items_found]):
            if best[i, 1] == 0 or counts[item] * sizes[best[i, 0]] > best[i, 1] * sizes[item]:
                best[i, 0], best[i, 1], best[i, 2] = item, counts[item], firsts[item]
        counts[touched[:items_found]] = 0
