"""Normal form: one spelling for one text, nothing invisible, mojibake put right."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParameterError
from stages.text.normalization.normalize import INVISIBLE, KINDS, TERMINAL_ESCAPE, mend, normalize, repair_mojibake
from stages.text.normalization.params import NormalizeParams, normalize_params

ODD = st.text(
    st.sampled_from(
        "aé-ａｶﾞ\u00ade e\u0301\u200b\u200d\u200c\r\n\t\u3000\u00a0"
        "\u2028\x1b[31m\x00\ufeff\u202e\U000e0041中\u0915👍\ufe0f"
    )
)


ANY = st.text(st.characters(exclude_categories=())) | ODD
FORMS = st.builds(
    NormalizeParams,
    form=st.sampled_from(["NFC", "NFKC"]), width=st.sampled_from(["none", "ascii"]), dehyphenate=st.booleans(),
)  # fmt: skip


@given(ANY, FORMS, st.booleans())
def test_normalize_is_idempotent(text: str, params: NormalizeParams, wrapped: bool) -> None:
    """What is in normal form stays as it is, and needs no repair, whatever the policy."""
    once, _ = normalize(text, params, wrapped=wrapped)
    assert normalize(once, params, wrapped=wrapped) == (once, {})


@given(ANY, FORMS, st.booleans())
def test_what_changed_was_counted(text: str, params: NormalizeParams, wrapped: bool) -> None:
    """A text has a count if and only if it is not what it was; every count is of a known kind, and above 0."""
    result, places = mend(text, params, wrapped=wrapped)
    assert bool(places) == (result != text)
    assert set(places) <= set(KINDS) and all(count > 0 for count in places.values())


@given(ANY, st.booleans())
def test_no_letter_is_lost(text: str, wrapped: bool) -> None:
    """Letters, digits, punctuation and symbols come through NFC in their order; hyphens at the end of a line may go."""
    text = TERMINAL_ESCAPE.sub("", text)
    result, places = normalize(text, wrapped=wrapped)
    before, after = ("".join(filter(_seen, unicodedata.normalize("NFD", one))) for one in (text, result))
    if places["hyphenation"]:
        before, after = (re.sub("[-\u2010]", "", one) for one in (before, after))
    assert before == after


def _seen(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS"


@given(ANY)
def test_normal_form_can_be_stored(text: str) -> None:
    """The result is UTF-8, NFC, without invisible characters, tabs, carriage returns or double spaces."""
    result, _ = normalize(text)
    result.encode()
    assert unicodedata.is_normalized("NFC", result)
    assert not INVISIBLE.search(result) and not any(mark in result for mark in ("\t", "\r", "  ", "\n\n\n", " \n"))


@pytest.mark.parametrize(
    ("text", "clean", "places"),
    [
        ("  a \t b\u3000c \n", "a b c", {"white_space": 4}),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", {"white_space": 3}),
        ("a\n\n\n \n\nb", "a\n\nb", {"white_space": 2}),
        ("e\u0301", "é", {"composition": 1}),
        ("zero\u200bwidth\ufeff", "zerowidth", {"zero_width": 2}),
        ("ab\u202edc\u202c", "abdc", {"bidi": 2}),
        ("hi\U000e0068\U000e0069", "hi", {"tag": 2}),
        ("\x1b[31mred\x1b[0m", "red", {"control": 2}),
        ("soft\u00adhyphen\x00", "softhyphen", {"zero_width": 1, "control": 1}),
        ("lone \ud800 surrogate", "lone surrogate", {"control": 1, "white_space": 1}),
        ("a\u200db", "ab", {"zero_width": 1}),
        ("👩\u200d🚀 \u0915\u094d\u200d\u0937", "👩\u200d🚀 \u0915\u094d\u200d\u0937", {}),
        ("１２３ＡＢＣ，。", "１２３ＡＢＣ，。", {}),
    ],
)
def test_normal_form(text: str, clean: str, places: dict[str, int]) -> None:
    """What becomes of spaces, breaks, accents, controls, hidden tags and joiners; full-width forms are left alone."""
    assert normalize(text) == (clean, places)


@pytest.mark.parametrize(
    ("params", "clean", "places"),
    [
        ({}, "Ｇ２０，ｶﾞﾗｽ！ﬁ ①", {}),
        ({"width": "ascii"}, "G20，ガラス！ﬁ ①", {"width": 1}),
        ({"form": "NFKC"}, "G20,ガラス!fi 1", {"composition": 1}),
    ],
)
def test_width_and_form(params: dict[str, Any], clean: str, places: dict[str, int]) -> None:
    """`ascii` folds letters, digits and kana and keeps Chinese punctuation; NFKC folds all that is compatible."""
    assert normalize("Ｇ２０，ｶﾞﾗｽ！ﬁ ①", NormalizeParams(**params)) == (clean, places)


@pytest.mark.parametrize(
    ("text", "clean", "joined"),
    [
        ("an exam-\nple of it", "an example\nof it", 1),
        ("an exam-\nple.\n\nNext", "an example.\n\nNext", 1),
        ("a well-\nknown thing, well-known", "a well-known\nthing, well-known", 1),
        ("a state-of-the-\nart thing", "a state-of-the-art\nthing", 1),
        ("inter-\nna-\ntional", "international", 2),
        ("soft exam\u00ad\nple", "soft example", 1),
        ("Jean-\nPaul and 3-\n4", "Jean-\nPaul and 3-\n4", 0),
        ("a list -\nof things ----\nhere", "a list -\nof things ----\nhere", 0),
    ],
)
def test_words_that_a_line_parts_are_joined(text: str, clean: str, joined: int) -> None:
    """The hyphen goes unless the text itself has the word with it; names, numbers and rules stay; not in a page."""
    assert normalize(text, wrapped=True) == (clean, {"hyphenation": joined} if joined else {})
    unwrapped, places = normalize(text)
    assert places["hyphenation"] == 0 and unwrapped == text.replace("\u00ad", "")


def test_a_long_word_is_joined_in_linear_time() -> None:
    """A megabyte of letters before a hyphen is no trap."""
    word = "a" * 1_000_000
    assert normalize(f"{word}-\nb", wrapped=True) == (f"{word}b", {"hyphenation": 1})


@pytest.mark.parametrize(
    ("text", "to", "clean"),
    [
        ("頭髮和發展。\n後面", "simplified", "头发和发展。\n后面"),
        ("头发和发展。\nplain", "traditional", "頭髮和發展。\nplain"),
        ("これは東京都の学校で、髪です。", "simplified", "これは東京都の学校で、髪です。"),
        ("plain words", "simplified", "plain words"),
    ],
)
def test_chinese_is_converted(text: str, to: str, clean: str) -> None:
    """By phrases, so that one simplified character finds its right traditional one; Japanese and English stay."""
    once, places = mend(text, NormalizeParams(chinese=to))  # type: ignore[arg-type]
    changed = sum(a != b for a, b in zip(text.split("\n"), clean.split("\n"), strict=True))
    assert (once, places) == (clean, {"chinese": changed} if changed else {})
    assert mend(once, NormalizeParams(chinese=to)) == (once, {})  # type: ignore[arg-type]


def test_without_opencc_the_parameter_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs, and only when it is asked for."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert normalize_params({}) == NormalizeParams()
    with pytest.raises(ParameterError, match=r"pip install 'gristmill\[opencc\]'"):
        normalize_params({"chinese": "simplified"})


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
