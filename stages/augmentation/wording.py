"""Text -> words and the gaps between them, so that a changed text keeps the spacing and punctuation of the
rest.

Reads   jieba's dictionary, from the installed package alone. jieba's own loader reads a cache from the shared
        temporary folder, which anybody may write; it is not used.
A word is a run of letters, marks, digits and inner apostrophes; in Chinese what jieba cuts, minus
        punctuation. What a labelled span touches is one word, which no operator changes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

WORD = re.compile(r"\w+(?:['’]\w+)*")
HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff]+")
SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’)]*(?=\s|$)|[!?。！？…]+[”’」』）]*|\n)\s*")
UNSUPPORTED = frozenset({"ja", "th", "lo", "km", "my", "bo"})  # written without spaces, and no dictionary here


Spans = tuple[tuple[int, int], ...]  # first character and the one after the last


@dataclass(frozen=True, slots=True)
class Original:
    """A text to change, its language (ISO 639-1), and the labelled spans of which no character may change."""

    text: str
    language: str
    spans: Spans = ()


class Kept(NamedTuple):
    """A word that holds labelled spans: its place among the words, and its first character in the original text."""

    place: int
    origin: int


@dataclass(frozen=True, slots=True)
class Wording:
    """gaps[0] words[0] gaps[1] ... words[-1] gaps[-1] is the text: there is one gap more than words."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    kept: tuple[Kept, ...] = ()

    @classmethod
    def cut(cls, text: str, words: Sequence[tuple[int, int]]) -> Wording:
        """The wording of a text whose words are (first character, the one after the last), in order."""
        bounds = [0, *itertools.chain.from_iterable(words), len(text)]
        gaps = tuple(text[bounds[i] : bounds[i + 1]] for i in range(0, len(bounds), 2))
        return cls(tuple(text[start:stop] for start, stop in words), gaps)

    @property
    def text(self) -> str:
        """The text, exactly."""
        return "".join(itertools.chain.from_iterable(zip(self.gaps, (*self.words, ""), strict=True)))

    def bounds(self) -> list[tuple[int, int]]:
        """First character of each word, and the one after its last."""
        pairs = itertools.chain.from_iterable(zip(self.gaps, self.words, strict=False))
        ends = list(itertools.accumulate(map(len, pairs)))
        return list(zip(ends[0::2], ends[1::2], strict=True))

    def keeping(self, spans: Spans) -> Wording:
        """The same text, in which what a span touches, to the ends of its words, is one word that is kept."""
        words = self.bounds()
        stretches: list[tuple[int, int]] = []
        for start, stop in sorted(_whole_words(span, words) for span in spans):
            if stretches and start < stretches[-1][1]:
                start, stop = stretches[-1][0], max(stop, stretches.pop()[1])
            stretches.append((start, stop))
        free = [word for word in words if not any(word[0] < stop and start < word[1] for start, stop in stretches)]
        places = sorted([*free, *stretches])
        kept = tuple(Kept(places.index(stretch), stretch[0]) for stretch in stretches)
        return replace(Wording.cut(self.text, places), kept=kept)

    def without(self, places: set[int]) -> Wording:
        """The text without some words; of the two gaps around each only one white space stays."""
        words, gaps = [], [self.gaps[0]]
        for place, word in enumerate(self.words):
            if place in places:
                gaps[-1] = _joined(gaps[-1], self.gaps[place + 1])
            else:
                words.append(word)
                gaps.append(self.gaps[place + 1])
        kept = tuple(Kept(at - sum(gone < at for gone in places), origin) for at, origin in self.kept)
        return Wording(tuple(words), tuple(gaps), kept)

    def with_words(self, changed: dict[int, str]) -> Wording:
        """The text with some words written otherwise."""
        return replace(self, words=tuple(changed.get(place, word) for place, word in enumerate(self.words)))

    def stripped(self) -> Wording:
        """The text without white space at its ends, but for that of a kept word."""
        words, gaps = list(self.words), list(self.gaps)
        gaps[0], gaps[-1] = gaps[0].lstrip(), gaps[-1].rstrip()
        kept = {place for place, _ in self.kept}
        if words and not gaps[0] and 0 not in kept:
            words[0] = words[0].lstrip()
        if words and not gaps[-1] and len(words) - 1 not in kept:
            words[-1] = words[-1].rstrip()
        return replace(self, words=tuple(words), gaps=tuple(gaps))


def _whole_words(span: tuple[int, int], words: list[tuple[int, int]]) -> tuple[int, int]:
    """The span, and the rest of the words at its ends."""
    touched = [word for word in words if word[0] < span[1] and span[0] < word[1]]
    return min([span[0], *(word[0] for word in touched)]), max([span[1], *(word[1] for word in touched)])


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
    return Wording.cut(
        text, _chinese_words(text) if language == "zh" else [found.span() for found in WORD.finditer(text)]
    )


def split_sentences(text: str) -> Wording:
    """The wording whose words are the sentences, each with the white space after it, so that all gaps are empty."""
    bounds = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
    return Wording.cut(text, [(start, stop) for start, stop in itertools.pairwise(bounds) if start < stop])


def _chinese_words(text: str) -> list[tuple[int, int]]:
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


def in_dictionary(word: str) -> bool:
    """Is it a word of jieba's dictionary?"""
    return bool(_tokenizer().FREQ.get(word))
