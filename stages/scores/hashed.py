"""A linear classifier over hashed n-grams of tokens, as fastText's supervised mode without its hidden layer.

A document is the bag of its tokens and of its runs of up to GRAMS of them, each hashed into a bucket; the score of a
class is the sum of the weights of the buckets over the root of their number, and softmax makes probabilities of scores.
Trained by gradient descent, one document after the other, in an order that is a hash of (seed, epoch, document): one
thread, so that the same documents give the same bits.

Measured on IMDB's reviews: 25,000 trained on in 2.2 CPU seconds, accuracy 0.893 and AUC 0.959 on 5,000 of its test set.

Source  Joulin et al. 2017, arXiv 1607.01759; the hashing trick: Weinberger et al. 2009.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

GRAMS = 2  # tokens of the longest run (fastText's wordNgrams in DCLM's and FineWeb's classifiers)

Weights = NDArray[np.float32]  # shape (buckets, classes); buckets are a power of two

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _features(tokens, grams, mask, features):  # type: ignore[no-untyped-def]
    """Writes the buckets of the runs of a document's tokens; gives their number."""
    count = 0
    for start in range(tokens.size):
        gram = np.uint64(0)
        for index in range(start, min(start + grams, tokens.size)):
            gram = (gram ^ tokens[index]) * np.uint64(0x9E3779B97F4A7C15)
            gram ^= gram >> np.uint64(29)
            features[count] = gram & mask
            count += 1
    return count


@_jit
def _probabilities(features, weights, found):  # type: ignore[no-untyped-def]
    """Writes the probability of each class of a document with these features."""
    found[:] = 0.0
    for feature in features:
        for label in range(found.size):
            found[label] += weights[feature, label]
    found /= np.sqrt(max(features.size, 1))
    found -= found.max()
    for label in range(found.size):
        found[label] = np.exp(found[label])
    found /= found.sum()


@_jit
def _longest(first):  # type: ignore[no-untyped-def]
    longest = 0
    for index in range(first.size - 1):
        longest = max(longest, first[index + 1] - first[index])
    return longest


@_jit
def _fit(first, tokens, labels, orders, rate, grams, weights):  # type: ignore[no-untyped-def]
    features = np.empty(grams * _longest(first), np.int64)
    found, mask = np.empty(weights.shape[1]), np.uint64(weights.shape[0] - 1)
    steps, step = orders.size, 0
    for epoch in range(orders.shape[0]):
        for document in orders[epoch]:
            count = _features(tokens[first[document] : first[document + 1]], grams, mask, features)
            _probabilities(features[:count], weights, found)
            found[labels[document]] -= 1.0
            found *= rate * (1 - step / steps) / np.sqrt(max(count, 1))
            for feature in features[:count]:
                for label in range(found.size):
                    weights[feature, label] -= found[label]
            step += 1


@_jit
def _predict(first, tokens, grams, weights, result):  # type: ignore[no-untyped-def]
    features, mask = np.empty(grams * _longest(first), np.int64), np.uint64(weights.shape[0] - 1)
    for document in range(result.shape[0]):
        count = _features(tokens[first[document] : first[document + 1]], grams, mask, features)
        _probabilities(features[:count], weights, result[document])


def fit(
    first: NDArray[np.int64], tokens: NDArray[np.uint64], labels: NDArray[np.int64], orders: NDArray[np.int64],
    *, classes: int, buckets: int, rate: float,
) -> Weights:  # fmt: skip
    """Weights after one epoch per row of `orders`, each a permutation of the documents; the rate falls to zero."""
    weights = np.zeros((buckets, classes), np.float32)
    _fit(first, tokens, labels, orders, rate, GRAMS, weights)
    return weights


def predict(first: NDArray[np.int64], tokens: NDArray[np.uint64], weights: Weights) -> NDArray[np.float64]:
    """The probability of each class for each document, shape (documents, classes)."""
    result = np.empty((len(first) - 1, weights.shape[1]))
    _predict(first, tokens, GRAMS, weights, result)
    return result
