"""Masks: a pure function of (seed, epoch, document, position), in BERT's proportions."""

import numpy as np

from stages.model.pretraining.masking import Masked, masked_tokens
from stages.model.training.randomness import document_keys

VOCABULARY, MASK, FIRST = 1000, 3, 4


def masked(tokens: np.ndarray, name: str, *, seed: int = 1, epoch: int = 0, start: int = 0) -> Masked:
    """The mask of one document."""
    keys = np.repeat(document_keys([name]), len(tokens))
    return masked_tokens(
        tokens, keys, np.arange(len(tokens)) + start, rate=0.3, seed=seed, epoch=epoch, mask_id=MASK,
        first_word=FIRST, vocabulary=VOCABULARY,
    )  # fmt: skip


TOKENS = np.random.default_rng(0).integers(FIRST, VOCABULARY, 20_000)


def test_the_same_document_gets_the_same_mask_wherever_it_stands() -> None:
    """A document packed after another one is masked as if it were alone."""
    both = np.concatenate([TOKENS[:50], TOKENS[100:180]])
    keys = np.repeat(document_keys(["a", "b"]), [50, 80])
    places = np.concatenate([np.arange(50), np.arange(80)])
    together = masked_tokens(
        both, keys, places, rate=0.3, seed=1, epoch=0, mask_id=MASK, first_word=FIRST, vocabulary=VOCABULARY
    )
    assert together.inputs[50:].tolist() == masked(TOKENS[100:180], "b").inputs.tolist()


def test_seed_epoch_and_document_each_change_the_mask() -> None:
    """Equal arguments give equal masks, and any other seed, epoch or document another one."""
    base = masked(TOKENS, "a")
    assert np.array_equal(base.inputs, masked(TOKENS, "a").inputs)
    for other in (masked(TOKENS, "a", seed=2), masked(TOKENS, "a", epoch=1), masked(TOKENS, "b")):
        assert not np.array_equal(base.positions, other.positions)


def test_proportions_are_those_of_bert() -> None:
    """30 % of the tokens are chosen; 80 % of them masked, 10 % replaced, 10 % left."""
    found = masked(TOKENS, "a")
    chosen = found.inputs[found.positions]
    assert abs(len(found.positions) / len(TOKENS) - 0.3) < 0.01
    assert abs((chosen == MASK).mean() - 0.8) < 0.02
    assert abs((chosen == found.targets).mean() - 0.1) < 0.02


def test_separators_are_never_masked_and_never_drawn() -> None:
    """Special tokens stay, and no random replacement is one."""
    tokens = np.tile(np.array([1, 500, 2, 0]), 500)
    found = masked(tokens, "a")
    assert set(tokens[found.positions].tolist()) == {500}
    assert (found.inputs[found.positions] >= MASK).all()
