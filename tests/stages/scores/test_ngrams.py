"""The n-gram model: probabilities add up to one, and are those of a plain reading of Chen and Goodman."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.scores.ngrams import START, perplexities, train

Gram = tuple[int, ...]
TEXTS = st.lists(st.lists(st.integers(1, 6), max_size=12), min_size=1, max_size=8).filter(any)


def packed(texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as the model takes them."""
    first = np.cumsum([0, *map(len, texts)])
    return first, np.array([token for text in texts for token in text], np.uint64)


def discounts(counts: list[int]) -> list[float]:
    n = [sum(count == wanted for count in counts) for wanted in range(5)]
    if not all(n[1:]):
        return [0, 0.5, 1, 1.5]
    y = n[1] / (n[1] + 2 * n[2])
    found = [0, *(k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))]
    return found if all(0 < one <= k for k, one in enumerate(found[1:], 1)) else [0, 0.5, 1, 1.5]


class Plain:
    """Interpolated modified Kneser-Ney, one dictionary per order."""

    def __init__(self, texts: list[list[int]], order: int) -> None:
        begun = [[0, *text] for text in texts]  # 0 is START
        self.words = {token for text in texts for token in text}
        self.order = order
        raw = {
            n: Counter(tuple(t[i : i + n]) for t in begun for i in range(len(t) - n + 1)) for n in range(1, order + 2)
        }
        self.counts: dict[int, dict[Gram, int]] = {}
        for n in range(1, order + 1):
            left: dict[Gram, set[int]] = defaultdict(set)
            for gram in raw[n + 1]:
                left[gram[1:]].add(gram[0])
            self.counts[n] = {
                gram: count if n == order or gram[0] == 0 else len(left[gram])
                for gram, count in raw[n].items()
                if gram != (0,)
            }
        self.taken = {n: discounts(list(found.values())) for n, found in self.counts.items()}

    def probability(self, context: Gram, token: int) -> float:
        """Of a token after a context of any length."""
        n = len(context) + 1
        lower = self.probability(context[1:], token) if context else 1 / (len(self.words) + 1)
        after = {gram[-1]: count for gram, count in self.counts[n].items() if gram[:-1] == context}
        if not after:
            return lower
        cut = self.taken[n]
        weight = sum(cut[min(count, 3)] for count in after.values()) / sum(after.values())
        count = after.get(token, 0)
        return (count - cut[min(count, 3)]) / sum(after.values()) + weight * lower

    def perplexity(self, text: list[int]) -> float:
        """2 to the mean bits per token."""
        begun = [0, *text]
        bits = sum(
            -math.log2(self.probability(tuple(begun[max(0, i - self.order + 1) : i]), begun[i]))
            for i in range(1, len(begun))
        )
        return 2 ** (bits / len(text))


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.lists(st.integers(1, 8), min_size=1, max_size=10), st.integers(1, 4))
def test_perplexities_are_those_of_a_plain_reading(texts: list[list[int]], asked: list[int], order: int) -> None:
    """Texts of words seen and unseen, at every order."""
    found = perplexities(train(*packed(texts), order), order, *packed([asked]))[0]
    assert found == pytest.approx(Plain(texts, order).perplexity(asked), rel=1e-3)


@settings(deadline=None, max_examples=30)
@given(TEXTS, st.integers(1, 4))
def test_probabilities_add_up(texts: list[list[int]], order: int) -> None:
    """After any context, those of all known tokens and of an unknown one are 1 together."""
    model, words = train(*packed(texts), order), sorted({token for text in texts for token in text})
    for context in [[], texts[0][:2], [99], [*texts[-1], 99]]:
        bits = []
        for token in [*words, 1000]:
            whole, before = ([*context, token], context)
            total = math.log2(perplexities(model, order, *packed([whole]))[0]) * len(whole)
            already = math.log2(perplexities(model, order, *packed([before]))[0]) * len(before) if before else 0
            bits.append(total - already)
        assert sum(2**-bit for bit in bits) == pytest.approx(1, rel=1e-3)


def test_a_model_does_not_depend_on_the_order_of_texts() -> None:
    """The same texts in any order train the same model, byte for byte."""
    texts = [[1, 2, 3, 1, 2], [], [3, 3, 1], [2, 1, 2, 3]]
    one, other = train(*packed(texts), 3), train(*packed(texts[::-1]), 3)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert START not in one.gram


def test_a_text_without_tokens_has_no_perplexity() -> None:
    """Nothing was said, so nothing was a surprise."""
    assert np.isnan(perplexities(train(*packed([[1, 2]]), 2), 2, *packed([[]]))[0])
