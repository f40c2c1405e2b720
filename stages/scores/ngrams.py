"""An n-gram model of tokens: interpolated modified Kneser-Ney, trained by sorting, asked by compiled look-ups.

A text is the sequence of hashes of its tokens (`stages.scores.tokenized`) after a START; an n-gram is one 64-bit
hash, and probabilities are whole numbers of 2^-16 bits, so that sums are exact and their order means nothing.

Source  Chen and Goodman 1999, with the discounts D1, D2, D3+ per order; Heafield et al. 2013 for where continuation
        counts stand (all orders but the highest, and but n-grams that begin a text) and for the discounts of counts
        that are too few to estimate them.
Memory  of training some 40 bytes per token and order at once; of a model 16 bytes per n-gram.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

START = np.uint64(0x9AE16A3B2F90404F)
UNKNOWN = np.uint64(0xC949C7DEFEB1D2A1)  # the hash under which the probability of a word nobody has seen stands
SCALE = 1 << 16  # units per bit
FALLBACK = np.array([0.0, 0.5, 1.0, 1.5])  # discounts where counts of 1 to 4 are not all there (KenLM)

Counts = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Weights = NDArray[np.float64]

_jit = numba.njit(cache=True, nogil=True)


class Model(NamedTuple):
    """N-grams in order of their hash, of all orders: log2 of the probability, and of the weight of what follows."""

    gram: Hashes
    probability: NDArray[np.int32]  # of the last token after the others, 2^-16 bits
    backoff: NDArray[np.int32]  # of the tokens as a context, 2^-16 bits; 0 where none was seen after them


@_jit
def _joined(before, token):  # type: ignore[no-untyped-def]
    """Hash of an n-gram from that of all but its last token."""
    mixed = (before ^ (before >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ token) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))


@_jit
def _windows(first, tokens, before, n):  # type: ignore[no-untyped-def]
    """Hash of the n-gram that begins at each token, from those of n - 1; 0 where the text ends before it does."""
    grams = np.zeros(tokens.size, np.uint64)
    for text in range(first.size - 1):
        for index in range(first[text], first[text + 1] - n + 1):
            grams[index] = _joined(before[index], tokens[index + n - 1])
    return grams


@_jit
def _slots(grams):  # type: ignore[no-untyped-def]
    """An open hash table of places in `grams`, at most half full; -1 where it is free."""
    size = 4
    while size < 2 * grams.size:
        size *= 2
    slots, mask = np.full(size, -1, np.int32), np.uint64(size - 1)
    for place in range(grams.size):
        slot = grams[place] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = place
    return slots


@_jit
def _place(slots, grams, gram):  # type: ignore[no-untyped-def]
    """Where an n-gram stands in `grams`, -1 for nowhere."""
    mask = np.uint64(slots.size - 1)
    slot = gram & mask
    while slots[slot] >= 0 and grams[slots[slot]] != gram:
        slot = (slot + np.uint64(1)) & mask
    return slots[slot]


@_jit
def _token_units(model, slots, before, after, longest, unknown):  # type: ignore[no-untyped-def]
    """log2 of the probability of one token: `after[n]` is the n-gram that it ends, `before[n]` the one before it."""
    units = 0
    for n in range(longest, 0, -1):
        place = _place(slots, model.gram, after[n])
        if place >= 0:
            return units + model.probability[place]
        context = _place(slots, model.gram, before[n - 1]) if n > 1 else -1
        if context >= 0:
            units += model.backoff[context]
    return units + unknown


@_jit
def _score(model, slots, order, unknown, first, tokens, units):  # type: ignore[no-untyped-def]
    before, after = np.zeros(order + 1, np.uint64), np.zeros(order + 1, np.uint64)
    for text in range(first.size - 1):
        before[1], known = _joined(np.uint64(0), START), 1  # tokens that n-grams can begin with
        for index in range(first[text], first[text + 1]):
            longest = min(order, known + 1)
            for n in range(1, longest + 1):
                after[n] = _joined(before[n - 1], tokens[index])
            units[text] += _token_units(model, slots, before, after, longest, unknown)
            before, after, known = after, before, known + 1


def perplexities(model: Model, order: int, first: Counts, tokens: Hashes) -> Weights:
    """2 to the mean number of bits per token of each text; NaN where a text has none."""
    units = np.zeros(len(first) - 1, np.int64)
    unknown = model.probability[np.searchsorted(model.gram, UNKNOWN)]
    _score(model, _slots(model.gram), order, unknown, first, tokens, units)
    with np.errstate(invalid="ignore"):
        return np.exp2(-units / (SCALE * np.diff(first)))


class Order(NamedTuple):
    """The different n-grams of one order, by hash: how often each counts, what it begins and ends with."""

    gram: Hashes
    counts: Counts
    context: Hashes  # all but the last token
    shorter: Hashes  # all but the first token


def train(first: Counts, tokens: Hashes, order: int) -> Model:
    """A model of texts: the tokens of text i are `tokens[first[i]:first[i + 1]]`."""
    orders = _orders(first + np.arange(len(first)), np.insert(tokens, first[:-1], START), order)
    size = len(orders[0].gram) + 1  # different tokens, and the unknown one
    found, lower = [], np.full(len(orders[0].gram), 1 / size)
    for number, one in enumerate(orders):
        contexts, place = np.unique(one.context, return_inverse=True)
        taken = _discounts(one.counts)[np.minimum(one.counts, 3)]
        total = np.bincount(place, one.counts)
        weight = np.bincount(place, taken) / total
        lower = (one.counts - taken) / total[place] + weight[place] * lower
        found.append((one.gram, lower, contexts, weight))
        if number + 1 < order:
            lower = lower[np.searchsorted(one.gram, orders[number + 1].shorter)]
    return _packed(found, found[0][3][0] / size)


def _orders(first: Counts, tokens: Hashes, order: int) -> list[Order]:
    """The n-grams of each order; counts are of different tokens before them, where there can be any."""
    starts = tokens == START
    windows = [np.zeros(len(tokens), np.uint64)]
    for n in range(1, order + 1):
        windows.append(_windows(first, tokens, windows[-1], n))
    orders: list[Order] = []
    for n in range(order, 0, -1):
        at = np.flatnonzero((windows[n] != 0) & ~(starts & (n == 1)))  # START is only ever a context
        gram, where, count = np.unique(windows[n][at], return_index=True, return_counts=True)
        where = at[where]
        if orders:
            continued = np.bincount(np.searchsorted(gram, orders[-1].shorter), minlength=len(gram))
            count = np.where(starts[where], count, continued)
        shorter = windows[n - 1][where + 1] if n > 1 else windows[0][where]
        orders.append(Order(gram, count, windows[n - 1][where], shorter))
    return orders[::-1]


def _discounts(counts: Counts) -> Weights:
    """What is taken from a count of 0, 1, 2, and 3 or more."""
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if not n1 * n2 * n3 * n4:
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return found if (found[1:] > 0).all() and (found <= np.arange(4)).all() else FALLBACK


def _packed(found: list[tuple[Hashes, Weights, Hashes, Weights]], unknown: float) -> Model:
    """All orders in one table: (n-grams, probabilities, contexts, weights) of each, and the unknown token."""
    grams = np.concatenate([*(one[0] for one in found), np.array([UNKNOWN])])
    contexts = np.concatenate([one[2] for one in found[1:]] or [grams[:0]])
    every, at = np.unique(np.concatenate([grams, contexts]), return_inverse=True)
    probability, backoff = np.zeros((2, len(every)), np.int32)
    probability[at[: len(grams)]] = _units(np.concatenate([*(one[1] for one in found), np.array([unknown])]))
    backoff[at[len(grams) :]] = _units(np.concatenate([one[3] for one in found[1:]] or [np.zeros(0)]))
    return Model(every, probability, backoff)


def _units(values: Weights) -> NDArray[np.int32]:
    """log2 of numbers in whole 2^-16 bits."""
    return np.round(np.log2(values) * SCALE).astype(np.int32)
