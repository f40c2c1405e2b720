"""Back-translation: the line structure, the errors, and the real engine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalog.errors import OperatorError, ParameterError
from stages.augmentation.back_translation import MODES, Apertium, back_translate

needs_apertium = pytest.mark.skipif(
    shutil.which("apertium") is None or not (MODES / "eng-spa.mode").exists(),
    reason="apertium-eng-spa is not installed: apt-get install --no-install-recommends apertium-eng-spa",
)


class Reversing:
    """An engine that writes each line backwards and counts what it was given."""

    version = "reversing 1"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def translate(self, lines: list[str]) -> list[str]:
        self.seen += lines
        return [line[::-1] for line in lines]


def test_lines_and_order_are_kept() -> None:
    """There and back through a bijection gives the texts; a repeated line is translated once."""
    there, back = Reversing(), Reversing()
    texts = ["one\n\ntwo", "two", ""]
    assert back_translate(texts, there, back) == texts
    assert there.seen == ["one", "two"]


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Apertium:
    """An engine whose program is a shell script."""
    program = tmp_path / "apertium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (tmp_path / "eng-spa.mode").write_text(f"cat '{program}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Apertium("eng-spa", tmp_path)


@pytest.mark.parametrize("script", ["cat; echo one more", "exit 3", "head -n 1"])
def test_a_lost_line_or_a_failure_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Lines that do not match would give labels to the wrong texts."""
    engine = fake(tmp_path, monkeypatch, script)
    with pytest.raises(OperatorError, match="lines for 2"):
        engine.translate(["a", "b"])


def test_breaks_inside_a_line_are_no_new_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exotic line breaks go to the engine as spaces."""
    assert fake(tmp_path, monkeypatch, "cat").translate(["a\rb\u2028c", "d"]) == ["a b c", "d"]
    assert fake(tmp_path, monkeypatch, "exit 9").translate([]) == []


def test_version_follows_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed dictionary is another engine."""
    before = fake(tmp_path, monkeypatch, "cat").version
    assert fake(tmp_path, monkeypatch, "cat").version == before
    assert fake(tmp_path, monkeypatch, "cat # changed").version != before


def test_missing_engine_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without Apertium is told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ParameterError, match="apt-get install --no-install-recommends apertium-eng-spa"):
        Apertium("eng-spa")


@needs_apertium
def test_apertium_round_trip() -> None:
    """The real engine keeps lines, punctuation and special characters, and repeats itself."""
    texts = [
        "The house is very big.\nI like [it] & <this> @ 5/6^2 {x} $7 \\ ~.",
        "We saw a good film yesterday.",
    ]
    there, back = Apertium("eng-spa"), Apertium("spa-eng")
    spanish = there.translate(["The house is very big."])
    assert spanish == ["La casa es muy grande."]
    result = back_translate(texts, there, back)
    assert result == back_translate(texts, there, back)
    assert [text.count("\n") for text in result] == [1, 0]
    assert result[0].startswith("The house is very big.") and "film" in result[1] and "*" not in result[1]


@needs_apertium
def test_apertium_names_a_missing_direction() -> None:
    """A direction that is not installed is an error of the parameters."""
    with pytest.raises(ParameterError, match="the direction `eng-xyz` is not installed"):
        Apertium("eng-xyz")
