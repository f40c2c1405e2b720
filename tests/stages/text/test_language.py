"""Languages: by script where one script is one language, by the bundled model elsewhere, never by the network."""

from __future__ import annotations

import socket

import pytest

from stages.text.language.identify import identify


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("好", "zh"),
        ("很好，推荐！", "zh"),
        ("這本書非常好看，值得一讀。", "zh"),
        ("thinkpad的键盘手感非常好用", "zh"),
        ("これは日本語の文章です。", "ja"),
        ("안녕하세요 여러분", "ko"),
        ("สวัสดีครับ", "th"),
        ("Καλημέρα σας", "el"),
        ("The old mill stands at the bend of the river.", "en"),
        ("THE OLD MILL STANDS AT THE BEND OF THE RIVER", "en"),
        ("Die alte Mühle steht an der Biegung des Flusses.", "de"),
        ("Старая мельница стоит у излучины реки.", "ru"),
        ("", "und"),
        ("12:30 !!! 😀", "und"),
    ],
)
def test_language(text: str, language: str) -> None:
    """Short and long texts of several scripts."""
    assert identify(text)[0] == language


def test_score_is_per_mille() -> None:
    """A score lies between 0 and 1000, and is lower for mixed text than for plain."""
    assert identify("很好很好")[1] == 1000
    assert 500 < identify("很好很好 ok")[1] < 1000
    assert 0 <= identify("zxqv blorp")[1] <= 1000
    assert identify("...") == ("und", 0, 0)


def test_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model comes with the package."""
    monkeypatch.setattr(socket, "socket", None)
    assert identify("Une phrase en français, tout simplement.")[0] == "fr"
