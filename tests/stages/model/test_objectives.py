"""Objectives: pairs, next tokens and masked tokens as batches, each a pure function of (seed, epoch, document)."""

from collections import Counter
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from stages.model.pretraining.objectives import IS_RANDOM, Recipe, cut, epoch_batches, pair_labels
from stages.model.tokens.tokenizer import SEP_ID
from stages.model.training.batches import Batch, Documents, documents
from stages.model.training.exposure import ranges, times_seen
from stages.model.training.randomness import document_keys

RECIPE = Recipe(objective="mlm", width=64, rows=8, mask_rate=0.3, seed=1, vocabulary=5000)


def corpus(count: int, longest: int = 150) -> Documents:
    """Documents of 2 to `longest` tokens; no token stands in two documents at the same place."""
    rng = np.random.default_rng(0)
    ids = [f"document {number}" for number in range(count)]
    return documents(ids, [rng.integers(300, 5000, rng.integers(2, longest)) for _ in ids], document_keys(ids))


def batches(found: Documents, recipe: Recipe, epoch: int = 0) -> list[Batch]:
    """All batches of an epoch."""
    return list(epoch_batches(cut(found, recipe), recipe, epoch))


def test_every_token_of_every_document_is_seen_once_an_epoch() -> None:
    """Long documents are cut in pieces, and the pieces add up to the documents."""
    found = corpus(60)
    seen = [
        token
        for batch in batches(found, replace(RECIPE, objective="clm"))
        for token in batch.inputs[batch.inputs > 3].tolist()
    ]
    assert sorted(seen) == sorted(found.tokens.tolist())


def test_half_of_the_second_segments_are_replaced() -> None:
    """The coin is fair over documents, the same each time, and tossed anew each epoch."""
    keys = document_keys([str(number) for number in range(4000)])
    labels = pair_labels(keys, 1, 0)
    assert abs(labels.mean() - 0.5) < 0.03
    assert np.array_equal(labels, pair_labels(keys, 1, 0))
    assert abs((labels == pair_labels(keys, 1, 1)).mean() - 0.5) < 0.03


def test_a_pair_is_a_document_or_two() -> None:
    """A true pair is one document with a separator in it; the second half of a random pair is from elsewhere."""
    recipe = replace(RECIPE, objective="mlm+nsp", mask_rate=1e-9)
    found = corpus(200, longest=40)
    own = {tuple(part.tolist()) for part in np.split(found.tokens, found.offsets[1:-1])}
    counted = [0, 0]
    for batch in batches(found, recipe):
        for number, label in enumerate(batch.labels.tolist(), start=1):
            tokens = batch.inputs[batch.owners == number]
            joined = tuple(tokens[1:][tokens[1:] != SEP_ID].tolist())
            counted[label] += 1
            assert (joined in own) == (label != IS_RANDOM)
            assert batch.types[batch.owners == number].tolist() == sorted(batch.types[batch.owners == number])
    assert min(counted) > 60


def test_next_tokens_never_cross_documents() -> None:
    """The last token of a document predicts nothing."""
    for batch in batches(corpus(40), replace(RECIPE, objective="clm")):
        owners, flat = batch.owners.ravel(), batch.inputs.ravel()
        assert (owners[batch.guesses] == owners[batch.guesses + 1]).all()
        assert (batch.targets == flat[batch.guesses + 1]).all()


def test_positions_restart_in_each_document_and_batches_repeat() -> None:
    """An epoch is the same each time; another epoch has another order and other masks."""
    found = corpus(40)
    first, again, later = batches(found, RECIPE), batches(found, RECIPE), batches(found, RECIPE, 1)
    assert all(np.array_equal(a.inputs, b.inputs) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].inputs, later[0].inputs)
    assert (first[0].positions.ravel()[first[0].first] == 0).all()


@pytest.mark.parametrize("objective", ["mlm", "mlm+nsp"])
@pytest.mark.parametrize("steps", [0, 3, 26, 47])
def test_how_often_a_document_was_seen_follows_from_the_recipe(objective: str, steps: int) -> None:
    """The count from the batches themselves: epochs with a token of the document in a batch before the last step."""
    recipe = replace(RECIPE, objective=objective, width=32)
    found = corpus(50)
    parts = cut(found, recipe)
    expected = Counter[int]()
    left = steps
    for epoch in count():
        seen: set[int] = set()
        for batch in epoch_batches(parts, recipe, epoch):
            if not left:
                break
            seen |= set(batch.keys[batch.owners.ravel() > 0].tolist())
            left -= 1
        expected.update(seen)
        if not left:
            break
    times = times_seen(found, recipe, steps)
    assert times.tolist() == [expected[int(key)] for key in found.keys]
    assert [number for first, last, number in ranges(times) for _ in range(first, last + 1)] == times.tolist()
