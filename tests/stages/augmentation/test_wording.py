"""Words, gaps, sentences and draws."""

from __future__ import annotations

import marshal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmentation import wording
from stages.augmentation.draws import Draws
from stages.augmentation.negation import negations
from stages.augmentation.wording import split_sentences, split_words

TEXT = st.text("abc DE.,!?'\n 中文很好。！，1", max_size=60)


@settings(deadline=None)  # the first Chinese text loads jieba's dictionary
@given(TEXT, st.sampled_from(["en", "zh", "de"]))
def test_words_and_sentences_rebuild_the_text(text: str, language: str) -> None:
    """Nothing is lost by splitting: words and gaps, or sentences, join to the text itself."""
    split = split_words(text, language)
    assert split is not None
    assert split.text == text and len(split.gaps) == len(split.words) + 1
    assert "".join(split_sentences(text).words) == text


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Don't stop, it's fine!", "en", ("Don't", "stop", "it's", "fine")),
        ("这部电影很好看，我喜欢", "zh", ("这部", "电影", "很", "好看", "我", "喜欢")),
    ],
)
def test_words(text: str, language: str, words: tuple[str, ...]) -> None:
    """English keeps its apostrophes, Chinese is cut by the dictionary, punctuation is no word."""
    split = split_words(text, language)
    assert split is not None and split.words == words


def test_a_script_without_boundaries_is_left_alone() -> None:
    """Japanese has no dictionary here, so nothing pretends to know its words."""
    assert split_words("これはペンです", "ja") is None


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("one two three", {1}, "one three"),
        ("one, two three", {1}, "one, three"),
        ("one two, three", {1}, "one, three"),
        ("one two", {1}, "one"),
        ("(one) two", {0}, "() two"),
    ],
)
def test_removed_words_leave_one_gap(text: str, gone: set[int], left: str) -> None:
    """A removed word takes one white space with it."""
    split = split_words(text, "en")
    assert split is not None and split.without(gone).text.strip() == left


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is 3.5 m. Fine! Is it?", ["It is 3.5 m. ", "Fine! ", "Is it?"]),
        ("很好。不错！真的？", ["很好。", "不错！", "真的？"]),
        ("one\ntwo", ["one\n", "two"]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    """A full stop inside a number ends nothing; Chinese stops need no space; a line is a sentence."""
    assert list(split_sentences(text).words) == sentences


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("I don't know, nobody does. No!", "en", 3),
        ("Dont notice the knot", "en", 1),
        ("我不喜欢，也没有买", "zh", 2),
        ("nicht gut", "de", 0),
    ],
)
def test_negations(text: str, language: str, count: int) -> None:
    """Negations are counted as words in English and as characters in Chinese."""
    assert negations(text, language) == count


def test_jieba_neither_reads_nor_writes_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared temporary folder, where anybody may write, decides nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    poisoned = tmp_path / "jieba.cache"
    poisoned.write_bytes(marshal.dumps(({"电": 9, "影": 9}, 18)))
    wording._tokenizer.cache_clear()
    found = wording.split_words("我看电影", "zh")
    assert found is not None and found.words == ("我", "看", "电影")
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]


def test_draws_depend_on_their_key_alone() -> None:
    """Equal keys draw equally, in any process; the values are pinned."""
    assert [Draws(1, "swap", "id", 0).below(1000) for _ in range(2)] == [Draws(1, "swap", "id", 0).below(1000)] * 2
    assert Draws(7).sample(list(range(10)), 4) == Draws(7).sample(list(range(10)), 4)
    assert Draws(1, "a").sample(list(range(100)), 9) != Draws(2, "a").sample(list(range(100)), 9)


@given(st.integers(), st.lists(st.integers(), unique=True, max_size=9), st.integers(0, 12))
def test_sample_takes_different_items(seed: int, items: list[int], count: int) -> None:
    """No item is drawn twice, and no more than there are."""
    drawn = Draws(seed).sample(items, count)
    assert len(drawn) == len(set(drawn)) == min(count, len(items)) and set(drawn) <= set(items)
