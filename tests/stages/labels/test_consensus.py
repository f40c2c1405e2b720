"""Consensus: majority with ties, and Dawid-Skene against the tables of its paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.consensus import Ballots, dawid_skene_belief, error_rates, majority, per_mille, weighed

# Dawid and Skene (1979), table 1: 45 patients; the first observer judged each three times, four others once.
PATIENTS = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1221211 3333433 2222223 2322223 4444444 2223343 1111111 2223212 "
    "1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111 "
    "1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 "
    "2322222 1211111 2222222"
)
OBSERVERS = (0, 0, 0, 1, 2, 3, 4)
VOTES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), max_size=40)


def ballots(votes: list[tuple[int, int, int]], items: int, annotators: int, labels: int) -> Ballots:
    """Ballots of (item, annotator, label) triples."""
    item, annotator, label = np.array(votes, np.int64).reshape(-1, 3).T
    return Ballots(item=item, annotator=annotator, label=label, items=items, annotators=annotators, labels=labels)


def patients() -> Ballots:
    """The paper's table as ballots."""
    votes = [
        (patient, observer, int(grade) - 1)
        for patient, grades in enumerate(PATIENTS.split())
        for observer, grade in zip(OBSERVERS, grades, strict=True)
    ]
    return ballots(votes, len(PATIENTS.split()), 5, 4)


def test_dawid_skene_gives_the_class_shares_of_the_paper() -> None:
    """Table 2: the four grades have the shares 0.40, 0.42, 0.11 and 0.07."""
    shares = dawid_skene_belief(patients(), 45).mean(axis=0)
    assert shares.tolist() == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.006)


def test_dawid_skene_gives_the_error_rates_of_the_paper() -> None:
    """Table 3: the confusion matrix of observer 1."""
    rates = error_rates(patients(), dawid_skene_belief(patients(), 45))[0]
    published = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert rates.tolist() == [pytest.approx(row, abs=0.011) for row in published]


def test_dawid_skene_overrules_a_majority_of_bad_annotators() -> None:
    """Two annotators who answer by the clock do not outvote one who agrees with the other good ones."""
    truth = [item % 2 for item in range(40)]
    votes = [(item, who, truth[item]) for item in range(40) for who in range(3) if (item, who) != (7, 0)]
    votes += [(item, who, (item // 2) % 2) for item in range(40) for who in (3, 4)]
    decided = weighed(ballots([vote for vote in votes if vote[:2] not in ((7, 1),)], 40, 5, 2), 20)
    assert decided.label.tolist() == truth


@pytest.mark.parametrize(
    ("votes", "label", "confidence", "tied", "distinct"),
    [
        ([1], 1, 1000, False, 1), ([0, 1], 0, 500, True, 2), ([2, 1, 1], 1, 667, False, 2),
        ([0, 1, 2], 0, 333, True, 3), ([], -1, 0, False, 0),
    ],
)  # fmt: skip
def test_majority(votes: list[int], label: int, confidence: int, tied: bool, distinct: int) -> None:
    """The most frequent label wins, its share is the confidence, and a tie is marked."""
    decided = majority(ballots([(0, who, vote) for who, vote in enumerate(votes)], 1, 3, 3))
    found = (decided.label[0], decided.confidence[0], decided.tied[0], decided.distinct[0])
    assert found == (label, confidence, tied, distinct)


@settings(deadline=None)
@given(VOTES, st.randoms(use_true_random=False), st.sampled_from(["majority", "dawid_skene"]))
def test_the_order_of_votes_does_not_matter(votes: list[tuple[int, int, int]], random: object, rule: str) -> None:
    """Shuffled votes give the same decision, to the last bit of the stored numbers."""
    shuffled = list(votes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    pair = [ballots(order, 6, 4, 3) for order in (votes, shuffled)]
    first, second = (majority(one) if rule == "majority" else weighed(one, 10) for one in pair)
    for name in ("label", "confidence", "votes", "tied", "distinct"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


@settings(deadline=None)
@given(VOTES)
def test_items_without_votes_get_no_label(votes: list[tuple[int, int, int]]) -> None:
    """Both rules give -1 and no confidence exactly where nobody voted."""
    given_votes = {item for item, _, _ in votes}
    for decided in (majority(ballots(votes, 7, 4, 3)), weighed(ballots(votes, 7, 4, 3), 5)):
        assert {item for item in range(7) if decided.label[item] >= 0} == given_votes
        assert all((decided.confidence[item] > 0) == (item in given_votes) for item in range(7))


def test_per_mille_rounds_half_up() -> None:
    """1/3 is 333, 2/3 is 667, 1/16 is 63, and nothing of nothing is 0."""
    assert per_mille(np.array([1, 2, 1, 0]), np.array([3, 3, 16, 0])).tolist() == [333, 667, 63, 0]


def test_estimates_are_equal_to_the_last_bit_for_any_order_of_votes() -> None:
    """The sums of the estimation run in one order, whatever order the votes came in."""
    votes = patients()
    backwards = votes.where(np.arange(len(votes.item))[::-1])
    assert np.array_equal(dawid_skene_belief(votes, 10), dawid_skene_belief(backwards, 10))


def functions_on(items: int, seed: int) -> tuple[np.ndarray, Ballots]:
    """The truth of some items, 0 or 1, and what six functions of known accuracy and coverage say of them."""
    draws = np.random.default_rng(seed)
    truth = (draws.random(items) < 0.4).astype(np.int64)
    said = np.full((items, 6), -1)
    for place, (accuracy, coverage) in enumerate([(0.9, 0.5), (0.8, 0.6), (0.7, 0.9), (0.6, 0.9), (0.85, 0.3)]):
        right = draws.random(items) < accuracy
        said[:, place] = np.where(draws.random(items) < coverage, np.where(right, truth, 1 - truth), -1)
    said[:, 5] = np.where((truth == 1) & (draws.random(items) < 0.7), 1, -1)  # never wrong, and telling when silent
    item, function = np.nonzero(said >= 0)
    return truth, ballots(list(zip(item, function, said[item, function], strict=True)), items, 6, 2)


def test_the_label_model_finds_the_accuracies_that_snorkel_finds() -> None:
    """The same within three points on the same votes; our labels, which know of silence, are right more often."""
    from snorkel.labeling.model import LabelModel  # here, for it imports torch and pandas

    truth, votes = functions_on(4000, seed=1)
    matrix = np.full((votes.items, votes.annotators), -1)
    matrix[votes.item, votes.annotator] = votes.label
    published = LabelModel(cardinality=2, verbose=False)
    published.fit(matrix, n_epochs=1000, seed=1, class_balance=[0.6, 0.4], progress_bar=False)
    votes = votes.with_silence()
    rates = error_rates(votes, dawid_skene_belief(votes, 50, [0.6, 0.4]))
    spoken = rates[:, :, :2] / rates[:, :, :2].sum(axis=2, keepdims=True)
    ours = [float(one[0, 0] * 0.6 + one[1, 1] * 0.4) for one in spoken[:5]]
    assert ours == pytest.approx(published.get_weights()[:5], abs=0.03)
    heard = (matrix >= 0).any(axis=1)
    labels = weighed(votes, 50, [0.6, 0.4]).label
    assert (labels == truth)[heard].mean() > (published.predict(matrix) == truth)[heard].mean()


def test_the_label_model_learns_from_silence() -> None:
    """A function that finds praise wherever there is any: its silence speaks against praise."""
    truth, votes = functions_on(4000, seed=2)
    heard = np.bincount(votes.item, minlength=votes.items) > 0
    right = [(weighed(one, 30).label == truth)[heard].mean() for one in (votes, votes.with_silence())]
    assert right[1] > right[0] + 0.02
    assert (weighed(votes.with_silence(), 30).votes == majority(votes).votes).all()
