"""Normal form: one spelling for one text, nothing invisible, mojibake put right."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normalize import INVISIBLE, normalize, repair_mojibake

ODD = st.text(
    st.sampled_from(
        "aé e\u0301\u200b\u200d\u200c\r\n\t\u3000\u00a0\u2028\x1b[31m\x00\ufeff\u202e\U000e0041中\u0915👍\ufe0f"
    )
)


@given(st.text(st.characters(exclude_categories=())) | ODD)
def test_normalize_is_idempotent(text: str) -> None:
    """What is in normal form stays as it is, and needs no repair."""
    once, _ = normalize(text)
    assert normalize(once) == (once, 0)


@given(st.text(st.characters(exclude_categories=())) | ODD)
def test_normal_form_can_be_stored(text: str) -> None:
    """The result is UTF-8, NFC, without invisible characters, tabs, carriage returns or double spaces."""
    result, _ = normalize(text)
    result.encode()
    assert unicodedata.is_normalized("NFC", result)
    assert not INVISIBLE.search(result) and not any(mark in result for mark in ("\t", "\r", "  ", "\n\n\n", " \n"))


@pytest.mark.parametrize(
    ("text", "clean", "repairs"),
    [
        ("  a \t b\u3000c \n", "a b c", 0),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", 0),
        ("a\n\n\n \n\nb", "a\n\nb", 0),
        ("e\u0301", "é", 1),
        ("zero\u200bwidth\ufeff", "zerowidth", 2),
        ("ab\u202edc\u202c", "abdc", 2),
        ("hi\U000e0068\U000e0069", "hi", 2),
        ("\x1b[31mred\x1b[0m", "red", 2),
        ("soft\u00adhyphen\x00", "softhyphen", 2),
        ("lone \ud800 surrogate", "lone surrogate", 1),
        ("a\u200db", "ab", 1),
        ("👩\u200d🚀 \u0915\u094d\u200d\u0937", "👩\u200d🚀 \u0915\u094d\u200d\u0937", 0),
        ("１２３ＡＢＣ，。", "１２３ＡＢＣ，。", 0),
    ],
)
def test_normal_form(text: str, clean: str, repairs: int) -> None:
    """What becomes of spaces, breaks, accents, controls, hidden tags and joiners; full-width forms are left alone."""
    assert normalize(text) == (clean, repairs)


SENTENCES = (
    "Das schöne Fräulein trägt Größe 38.",
    "C’est l’été – déjà « fini ».",
    "我正在写这本书的心得。",
    "Привет, как дела?",
)


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("mistaken", ["latin-1", "sloppy-windows-1252"])
def test_mojibake_is_repaired(sentence: str, mistaken: str) -> None:
    """UTF-8 that was read as a one-byte charset is put right, line by line, and good lines stay."""
    broken = sentence.encode().decode(mistaken)
    assert repair_mojibake(f"fine, naïve\n{broken}") == (f"fine, naïve\n{sentence}", 1)


@pytest.mark.parametrize("sentence", [*SENTENCES, "plain ASCII", "naïve café", "Ça va? Où? À Nîmes…", "Ёлка и ёж"])
def test_good_text_is_not_repaired(sentence: str) -> None:
    """Text that is right is left as it is."""
    assert repair_mojibake(sentence) == (sentence, 0)
