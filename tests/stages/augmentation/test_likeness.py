"""Likeness: chrF as sacrebleu gives it, and phrases that follow themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from stages.augmentation.likeness import chrf, longest_loop

TEXTS = st.text(st.sampled_from("abc dé好天."), min_size=1, max_size=30).filter(str.strip)


@given(TEXTS, TEXTS)
def test_chrf_is_that_of_sacrebleu(one: str, other: str) -> None:
    """On any two texts, to 1e-9."""
    assert chrf(one, other) == pytest.approx(CHRF().sentence_score(one, [other]).score, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("", 0), ("a mill", 2), ("the mill by", 2), ("so so so much", 6), ("很好很好很好", 6),
        ("the mill, The Mill! the mill", 21), ("aaaa", 4),
    ],
)  # fmt: skip
def test_longest_loop_counts_the_letters_of_a_repeated_phrase(text: str, characters: int) -> None:
    """Case, spaces and punctuation do not hide a repetition; the whole stretch counts."""
    assert longest_loop(text) == characters


@given(st.text(st.sampled_from("ab"), max_size=12))
def test_longest_loop_is_the_longest_square_stretch(text: str) -> None:
    """Against the definition: the longest stretch with a period of at most half its length."""
    stretches = [text[i:j] for i in range(len(text)) for j in range(i + 2, len(text) + 1)]
    periodic = [len(part) for part in stretches for size in range(1, len(part) // 2 + 1) if part[size:] == part[:-size]]
    assert longest_loop(text) == max(periodic, default=0)
