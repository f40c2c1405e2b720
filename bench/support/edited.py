"""Copies of real texts at a wanted distance: words replaced one by one, the true similarity measured afterwards."""

from __future__ import annotations

import random
from collections.abc import Sequence

FILLERS = ("amber", "brook", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty")


def edited(text: str, similarity: float, seed: int, words: int = 5) -> str:
    """`text` with so many words replaced that about `similarity` of the shingles are shared.

    A replaced word changes `words` shingles on each side of the pair: of n shingles, k replacements far apart leave a
    Jaccard similarity of (n - words k) / (n + words k).
    """
    parts = text.split(" ")
    shingles = max(1, len(parts) - words + 1)
    count = round(shingles * (1 - similarity) / (1 + similarity) / words)
    chooser = random.Random(seed)
    for at in _spread(len(parts), count, chooser):
        parts[at] = f"{chooser.choice(FILLERS)}{chooser.randrange(10**6)}"
    return " ".join(parts)


def _spread(length: int, count: int, chooser: random.Random) -> Sequence[int]:
    """`count` places, about evenly far from each other."""
    step = length / max(1, count)
    return [min(length - 1, int(step * (number + chooser.random()))) for number in range(count)]
