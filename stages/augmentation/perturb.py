"""Copies of a text with a few words changed: easy data augmentation (Wei and Zou 2019, arXiv 1901.11196), and typing
errors (Belinkov and Bisk 2018, arXiv 1711.02173: swapped and neighbouring keys).

An operator takes a text, draws, alpha (share of the words, or sentences, that it changes) and a lexicon, and gives the
changed wording, or None where it can do nothing. Negations, and the word after each, are never removed, moved or
replaced: they would turn the label around. Nor is any word that a labelled span touches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from stages.augmentation.draws import Draws
from stages.augmentation.negation import negations
from stages.augmentation.wording import Original, Wording, spaced, split_sentences, split_words

Lexicon = Mapping[str, tuple[str, ...]]
Perturbation = Callable[[Original, Draws, float, Lexicon], Wording | None]

MIN_WORDS = 4  # in a text; with fewer, a change of one word changes the meaning
MIN_SENTENCES = 3  # in a text that loses some
MIN_MISTYPED = {True: 4, False: 2}  # characters of a word with a typing error, with and without spaces between words
ARTICLES = ("a", "an", "A", "An")
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # rows of keys; the first character of a word is never touched


def replace_synonyms(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Some words become synonyms; only words that the lexicon knows are counted as changeable."""
    wording = worded(given)
    if wording is None:
        return None
    known = [place for place in free_places(wording, given.language) if wording.words[place].lower() in lexicon]
    changed = {
        place: _synonym(wording.words[place], draws, lexicon)
        for place in draws.sample(known, change_count(wording, alpha))
    }
    return wording.with_words(_agreed(wording, changed)) if changed else None


def insert_synonyms(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Synonyms of some words are put in front of some words, each word giving one at most."""
    wording = worded(given)
    if wording is None:
        return None
    free = free_places(wording, given.language)
    known = [place for place in free if wording.words[place].lower() in lexicon]
    if not known:
        return None
    space = " " if spaced(given.language) else ""
    count = min(change_count(wording, alpha), len(known))
    added = [_synonym(wording.words[place].lower(), draws, lexicon) for place in draws.sample(known, count)]
    places = draws.sample(free, count)
    changed = {place: word + space + wording.words[place] for place, word in zip(places, added, strict=True)}
    return wording.with_words(changed)


def delete_words(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Some words vanish."""
    wording = worded(given)
    if wording is None:
        return None
    places = set(draws.sample(free_places(wording, given.language), change_count(wording, alpha)))
    return wording.without(places).stripped() if places else None


def swap_words(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Some pairs of words change places."""
    wording = worded(given)
    free = free_places(wording, given.language) if wording else ()
    if wording is None or len(free) < 2:
        return None
    words = list(wording.words)
    for _ in range(change_count(wording, alpha)):
        one, other = draws.sample(free, 2)
        words[one], words[other] = words[other], words[one]
    return replace(wording, words=tuple(words))


def delete_sentences(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Some sentences without a negation vanish, never the whole text."""
    sentences = split_sentences(given.text).keeping(given.spans)
    kept = {place for place, _ in sentences.kept}
    free = [
        place
        for place, sentence in enumerate(sentences.words)
        if place not in kept and sentence.strip() and not negations(sentence, given.language)
    ]
    count = len(sentences.words)
    if count < MIN_SENTENCES or not free:
        return None
    return sentences.without(set(draws.sample(free, max(1, round(alpha * count))))).stripped()


def mistype(given: Original, draws: Draws, alpha: float, lexicon: Lexicon) -> Wording | None:
    """Some words get one typing error each: two characters swapped, one lost, one doubled, or a neighbouring key."""
    wording = worded(given)
    if wording is None:
        return None
    shortest = MIN_MISTYPED[spaced(given.language)]
    long = [place for place in free_places(wording, given.language) if len(wording.words[place]) >= shortest]
    changed = {
        place: _mistyped(wording.words[place], draws) for place in draws.sample(long, change_count(wording, alpha))
    }
    return wording.with_words(changed) if changed else None


PERTURBATIONS: dict[str, Perturbation] = {
    "synonym": replace_synonyms,
    "insert": insert_synonyms,
    "delete_words": delete_words,
    "swap": swap_words,
    "delete_sentences": delete_sentences,
    "typos": mistype,
}


def worded(given: Original) -> Wording | None:
    """The wording of a text that is long enough to be changed."""
    wording = split_words(given.text, given.language)
    wording = wording.keeping(given.spans) if wording and given.spans else wording
    return wording if wording and len(wording.words) >= MIN_WORDS else None


def change_count(wording: Wording, alpha: float) -> int:
    """How many words to change: EDA's max(1, alpha * words)."""
    return max(1, round(alpha * len(wording.words)))


@lru_cache(maxsize=16)  # as in `split_words`
def free_places(wording: Wording, language: str) -> tuple[int, ...]:
    """Places of the words that may be touched: none that is kept, no negation, nor the word after one."""
    negated = [bool(negations(word, language)) for word in wording.words]
    after = [False, *negated[:-1]]
    kept = {place for place, _ in wording.kept}
    return tuple(place for place in range(len(negated)) if not (negated[place] or after[place] or place in kept))


def _synonym(word: str, draws: Draws, lexicon: Lexicon) -> str:
    """One of the synonyms, written with the capitals of the word."""
    choices = lexicon[word.lower()]
    return with_capitals(choices[draws.below(len(choices))], word)


def with_capitals(chosen: str, word: str) -> str:
    """A lower-case word written with the capitals of another."""
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


def _agreed(wording: Wording, changed: dict[int, str]) -> dict[int, str]:
    """The changed words, and `a` or `an` before each English one made to agree with its first letter."""
    kept = {place for place, _ in wording.kept}
    agreed = dict(changed)
    for place, word in changed.items():
        article = wording.words[place - 1] if place and wording.gaps[place].isspace() else ""
        if word.isascii() and article in ARTICLES and place - 1 not in kept | changed.keys():
            agreed[place - 1] = article[0] + ("n" if word[0] in "aeiouAEIOU" else "")
    return agreed
