"""Measures of produced texts: chrF, BLEU, ROUGE; all 0 to 1.

Sources chrF: Popović 2015 (n-grams of 1 to 6 characters without white space, recall weighed twice); BLEU: Papineni et
        al. 2002 with the brevity penalty and the smoothing `exp` of sacrebleu; both over the whole set, equal to
        sacrebleu's. ROUGE-1, -2 and -L: Lin 2004, F1 of each text, mean over texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stages.model.evaluation.scoring.measure import Floats, Measure, each, mean, ratio
from stages.model.evaluation.scoring.words import bleu_words, plain_words
from stages.model.finetuning.units import Unit

CHARACTERS, BETA = 6, 2  # longest n-gram of chrF; weight of recall over precision
WORDS = 4  # longest n-gram of BLEU


def grams(items: Sequence[Any], size: int) -> Counter[Any]:
    """The runs of `size` items, counted."""
    return Counter(tuple(items[start : start + size]) for start in range(len(items) - size + 1))


def matches(said: Sequence[Any], there: Sequence[Any], longest: int) -> list[float]:
    """For each length of n-gram: in common, said, there."""
    found: list[float] = []
    for size in range(1, longest + 1):
        ours, theirs = grams(said, size), grams(there, size)
        found += [(ours & theirs).total(), ours.total(), theirs.total()]
    return found


def _rows(cut: Callable[[str], Sequence[Any]], longest: int) -> Callable[[Sequence[Unit], Sequence[str]], Floats]:
    def statistics(units: Sequence[Unit], predicted: Sequence[str]) -> Floats:
        rows = []
        for unit, text in zip(units, predicted, strict=True):
            said, there = cut(text), cut(unit.label)
            rows.append([*matches(said, there, longest), len(said), len(there)])
        return np.array(rows, np.float64).reshape(len(units), 3 * longest + 2)

    return statistics


def _characters(units: Sequence[Unit], predicted: Sequence[str]) -> Floats:
    """Statistics of chrF; what is said does not count in lengths that the right text has not, as in sacrebleu."""
    found = _rows(lambda text: "".join(text.split()), CHARACTERS)(units, predicted)
    counts = found[:, :-2].reshape(-1, CHARACTERS, 3)
    counts[..., 1] *= counts[..., 2] > 0
    return found


def chrf(sums: Floats) -> Floats:
    """chrF of summed counts; lengths that either side lacks are left out."""
    counts = sums[..., :-2].reshape(*sums.shape[:-1], CHARACTERS, 3)
    right, said, there = (counts[..., place] for place in range(3))
    both = (said > 0) & (there > 0)
    orders = both.sum(-1)
    precision = ratio((ratio(right, said) * both).sum(-1), orders)
    recall = ratio((ratio(right, there) * both).sum(-1), orders)
    return ratio((1 + BETA**2) * precision * recall, BETA**2 * precision + recall)


def bleu(sums: Floats) -> Floats:
    """BLEU of summed counts; the k-th length without a match counts as 1 / 2^k of one."""
    counts = sums[..., :-2].reshape(*sums.shape[:-1], WORDS, 3)
    right, said = counts[..., 0], counts[..., 1]
    missing = (right == 0) & (said > 0)
    right = np.where(missing, 0.5 ** np.cumsum(missing, -1), right)
    shares = ratio(right, said)
    none = (counts[..., 0].sum(-1) == 0) | (said == 0).any(-1)
    length, wanted = sums[..., -2], sums[..., -1]
    brevity = np.exp(np.minimum(0.0, 1 - ratio(wanted, np.maximum(length, 1))))
    return np.where(none, 0.0, brevity * np.exp(np.log(np.where(shares > 0, shares, 1)).mean(-1)))


def rouge(size: int) -> Callable[[Unit, str], float]:
    """F1 of the runs of `size` words that both texts have."""

    def score(unit: Unit, text: str) -> float:
        said, there = grams(plain_words(text), size), grams(plain_words(unit.label), size)
        total = said.total() + there.total()
        return 2 * (said & there).total() / total if total else 0.0

    return score


def rouge_l(unit: Unit, text: str) -> float:
    """F1 of the longest sequence of words that both have in this order."""
    said, there = plain_words(text), plain_words(unit.label)
    lengths = [0] * (len(there) + 1)
    for word in said:
        before = 0
        for place, other in enumerate(there, 1):
            before, lengths[place] = (
                lengths[place],
                before + 1 if word == other else max(lengths[place], lengths[place - 1]),
            )
    total = len(said) + len(there)
    return 2 * lengths[-1] / total if total else 0.0


MEASURES = {
    "generation": [
        Measure(name="chrf", statistics=_characters, value=chrf),
        Measure(name="bleu", statistics=_rows(bleu_words, WORDS), value=bleu),
        Measure(name="rouge_1", statistics=each(rouge(1)), value=mean),
        Measure(name="rouge_2", statistics=each(rouge(2)), value=mean),
        Measure(name="rouge_l", statistics=each(rouge_l), value=mean),
    ]
}
