"""Perturbations: what they change, and what they never touch."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmentation.draws import Draws
from stages.augmentation.negation import negations
from stages.augmentation.perturb import PERTURBATIONS
from stages.augmentation.wording import Original, split_words

LEXICON = {
    "en": {"movie": ("film",), "film": ("movie",), "story": ("tale", "narrative"), "idea": ("thought",)},
    "zh": {"酒店": ("酒楼",), "购买": ("采购", "选购")},
}
WORDS = ["The", "movie", "is", "not", "a", "story", "never", "an", "idea", "won't", "film", "好的", "MOVIE"]


def run(name: str, text: str, language: str = "en", seed: int = 1, alpha: float = 0.3) -> str | None:
    made = PERTURBATIONS[name](Original(text, language), Draws(seed, name), alpha, LEXICON.get(language, {}))
    return made and made.text


@pytest.mark.parametrize(
    ("name", "text", "language", "expected"),
    [
        ("synonym", "I saw the movie today.", "en", "I saw the film today."),
        ("synonym", "A Movie night with an idea here", "en", "A Film night with a thought here"),
        ("synonym", "我们昨天在网上购买东西", "zh", "我们昨天在网上选购东西"),
        ("synonym", "no known word stands in here", "en", None),
        ("synonym", "I do not movie today", "en", None),
        ("delete_words", "too short", "en", None),
        ("swap", "not one never two", "en", None),
        ("delete_sentences", "One. Two.", "en", None),
        ("delete_sentences", "Not one. Never two. Good three.", "en", "Not one. Never two."),
        ("synonym", "これはペンですよ", "ja", None),
    ],
)
def test_examples(name: str, text: str, language: str, expected: str | None) -> None:
    """Case and article follow the word; a word after a negation stays; what cannot be done is None."""
    assert run(name, text, language, alpha=0.4) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(sorted(PERTURBATIONS)), st.integers(0, 99))
def test_negations_survive(words: list[str], name: str, seed: int) -> None:
    """Every negation of a text stands in every copy of it, in the same number."""
    text = " ".join(words) + ". Fine! Good day."
    copy = run(name, text, seed=seed)
    assert copy is None or negations(copy, "en") == negations(text, "en")


@given(st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=12), st.integers(0, 99))
def test_swap_keeps_the_words(words: list[str], seed: int) -> None:
    """Swapping changes the order of words and nothing else."""
    copy = run("swap", " ".join(words), seed=seed)
    assert copy is not None and Counter(copy.split()) == Counter(words)


@pytest.mark.parametrize(("alpha", "gone"), [(0.1, 1), (0.3, 3), (0.5, 5)])
def test_alpha_is_the_share_of_words(alpha: float, gone: int) -> None:
    """Of ten words, alpha times ten vanish."""
    text = "a b c d e f g h i j"
    copy = run("delete_words", text, alpha=alpha)
    wording = split_words(copy or "", "en")
    assert wording is not None and len(wording.words) == 10 - gone


def test_insertion_adds_known_synonyms_in_front_of_words() -> None:
    """The words of the parent stay in order, and what came in is in the lexicon."""
    text = "the movie tells a story about an idea in ten parts"
    copy = run("insert", text) or ""
    left = iter(copy.split())
    assert all(word in left for word in text.split())
    added = Counter(copy.split()) - Counter(text.split())
    assert sum(added.values()) == 3 and set(added) <= {"film", "tale", "narrative", "thought"}


def test_copies_differ_by_seed_and_repeat_by_seed() -> None:
    """The same seed gives the same copy; other seeds give others."""
    text = " ".join(f"w{i}" for i in range(40))
    assert run("swap", text, seed=5) == run("swap", text, seed=5)
    assert len({run("swap", text, seed=seed) for seed in range(10)}) == 10


LONG = st.sampled_from(["wonderful", "Keyboard", "evening", "RIVER", "on", "好的天气"])


@given(st.lists(LONG, min_size=4, max_size=12), st.integers(0, 99))
def test_a_typing_error_stays_within_its_word(words: list[str], seed: int) -> None:
    """Short words, first letters and the number of words stay; a word is one edit of two keys at most from itself."""
    copy = run("typos", " ".join(words), seed=seed, alpha=0.5)
    changed = copy.split() if copy else words
    assert len(changed) == len(words)
    for word, typed in zip(words, changed, strict=True):
        assert typed[0] == word[0] and abs(len(typed) - len(word)) <= 1
        assert word != "on" or typed == "on"
        if len(typed) == len(word):
            assert sum(a != b for a, b in zip(word, typed, strict=True)) <= 2
    assert copy is None or copy != " ".join(words)
