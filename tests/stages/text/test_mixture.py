"""Scripts, and what share of a text is in another language than the whole."""

from __future__ import annotations

import random

import pytest

from stages.text.language.identify import calibrated, identify
from stages.text.language.mixture import mixed_share
from stages.text.language.scripts import main_script
from tests.stages.prose import CHINESE, ENGLISH

GERMAN = "Die alte Mühle steht seit vielen Jahren an der Biegung des Flusses und mahlt das Korn der Bauern."
RUSSIAN = "Старая мельница много лет стоит у излучины реки и мелет зерно для крестьян из деревни."
JAPANESE = "古い水車小屋は川の曲がり角に立っていて、村の人々のために穀物をひいています。"


def mixed(*paragraphs: str) -> int:
    """Share of a text of some paragraphs, per mille."""
    text = "\n\n".join(paragraphs)
    return mixed_share(text, identify(text), main_script(text)[1])


@pytest.mark.parametrize(
    ("text", "script", "share"),
    [
        ("abc, 12", "Latn", 1000),
        ("café", "Latn", 1000),
        ("12 …", "Zyyy", 0),
        ("", "Zyyy", 0),
        ("Привет world", "Cyrl", 545),
        ("日々の東京 Wi", "Hani", 571),
        ("タワー、これは", "Hrkt", 1000),
        ("안녕 a", "Hang", 667),
        ("हिन्दी", "Deva", 1000),
    ],
)
def test_main_script(text: str, script: str, share: int) -> None:
    """The script that most letters are of; signs, digits and marks are of none."""
    assert main_script(text) == (script, share)


@pytest.mark.parametrize("paragraph", [ENGLISH, CHINESE, GERMAN, RUSSIAN, JAPANESE])
def test_a_text_in_one_language_is_not_mixed(paragraph: str) -> None:
    """Whatever its language, and however long it is."""
    assert mixed(paragraph) == mixed(*[paragraph] * 20) == 0


@pytest.mark.parametrize(
    ("paragraphs", "low", "high"),
    [
        ([GERMAN] * 6 + [RUSSIAN] * 6, 350, 650),
        ([GERMAN] * 5 + [ENGLISH.splitlines()[0]] * 5, 300, 900),
        ([CHINESE.splitlines()[0]] * 4 + [GERMAN] * 4, 350, 950),
        ([JAPANESE] * 6 + [GERMAN] * 2, 200, 650),
        ([RUSSIAN] * 10 + ["ok"] * 10, 0, 0),
    ],
)
def test_the_other_language_has_its_share(paragraphs: list[str], low: int, high: int) -> None:
    """By characters; what is too short does not vote."""
    assert low <= mixed(*paragraphs) <= high


def test_the_share_does_not_depend_on_chance() -> None:
    """The same text has the same share, and a share lies between 0 and 1000."""
    draw = random.Random(5)
    for _ in range(20):
        paragraphs = draw.choices([ENGLISH, CHINESE, GERMAN, RUSSIAN, JAPANESE, "", "x", "12"], k=9)
        assert 0 <= mixed(*paragraphs) == mixed(*paragraphs) <= 1000


def test_confidence_grows_with_score_and_length() -> None:
    """A probability: never certain, more so for a higher score and for a longer text."""
    lengths, scores = (1, 10, 40, 160, 300), (0.0, 0.2, 0.5, 0.9, 1.0)
    table = [[calibrated(score, letters) for letters in lengths] for score in scores]
    assert all(row == sorted(row) for row in table[2:])
    assert all(list(column) == sorted(column) for column in zip(*table, strict=True))
    assert all(0 <= value < 1000 for row in table for value in row)
