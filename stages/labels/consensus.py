"""Consensus: one label out of several votes on the same text, with its confidence.

Votes arrive as three aligned integer arrays (item, annotator, label). Majority counts them; Dawid-Skene weighs
annotators by an estimated confusion matrix; the label model does the same for functions, and learns from their silence
too: a function that looks for praise and finds none has said something. All give the same answer for any order of the
votes: counts are whole numbers, and the expectation-maximisation sorts the votes before it sums.

Source: A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM
algorithm", Applied Statistics 28 (1979), equations 2.3 to 2.5. The label model is the class-conditional one of
A. Ratner et al., "Training complex models with multi-task weak supervision", AAAI 2019, for functions that are
independent given the truth, fitted by the same EM.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

SMOOTHING = 0.01  # votes added to every cell of a confusion matrix, so that no estimate is exactly 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Votes on `items` items: aligned int64 arrays, one element per vote, and the sizes of the three ranges.

    With `silence`, the code `labels` stands for an annotator who saw the item and said nothing.
    """

    item: np.ndarray
    annotator: np.ndarray
    label: np.ndarray
    items: int
    annotators: int
    labels: int
    silence: bool = False

    @property
    def answers(self) -> int:
        """How many different things an annotator can say, silence included where it counts."""
        return self.labels + self.silence

    def where(self, mask: np.ndarray) -> "Ballots":
        """The votes that a boolean mask keeps; the ranges stay as they are."""
        return replace(self, item=self.item[mask], annotator=self.annotator[mask], label=self.label[mask])

    def with_silence(self) -> "Ballots":
        """The same votes, and silence from every voter on every item that has a vote but none of his."""
        items, voters = np.unique(self.item), np.unique(self.annotator)
        heard = np.zeros((len(items), len(voters)), bool)
        heard[np.searchsorted(items, self.item), np.searchsorted(voters, self.annotator)] = True
        item, annotator = np.nonzero(~heard)
        return replace(
            self,
            item=np.concatenate([self.item, items[item]]),
            annotator=np.concatenate([self.annotator, voters[annotator]]),
            label=np.concatenate([self.label, np.full(len(item), self.labels)]),
            silence=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Per item: the winning label (-1 without a vote), its confidence per mille, votes, and two marks.

    `tied`: another label stands exactly as high. `distinct`: how many different labels were given.
    """

    label: np.ndarray
    confidence: np.ndarray
    votes: np.ndarray
    tied: np.ndarray
    distinct: np.ndarray


def per_mille(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole in thousandths, rounded half up; 0 where whole is 0."""
    return (2000 * part + whole) // np.maximum(2 * whole, 1)


def majority(ballots: Ballots) -> Decision:
    """The most frequent label of each item; of tied labels the lowest code, marked as tied.

    Works on the (item, label) pairs that occur, so the label range may be as large as the number of votes.
    """
    keys, counts = np.unique(ballots.item * ballots.labels + ballots.label, return_counts=True)
    item, label = np.divmod(keys, ballots.labels)
    order = np.lexsort((label, -counts, item))
    item, label, counts = item[order], label[order], counts[order]
    first = np.flatnonzero(np.diff(item, prepend=-1))
    winner = np.full(ballots.items, -1, np.int64)
    top = np.zeros(ballots.items, np.int64)
    winner[item[first]], top[item[first]] = label[first], counts[first]
    votes = np.bincount(ballots.item, minlength=ballots.items)
    leaders = np.bincount(item[counts == top[item]], minlength=ballots.items)
    distinct = np.bincount(item, minlength=ballots.items)
    return Decision(label=winner, confidence=per_mille(top, votes), votes=votes, tied=leaders > 1, distinct=distinct)


def vote_shares(ballots: Ballots) -> np.ndarray:
    """Share of votes per item and label: float64 of shape (items, labels), rows sum to 1 or are all 0."""
    ballots = ballots.where(ballots.label < ballots.labels)
    cells = np.bincount(ballots.item * ballots.labels + ballots.label, minlength=ballots.items * ballots.labels)
    counts = cells.reshape(ballots.items, ballots.labels)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def error_rates(ballots: Ballots, belief: np.ndarray) -> np.ndarray:
    """Estimated P(annotator says j | the truth is t): shape (annotators, labels t, answers j)."""
    said = ballots.annotator * ballots.answers + ballots.label
    cells = ballots.annotators * ballots.answers
    sums = [np.bincount(said, weights=belief[ballots.item, truth], minlength=cells) for truth in range(ballots.labels)]
    weighed = np.stack(sums).reshape(ballots.labels, ballots.annotators, ballots.answers).transpose(1, 0, 2)
    rates = weighed + SMOOTHING
    return rates / rates.sum(axis=2, keepdims=True)


def updated_belief(ballots: Ballots, rates: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """P(truth | votes) for every item that has votes, from error rates and class shares; zeros elsewhere."""
    evidence = np.log(rates)[ballots.annotator, :, ballots.label]
    scores = np.stack(
        [
            np.bincount(ballots.item, weights=evidence[:, truth], minlength=ballots.items)
            for truth in range(ballots.labels)
        ],
        axis=1,
        dtype=np.float64,  # numpy counts no votes in whole numbers, even with weights
    )
    scores += np.log(np.maximum(prior, np.finfo(np.float64).tiny))
    belief = np.exp(scores - scores.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    belief[np.bincount(ballots.item, minlength=ballots.items) == 0] = 0.0
    return belief


def dawid_skene_belief(ballots: Ballots, iterations: int, balance: Sequence[float] | None = None) -> np.ndarray:
    """P(truth is t) per item: float64 of shape (items, labels) after a fixed number of EM iterations.

    `balance` is the share of each label where it is known; otherwise it is estimated too.
    """
    order = np.lexsort((ballots.label, ballots.annotator, ballots.item))
    ballots = ballots.where(order)
    belief = vote_shares(ballots)
    for _ in range(iterations):
        prior = np.array(balance) if balance else belief.sum(axis=0) / max(belief.sum(), 1.0)
        belief = updated_belief(ballots, error_rates(ballots, belief), prior)
    return belief


def weighed(ballots: Ballots, iterations: int, balance: Sequence[float] | None = None) -> Decision:
    """The most probable label of each item by Dawid-Skene or, with silence, by the label model, and its probability.

    Probabilities are compared in whole thousandths, so two labels that agree to that are a tie.
    """
    counted = majority(ballots.where(ballots.label < ballots.labels))
    belief = np.rint(dawid_skene_belief(ballots, iterations, balance) * 1000).astype(np.int64)
    top = belief.max(axis=1, initial=0)
    return Decision(
        label=np.where(counted.votes > 0, belief.argmax(axis=1), -1),
        confidence=top,
        votes=counted.votes,
        tied=(counted.votes > 0) & ((belief == top[:, None]).sum(axis=1) > 1),
        distinct=counted.distinct,
    )
