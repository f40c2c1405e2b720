"""Proposals: which words a masked language model may put in the place of another.

A question is one word of a text. Its answers are single tokens of the model's vocabulary that are words: of the same
script, in Chinese of the same length and in jieba's dictionary; never a function word, a negation, a number or the word
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.augmentation.perturb import with_capitals
from stages.augmentation.synonyms import is_content_word
from stages.augmentation.wording import HAN, in_dictionary, spaced
from stages.model.tokens.tokenizer import SPACE

DECIMALS = 3  # of a score that is compared
NUMBERS = frozenset((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "dozen",
    "hundred", "thousand", "million", "billion", "first", "second", "third", "half", "once", "twice", "double",
))  # fmt: skip


class Question(NamedTuple):
    """One word: the draft it is in, its number there, the text, its first character and the one after its last."""

    draft: str
    place: int
    text: str
    start: int
    stop: int
    language: str

    @property
    def word(self) -> str:
        """The word that is asked about."""
        return self.text[self.start : self.stop]

    @property
    def spaced(self) -> bool:
        """Is a space part of the token that would stand for the word?"""
        return self.text[: self.start].endswith(" ")


def is_replaceable(word: str, language: str) -> bool:
    """Is a word, in lower case, one to replace or to be proposed: a content word that says no number?"""
    return is_content_word(word, language) and word not in NUMBERS and not any(char.isnumeric() for char in word)


def answers(vocabulary: Sequence[str], question: Question) -> NDArray[np.int64]:
    """Ids of the tokens that may be an answer, whichever the word is; the same for all words of one `kind`."""
    return np.array([token for token, word in enumerate(vocabulary) if _fits(word, question)], np.int64)


def kind(question: Question) -> tuple[str, bool, int]:
    """What of a question decides the tokens that may answer it."""
    return question.language, question.spaced, 0 if spaced(question.language) else len(question.word)


def _fits(token: str, question: Question) -> bool:
    word = token.removeprefix(SPACE)
    if token.startswith(SPACE) != question.spaced or not is_replaceable(word, question.language):
        return False
    if spaced(question.language):
        return not HAN.search(word)
    return len(word) == len(question.word) and bool(HAN.fullmatch(word)) and in_dictionary(word)


def best(
    scores: NDArray[np.float32], allowed: NDArray[np.int64], vocabulary: Sequence[str], word: str, top: int
) -> list[str]:
    """The `top` words of highest score, with the capitals of the word they stand for; ties by token.

    `scores` [vocabulary] are rounded, so that the last bits of a sum decide nothing.
    """
    order = np.lexsort((allowed, -np.round(scores[allowed], DECIMALS)))
    found = (vocabulary[token].removeprefix(SPACE) for token in allowed[order[: top + 1]])
    return [with_capitals(other, word) for other in found if other.lower() != word.lower()][:top]
