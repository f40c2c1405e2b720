"""Tokens with their places in the text: for labels that name stretches of it.

Every Chinese character is a token of its own here, for the edges of names stand inside of the tokens that suit
pretraining ("我在北京" is one). Places leave out the white space that a token begins with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, pre_tokenizers

from stages.model.training.batches import Ints

_CHARACTERS = Regex(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def by_character(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer, cutting characters of scripts without spaces apart; the one handed in is changed."""
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_CHARACTERS, "isolated"), tokenizer.pre_tokenizer]
    )
    tokenizer.encode_special_tokens = True
    return tokenizer


def placed(tokenizer: Tokenizer, texts: Sequence[str]) -> list[tuple[Ints, Ints]]:
    """(token ids [n], [start, stop) of each in characters [n, 2]) of each text; tokens of white space alone are out."""
    found = []
    for text, encoded in zip(texts, tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True):
        offsets = [(start + _blank(text[start:stop]), stop) for start, stop in encoded.offsets]
        kept = [(token, *place) for token, place in zip(encoded.ids, offsets, strict=True) if place[0] < place[1]]
        rows = np.array(kept, dtype=np.int64).reshape(len(kept), 3)
        found.append((rows[:, 0], rows[:, 1:]))
    return found


def _blank(piece: str) -> int:
    """Characters of white space at the beginning."""
    return len(piece) - len(piece.lstrip())


def tokens_of(places: Ints, start: int, stop: int) -> tuple[int, int]:
    """[first, last) of the tokens that share a character with [start, stop); empty where none does."""
    inside = np.flatnonzero((places[:, 0] < stop) & (places[:, 1] > start))
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)
