"""Shingles: a content is found wherever it stands and however it is written, and nothing else is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.erasure.shingles import CHUNK, MOST, WINDOW, Finder, Key, normal, unescaped

KEY = Key(bytes(range(32)))
TEXT = "The canary sang at midnight: 金丝雀在午夜歌唱 — twice!"


def finder(content: bytes, key: Key = KEY) -> Finder:
    """What looks for one content."""
    return Finder(key, {digest: rolling for rolling, digest in key.shingles(content)})


@pytest.mark.parametrize(
    "written",
    [
        f"<p>{TEXT}</p>", TEXT.upper(), TEXT.replace(" ", "\n  "), f"**{TEXT}**", TEXT.replace("sang", "<b>sang</b>"),
        json.dumps({"text": TEXT}, ensure_ascii=False), "x" * (CHUNK - 9) + TEXT,
    ],
)  # fmt: skip
def test_a_content_is_found_however_it_is_written(written: str) -> None:
    """Case, spaces, punctuation and marks around words are no difference; nor is where a chunk ends."""
    assert finder(TEXT.encode()).find([written.encode()])


def test_json_may_spell_it_in_ascii() -> None:
    """As Python does by default."""
    assert "午夜" in unescaped(json.dumps(TEXT).encode()).decode()


@given(before=st.binary(max_size=80), after=st.binary(max_size=80), cut=st.integers(0, 200), text=st.text(min_size=30))
def test_parts_may_be_cut_anywhere(before: bytes, after: bytes, cut: int, text: str) -> None:
    """All shingles of a text are found in what holds it, cut in two at any byte."""
    content = text.encode()
    whole = before + content + after
    known = {digest for _, digest in KEY.shingles(content)}
    assert finder(content).find([whole[:cut], whole[cut:]]) == known


def test_another_content_another_key_and_a_short_content_are_not_found() -> None:
    """Nothing is said of what is shorter than a window; who lacks the key finds nothing."""
    assert not finder(TEXT.encode()).find([b"midnight sang the canary twice, at noon", bytes(range(256)) * 200])
    assert KEY.shingles(b"a" * (WINDOW - 1)) == set() and len(KEY.shingles(b"a" * WINDOW)) == 1
    other = Key(bytes(32))
    assert {one for one, _ in other.shingles(TEXT.encode())}.isdisjoint(one for one, _ in KEY.shingles(TEXT.encode()))


def test_a_long_content_keeps_some_of_its_shingles_all_over() -> None:
    """Of ten times the bound a tenth, so that a page of it is still found."""
    content = np.random.default_rng(1).integers(97, 123, 10 * MOST, dtype=np.uint8).tobytes()
    known = KEY.shingles(content)
    assert len(known) == MOST
    found = [bool(finder(content).find([content[at : at + 500]])) for at in range(0, len(content), 4000)]
    assert all(found)


def test_the_rolling_hash_is_that_of_the_window_alone() -> None:
    """Against the sum that it is, wherever the window stands."""
    folded = normal(TEXT.encode())
    rolling = KEY.rolling(folded)
    base = int(KEY._tables[0][1])
    for place in range(len(rolling)):
        window = folded[place : place + WINDOW].tolist()
        exact = sum(byte * base**at for at, byte in enumerate(window)) % 2**64
        assert rolling[place] == exact >> 32
