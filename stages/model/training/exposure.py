"""Which documents a model has seen, and how often.

Writes  documents.txt  the id of each document, a line each
        exposure.json  {"times": [[first, last, times], ...]}: lines of documents.txt, from 0, both ends included
How often follows from the recipe: batches are a function of (seed, epoch, step), so nothing is counted while training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

from stages.model.pretraining.objectives import Recipe, cut, epoch_rows
from stages.model.training.batches import Documents, Ints


def write_exposure(ids: Sequence[str], times: Ints, out: Path) -> None:
    """Write the two files for documents and the epochs in which each was seen, both [documents]."""
    (out / "documents.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    (out / "exposure.json").write_text(json.dumps({"times": ranges(times)}), encoding="utf-8")


def ranges(times: Ints) -> list[list[int]]:
    """[first, last, times] of each stretch of equal numbers."""
    if not len(times):
        return []
    begins = np.concatenate([[0], np.flatnonzero(np.diff(times)) + 1])
    ends = np.append(begins[1:], len(times)) - 1
    return [list(map(int, stretch)) for stretch in zip(begins, ends, times[begins], strict=True)]


def times_seen(corpus: Documents, recipe: Recipe, steps: int) -> Ints:
    """In how many epochs each document was seen, in whole or in part, by a run of so many steps; [documents]."""
    parts = cut(corpus, recipe)
    times = np.zeros(len(corpus), dtype=np.int64)
    if not len(parts.owner):
        return times
    for epoch in count():
        seen = np.zeros(len(corpus), dtype=bool)
        for rows in epoch_rows(parts, recipe, epoch):
            if not steps:
                return times + seen
            seen[parts.owner[[piece for row in rows for piece in row]]] = True
            steps -= 1
        times += seen
        if not steps:
            return times
    raise AssertionError  # the epochs do not end
