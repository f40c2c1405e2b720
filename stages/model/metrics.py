"""Scores of predictions, with their uncertainty; labels are arrays of text, shares are 0..1.

Intervals: Wilson 1927 for one share; percentile bootstrap over documents for the difference of two systems.
"""

import math
from collections.abc import Sequence
from statistics import mean, stdev

import numpy as np
import numpy.typing as npt

Z95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval
Labels = npt.NDArray[np.str_]


def accuracy(labels: Labels, predicted: Labels) -> float:
    """Share of equal labels."""
    return float((labels == predicted).mean())


def confusion(labels: Labels, predicted: Labels, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Counts, [right class, predicted class], in the order of `classes`."""
    return np.array([[int(((labels == row) & (predicted == column)).sum()) for column in classes] for row in classes])


def macro_f1(labels: Labels, predicted: Labels) -> float:
    """Mean over the classes of the harmonic mean of precision and recall; 0 for a class never found."""
    classes = sorted(set(labels.tolist()) | set(predicted.tolist()))
    counts = confusion(labels, predicted, classes)
    total = counts.sum(0) + counts.sum(1)
    return float(np.mean(np.divide(2 * counts.diagonal(), total, out=np.zeros(len(classes)), where=total > 0)))


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share measured on `n` documents."""
    centre = share + Z95**2 / (2 * n)
    spread = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def bootstrap_difference(
    first: Sequence[npt.NDArray[np.bool_]], second: Sequence[npt.NDArray[np.bool_]], draws: int, seed: int
) -> tuple[float, float]:
    """95 % interval of mean(second) - mean(first), where each is a list (seeds) of right/wrong on the same documents.

    Documents are drawn with replacement, the same ones for both; seeds are averaged first.
    """
    gain = np.mean(np.stack(second), axis=0) - np.mean(np.stack(first), axis=0)
    chosen = np.random.default_rng(seed).integers(0, len(gain), (draws, len(gain)))
    low, high = np.percentile(gain[chosen].mean(1), [2.5, 97.5])
    return float(low), float(high)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; the deviation of one value is 0."""
    return mean(values), stdev(values) if len(values) > 1 else 0.0
