"""The tokenizer: the same bytes for the same texts, and the same text back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from stages.model.tokens.tokenizer import FIRST_WORD, sampled, token_ids, trained_tokenizer

TEXTS = [
    "这本书很好看，我很喜欢。",
    "The film is great, the food is not.",
    "酒店的服务让人失望",
    "really 非常 boring",
] * 20


def tokenizer(texts: list[str] = TEXTS) -> Tokenizer:
    """A small tokenizer that keeps case."""
    return trained_tokenizer(texts, vocabulary=420, lowercase=False, alphabet=60, min_frequency=2)


TRAINED = tokenizer()


def test_training_twice_gives_the_same_bytes() -> None:
    """Even where many characters are equally frequent, at the end of the alphabet."""
    rare = [*TEXTS, "".join(chr(0x4E00 + number) for number in range(500))]
    assert len({tokenizer(rare).to_str() for _ in range(4)}) == 1


@pytest.mark.parametrize(
    "text", ["这本书很好看，really!", "line one\nline two", "never seen: 𝄞 ß 龘", "two  spaces ", ""]
)
def test_text_comes_back(text: str) -> None:
    """Decoding gives the text back, with characters that training never saw."""
    assert TRAINED.decode(TRAINED.encode(text, add_special_tokens=False).ids) == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=80, deadline=None)
def test_no_text_is_unknown(text: str) -> None:
    """Any text is encoded to plain tokens only."""
    assert all(token >= FIRST_WORD for token in token_ids(TRAINED, [text])[0])


def test_a_text_that_spells_a_special_token_gets_plain_tokens() -> None:
    """`[MASK]` in a document is six characters, not the mask."""
    assert min(token_ids(TRAINED, ["[MASK] [SEP]"])[0]) >= FIRST_WORD


def test_the_sample_has_a_quota_for_each_language_and_ignores_order() -> None:
    """A language with much text does not crowd out one with little."""
    rows = [(f"en{n}", "en", "x" * 10) for n in range(100)] + [(f"zh{n}", "zh", "字" * 10) for n in range(5)]
    chosen = sampled(rows, 50, 1)
    assert chosen == sampled(rows[::-1], 50, 1)
    assert (chosen.count("x" * 10), chosen.count("字" * 10)) == (5, 5)
