"""Copies of a text with a few words changed: easy data augmentation (Wei and Zou 2019, arXiv 1901.11196), and typing
errors (Belinkov and Bisk 2018, arXiv 1711.02173: swapped and neighbouring keys).

An operator takes a text, its language, draws, alpha (share of the words, or sentences, that it changes) and a
lexicon, and gives the changed text, or None where it can do nothing. Negations, and the word after each, are
never removed, moved or replaced: they would turn the label around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from stages.augmentation.draws import Draws
from stages.augmentation.negation import negations
from stages.augmentation.wording import Wording, spaced, split_sentences, split_words

Lexicon = Mapping[str, tuple[str, ...]]
Perturbation = Callable[[str, str, Draws, float, Lexicon], str | None]

MIN_WORDS = 4  # in a text; with fewer, a change of one word changes the meaning
MIN_SENTENCES = 3  # in a text that loses some
MIN_MISTYPED = {True: 4, False: 2}  # characters of a word with a typing error, with and without spaces between words
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # rows of keys; the first character of a word is never touched


def replace_synonyms(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Some words become synonyms; only words that the lexicon knows are counted as changeable."""
    wording = _wording(text, language)
    if wording is None:
        return None
    known = [place for place in _free(wording, language) if wording.words[place].lower() in lexicon]
    changed = {
        place: _synonym(wording.words[place], draws, lexicon) for place in draws.sample(known, _count(wording, alpha))
    }
    return _agreed(wording.with_words(changed).text, set(changed.values())) if changed else None


def insert_synonyms(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Synonyms of some words are put in front of some words, each word giving one at most."""
    wording = _wording(text, language)
    if wording is None:
        return None
    free = _free(wording, language)
    known = [place for place in free if wording.words[place].lower() in lexicon]
    if not known:
        return None
    space = " " if spaced(language) else ""
    count = min(_count(wording, alpha), len(known))
    added = [_synonym(wording.words[place].lower(), draws, lexicon) for place in draws.sample(known, count)]
    places = draws.sample(free, count)
    changed = {place: word + space + wording.words[place] for place, word in zip(places, added, strict=True)}
    return wording.with_words(changed).text


def delete_words(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Some words vanish."""
    wording = _wording(text, language)
    places = set(draws.sample(_free(wording, language), _count(wording, alpha))) if wording else set()
    return wording.without(places).text.strip() if wording and places else None


def swap_words(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Some pairs of words change places."""
    wording = _wording(text, language)
    free = _free(wording, language) if wording else ()
    if wording is None or len(free) < 2:
        return None
    words = list(wording.words)
    for _ in range(_count(wording, alpha)):
        one, other = draws.sample(free, 2)
        words[one], words[other] = words[other], words[one]
    return replace(wording, words=tuple(words)).text


def delete_sentences(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Some sentences without a negation vanish, never the whole text."""
    sentences = split_sentences(text)
    free = [place for place, sentence in enumerate(sentences) if sentence.strip() and not negations(sentence, language)]
    if len(sentences) < MIN_SENTENCES or not free:
        return None
    gone = set(draws.sample(free, max(1, round(alpha * len(sentences)))))
    return "".join(sentence for place, sentence in enumerate(sentences) if place not in gone).strip()


def mistype(text: str, language: str, draws: Draws, alpha: float, lexicon: Lexicon) -> str | None:
    """Some words get one typing error each: two characters swapped, one lost, one doubled, or a neighbouring key."""
    wording = _wording(text, language)
    if wording is None:
        return None
    long = [place for place in _free(wording, language) if len(wording.words[place]) >= MIN_MISTYPED[spaced(language)]]
    changed = {place: _mistyped(wording.words[place], draws) for place in draws.sample(long, _count(wording, alpha))}
    return wording.with_words(changed).text if changed else None


PERTURBATIONS: dict[str, Perturbation] = {
    "synonym": replace_synonyms,
    "insert": insert_synonyms,
    "delete_words": delete_words,
    "swap": swap_words,
    "delete_sentences": delete_sentences,
    "typos": mistype,
}


def _wording(text: str, language: str) -> Wording | None:
    """The wording of a text that is long enough to be changed."""
    wording = split_words(text, language)
    return wording if wording and len(wording.words) >= MIN_WORDS else None


def _count(wording: Wording, alpha: float) -> int:
    """How many words to change: EDA's max(1, alpha * words)."""
    return max(1, round(alpha * len(wording.words)))


@lru_cache(maxsize=16)  # as in `split_words`
def _free(wording: Wording, language: str) -> tuple[int, ...]:
    """Places of the words that may be touched: no negation, nor the word after one."""
    negated = [bool(negations(word, language)) for word in wording.words]
    after = [False, *negated[:-1]]
    return tuple(place for place in range(len(negated)) if not negated[place] and not after[place])


def _synonym(word: str, draws: Draws, lexicon: Lexicon) -> str:
    """One of the synonyms, written with the capitals of the word."""
    choices = lexicon[word.lower()]
    chosen = choices[draws.below(len(choices))]
    if word.isupper() and len(word) > 1:
        return chosen.upper()
    return chosen.capitalize() if word[:1].isupper() else chosen


def _mistyped(word: str, draws: Draws) -> str:
    """The word with one error behind its first character; a word of two, as in Chinese, may be turned round."""
    place = 1 + draws.below(len(word) - 1)
    before, char, after = word[:place], word[place], word[place + 1 :]
    near = _neighbours(char)
    match draws.below(4):
        case 0 if len(word) == 2 and char != before:
            return char + before
        case 0 if after and char != after[0]:
            return before + after[0] + char + after[1:]
        case 1 if len(word) >= MIN_MISTYPED[True]:
            return before + after
        case 2 if near:
            return before + near[draws.below(len(near))] + after
    return before + char + char + after


def _neighbours(char: str) -> str:
    """The keys beside a letter in its row, in its case; nothing for what is not on the keyboard."""
    for row in KEYBOARD:
        at = row.find(char.lower())
        if at >= 0:
            found = row[max(at - 1, 0) : at] + row[at + 1 : at + 2]
            return found.upper() if char.isupper() else found
    return ""


def _agreed(text: str, changed: set[str]) -> str:
    """`a` and `an` before each changed English word made to agree with its first letter."""
    for word in sorted(changed):
        if word.isascii():
            article = "an" if word[0] in "aeiouAEIOU" else "a"
            text = re.sub(rf"\b([Aa])n?(?=\s{re.escape(word)}\b)", rf"\g<1>{article[1:]}", text)
    return text
