"""Sequence to sequence: batches, learning, and that a killed run ends with the same weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmentation.engines.seq2seq import Seq2Seq
from stages.model.networks.sequence_to_sequence import (
    NOTHING,
    Pairs,
    TranslatorShape,
    batch_members,
    epoch_batches,
    fit_translator,
    new_translator,
    paired,
    save_translator,
)
from stages.model.tokens.tokenizer import CLS_ID, PAD_ID, SEP_ID, token_ids, trained_tokenizer
from stages.model.training.loop import Training, made_deterministic
from stages.model.training.randomness import document_keys

WORDS = {"red": "红", "blue": "蓝", "big": "大", "small": "小", "house": "房", "river": "河"}
PHRASES = [f"{c} {s} {n}" for c in ("red", "blue") for s in ("big", "small") for n in ("house", "river")]


def pairs(lengths: list[tuple[int, int]], longest: int = 32) -> Pairs:
    lists = [([5] * source, [6] * target) for source, target in lengths]
    keys = document_keys([str(place) for place in range(len(lists))])
    return paired([source for source, _ in lists], [target for _, target in lists], keys, longest)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=30), st.integers(1, 200))
def test_every_pair_stands_in_one_batch_of_an_epoch(lengths: list[tuple[int, int]], positions: int) -> None:
    """No batch has more positions than asked, or one pair; padding is none of the loss."""
    given = pairs(lengths)
    members = batch_members(given, positions)
    assert sorted(place for batch in members for place in batch) == list(range(len(lengths)))
    batches = list(epoch_batches(given, positions, seed=1, epoch=0))
    assert sum(batch.tokens() for batch in batches) == sum(min(target, 31) + 1 for _, target in lengths)
    for batch in batches:
        assert len(batch.inputs) == 1 or max(batch.inputs.size, batch.targets.size) <= positions
        assert set(batch.inputs[:, 0]) == {CLS_ID} and not set(batch.targets.ravel()) - {6, SEP_ID, NOTHING}
        assert (batch.inputs != PAD_ID).sum(axis=1).min() >= 3


def test_epochs_have_the_same_batches_in_another_order() -> None:
    """The order is a function of seed and epoch."""
    given = pairs([(n, n) for n in range(1, 30)])
    one, other, again = ([batch.inputs.shape for batch in epoch_batches(given, 64, 1, epoch)] for epoch in (0, 1, 0))
    assert one == again != other and sorted(one) == sorted(other)


def test_a_new_network_tells_sources_apart() -> None:
    """Tokens weigh as much as places do; with the weights that transformers draws they weigh a quarter of it."""
    shape = TranslatorShape(layers=1, hidden=64, heads=2, feed_forward=64, longest=16, vocabulary=500, dropout=0.0)
    encoder = new_translator(shape, seed=1).get_encoder()
    tokens = encoder.embed_tokens.weight[1:] * encoder.embed_scale
    places = encoder.embed_positions.weight
    assert 0.9 < float(tokens.detach().square().mean().sqrt()) < 1.1 < 2 * float(places.square().mean().sqrt())


@pytest.fixture(scope="module")
def phrases() -> tuple[Pairs, object]:
    """Eight phrases and their translation, word by word in reverse order, with their tokenizer."""
    said = ["".join(WORDS[word] for word in reversed(phrase.split())) for phrase in PHRASES]
    tokenizer = trained_tokenizer([*PHRASES, *said] * 4, vocabulary=320, lowercase=True, alphabet=50, min_frequency=2)
    keys = document_keys(PHRASES)
    return paired(token_ids(tokenizer, PHRASES), token_ids(tokenizer, said), keys, 16), tokenizer


def trained(data: Pairs, vocabulary: int, steps: int, folder: Path | None = None, every: int = 0) -> object:
    made_deterministic(1)
    shape = TranslatorShape(
        layers=1, hidden=32, heads=2, feed_forward=64, longest=16, vocabulary=vocabulary, dropout=0.0
    )
    model = new_translator(shape, seed=1)
    how = Training(
        steps=steps, learning_rate=0.01, muon_learning_rate=0.0, optimiser="adamw", weight_decay=0.0, warmup=0.1,
        clip=1.0, seed=1, checkpoint_every=every,
    )  # fmt: skip
    fit_translator(model, data, 64, how, folder)
    return model


def test_it_learns_and_the_engine_of_back_translation_reads_it(phrases: tuple[Pairs, object], tmp_path: Path) -> None:
    """Eight phrases are learned by heart, saved, and translated from the folder alone."""
    data, tokenizer = phrases
    model = trained(data, tokenizer.get_vocab_size(), steps=150)  # type: ignore[attr-defined]
    save_translator(model, tokenizer, tmp_path)  # type: ignore[arg-type]
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert Seq2Seq(str(tmp_path)).translate(PHRASES[:3]) == ["房大红", "河大红", "房小红"]


def test_a_resumed_run_ends_with_the_same_weights(phrases: tuple[Pairs, object], tmp_path: Path) -> None:
    """Six steps at once, and four and then two from the checkpoint, give the same bytes."""
    data, tokenizer = phrases
    size = tokenizer.get_vocab_size()  # type: ignore[attr-defined]

    def digest(model: object) -> str:
        weights = model.state_dict().items()  # type: ignore[attr-defined]
        return hashlib.sha256(
            b"".join(np.ascontiguousarray(value.numpy()).tobytes() for _, value in weights)
        ).hexdigest()

    whole = digest(trained(data, size, 6, tmp_path / "whole", every=4))
    assert (tmp_path / "whole/step-000004").is_dir()
    assert digest(trained(data, size, 6, tmp_path / "whole", every=4)) == whole
    assert digest(trained(data, size, 6)) == whole
