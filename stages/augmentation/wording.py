"""Text -> words and the gaps between them, so that a changed text keeps the spacing and punctuation of the
rest.

Reads   jieba's dictionary, from the installed package alone. jieba's own loader reads a cache from the shared
        temporary folder, which anybody may write; it is not used.
A word is a run of letters, marks, digits and inner apostrophes; in Chinese what jieba cuts, minus
        punctuation.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

WORD = re.compile(r"\w+(?:['’]\w+)*")
SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’)]*(?=\s|$)|[!?。！？…]+[”’」』）]*|\n)\s*")
UNSUPPORTED = frozenset({"ja", "th", "lo", "km", "my", "bo"})  # written without spaces, and no dictionary here


@dataclass(frozen=True, slots=True)
class Wording:
    """gaps[0] words[0] gaps[1] ... words[-1] gaps[-1] is the text: there is one gap more than words."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text, exactly."""
        return "".join(itertools.chain.from_iterable(zip(self.gaps, (*self.words, ""), strict=True)))

    def without(self, places: set[int]) -> Wording:
        """The text without some words; of the two gaps around each only one white space stays."""
        words, gaps = [], [self.gaps[0]]
        for place, word in enumerate(self.words):
            if place in places:
                gaps[-1] = _joined(gaps[-1], self.gaps[place + 1])
            else:
                words.append(word)
                gaps.append(self.gaps[place + 1])
        return Wording(tuple(words), tuple(gaps))

    def with_words(self, changed: dict[int, str]) -> Wording:
        """The text with some words written otherwise."""
        return Wording(tuple(changed.get(place, word) for place, word in enumerate(self.words)), self.gaps)


def _joined(left: str, right: str) -> str:
    """The gap that is left where the word between two gaps vanished."""
    if right[:1].isspace() or right.strip():
        return left.rstrip() + right
    return left + right


@lru_cache(maxsize=16)  # several operators change the same text in turn
def split_words(text: str, language: str) -> Wording | None:
    """The wording of a text, None where the language has no word boundaries that are known here."""
    if language in UNSUPPORTED:
        return None
    spans = _chinese_spans(text) if language == "zh" else [match.span() for match in WORD.finditer(text)]
    bounds = [0, *itertools.chain.from_iterable(spans), len(text)]
    gaps = tuple(text[bounds[i] : bounds[i + 1]] for i in range(0, len(bounds), 2))
    return Wording(tuple(text[start:stop] for start, stop in spans), gaps)


def split_sentences(text: str) -> list[str]:
    """Sentences with the white space after them; joined they are the text."""
    bounds = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
    return [text[start:stop] for start, stop in itertools.pairwise(bounds) if start < stop]


def _chinese_spans(text: str) -> list[tuple[int, int]]:
    stops = list(itertools.accumulate(len(word) for word in _tokenizer().cut(text)))
    spans = zip([0, *stops], stops, strict=False)
    return [(start, stop) for start, stop in spans if WORD.fullmatch(text, start, stop)]


@cache
def _tokenizer() -> Any:
    """jieba's tokenizer with its own dictionary, loaded without any cache file (0.7 s)."""
    import jieba  # type: ignore[import-untyped]  # costs 0.2 s, and only Chinese needs it

    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as lines:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(lines)
    tokenizer.initialized = True
    return tokenizer


def spaced(language: str) -> bool:
    """Does the language put spaces between words?"""
    return language != "zh" and language not in UNSUPPORTED


def dictionary_lines() -> Sequence[str]:
    """jieba's dictionary: lines `word frequency tag`."""
    with _tokenizer().get_dict_file() as lines:
        return lines.read().decode("utf-8").splitlines()
