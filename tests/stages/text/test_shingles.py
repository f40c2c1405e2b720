"""Shingles: the compiled kernel against a plain Python reading of the same rules."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from catalog.errors import InputError
from stages.text.minhash.shingle_kernels import CODE_POINT, DROPPED, SEPARATOR, UNSPACED, murmur3_32
from stages.text.minhash.shingles import fold_table, shingle_hashes, token_shingles
from stages.text.minhash.shingling import Shingling

ALPHABET = "abCDé1 .,'’\n\t-中文字很好ガがสวัส한국ＡßİΣ\u0301\u200b😀𠀀ﬁ½"


def murmur3_python(data: bytes) -> int:
    """MurmurHash3 x86 32-bit with seed 0, on Python integers."""
    mask, h = 0xFFFFFFFF, 0
    for start in range(0, len(data), 4):
        block = data[start : start + 4]
        k = int.from_bytes(block, "little") * 0xCC9E2D51 & mask
        h ^= ((k << 15 | k >> 17) & mask) * 0x1B873593 & mask
        if len(block) == 4:
            h = ((h << 13 | h >> 19) & mask) * 5 + 0xE6546B64 & mask
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & mask
    h = (h ^ h >> 13) * 0xC2B2AE35 & mask
    return h ^ h >> 16


def units_python(text: str) -> tuple[list[str], int]:
    """(units, how many are characters of unspaced scripts) of one text."""
    table, units, unspaced, inside = fold_table(), [], 0, False
    for character in text:
        code = ord(character)
        entry = int(table[code]) if code < len(table) else code | UNSPACED if code < 0x40000 else SEPARATOR
        if entry == DROPPED:
            continue
        alone = bool(entry & UNSPACED)
        letter = "" if entry == SEPARATOR else chr(entry & CODE_POINT)
        if alone or (letter and not inside):
            units.append(letter)
        elif letter:
            units[-1] += letter
        inside = bool(letter) and not alone
        unspaced += alone
    return units, unspaced


def shingles_python(text: str, words: int, characters: int) -> list[bytes]:
    """The shingles of one text as bytes."""
    units, unspaced = units_python(text)
    if not units:
        return [text.encode()]
    width = characters if 2 * unspaced >= len(units) else words
    starts = range(max(1, len(units) - width + 1))
    return [" ".join(units[start : start + width]).encode() for start in starts]


def hashes_of(texts: list[str], words: int = 5, characters: int = 5) -> list[list[int]]:
    offsets, hashes = shingle_hashes(pa.array(texts, pa.large_string()), words=words, characters=characters)
    return [hashes[a:b].tolist() for a, b in pairwise(offsets)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("hello", 0x248BFA47),
        ("hello, world", 0x149BBB7F),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_murmur_gives_the_published_values(text: str, expected: int) -> None:
    """The shingle hash is MurmurHash3, not something like it."""
    data = np.frombuffer(text.encode(), np.uint8)
    assert int(murmur3_32(data, 0, len(data))) == expected == murmur3_python(text.encode())


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(ALPHABET, max_size=40), max_size=5), st.integers(1, 6), st.integers(1, 6))
def test_kernel_equals_plain_python(texts: list[str], words: int, characters: int) -> None:
    """Whatever the mixture of scripts, the kernel hashes exactly the shingles that the rules name."""
    expected = [[murmur3_python(s) for s in shingles_python(text, words, characters)] for text in texts]
    assert hashes_of(texts, words, characters) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from((1, 2, 3, 7, 255, 256, 257, 258, 1000)), min_size=1, max_size=9), st.integers(1, 3))
def test_a_long_word_is_hashed_beside_short_ones(lengths: list[int], words: int) -> None:
    text = " ".join("ab"[at % 2] * length for at, length in enumerate(lengths))
    assert hashes_of([text], words, 3) == [[murmur3_python(one) for one in shingles_python(text, words, 3)]]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_kernel_reads_any_unicode(texts: list[str]) -> None:
    """No code point breaks the decoder, and every text has a shingle."""
    expected = [[murmur3_python(s) for s in shingles_python(text, 2, 3)] for text in texts]
    assert hashes_of(texts, 2, 3) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The Film, was GOOD", "the film was good!!!", True),
        ("Café don’t", "cafe\u0301 dont", True),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width", True),
        ("这部电影，很好！", "这部电影很好", True),
        ("カが", "カか", False),
        ("price 10", "price 12", False),
        ("!!!", "???", False),
        ("well known", "wellknown", False),
    ],
)
def test_folding(one: str, other: str, same: bool) -> None:
    """Case, accents, width and punctuation do not tell texts apart; letters, digits and word bounds do."""
    first, second = hashes_of([one, other])
    assert (first == second) is same


def test_widths_follow_the_script() -> None:
    """Words count where words are spaced, characters elsewhere; a short text is one shingle."""
    texts = ["one two three four five six", "这部电影很好看", "one two", "很好", "😀"]
    assert [len(h) for h in hashes_of(texts, words=5, characters=3)] == [2, 5, 1, 1, 1]


def test_slices_and_chunks_are_read_in_place() -> None:
    """An offset or a chunk border inside the Arrow column changes nothing."""
    texts = ["alpha beta", "gamma delta", "epsilon"]
    whole = hashes_of(texts)
    sliced = pa.array(["skipped", *texts]).slice(1)
    chunked = pa.chunked_array([texts[:1], texts[1:]])
    for column in (sliced, chunked):
        offsets, hashes = shingle_hashes(column, words=5, characters=5)
        assert [hashes[a:b].tolist() for a, b in pairwise(offsets)] == whole


def test_null_text_is_refused() -> None:
    """A missing text is an upstream error, not an empty document."""
    with pytest.raises(ValueError, match="1 texts are null"):
        shingle_hashes(pa.array(["a", None]), words=5, characters=5)


@settings(deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=40), max_size=5), st.integers(1, 6))
def test_characters_are_counted_in_every_script(texts: list[str], width: int) -> None:
    """Without words a shingle is so many folded characters, with the spaces that stand between them."""
    expected = []
    for text in texts:
        joined = " ".join(units_python(text)[0])
        places = [place for place, character in enumerate(joined) if character != " "]
        last = max(1, len(places) - width + 1)
        cut = [joined[places[i] : places[min(i + width, len(places)) - 1] + 1] for i in range(last) if places]
        expected.append([murmur3_python(one.encode()) for one in cut or [text]])
    offsets, hashes = shingle_hashes(pa.array(texts, pa.large_string()), words=None, characters=width)
    assert [hashes[start:stop].tolist() for start, stop in pairwise(offsets)] == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=8), max_size=5), st.integers(1, 6))
def test_tokens_are_hashed_by_their_numbers(numbers: list[list[int]], width: int) -> None:
    """A shingle of a tokenizer's numbers is their little-endian bytes; a text without tokens is one empty shingle."""
    data = [b"".join(number.to_bytes(4, "little") for number in text) for text in numbers]
    expected = [
        [murmur3_python(one[4 * i : 4 * (i + width)]) for i in range(max(1, len(one) // 4 - width + 1))] for one in data
    ]
    offsets, hashes = token_shingles(numbers, width)
    assert [hashes[start:stop].tolist() for start, stop in pairwise(offsets)] == expected


def test_a_tokenizer_is_the_one_that_was_named(tmp_path: Path) -> None:
    """Its file decides the shingles; another file under its name, or none, is refused."""
    file = tmp_path / "tokenizer.json"
    model = Tokenizer(WordLevel({"a": 0, "b": 1, "c": 2, "?": 3}, unk_token="?"))
    model.pre_tokenizer = Whitespace()
    model.save(str(file))
    cut = Shingling(
        unit="tokens", tokens=2, tokenizer=str(file), tokenizer_sha256=sha256(file.read_bytes()).hexdigest()
    )
    offsets, hashes = cut.hashes(pa.chunked_array([["a b c", "b c", "a"]]))
    assert offsets.tolist() == [0, 2, 3, 4] and hashes[1] == hashes[2]
    for wrong in (replace(cut, tokenizer_sha256="0" * 64), replace(cut, tokenizer=f"{file}x")):
        with pytest.raises(InputError, match=r"dedup\.shingle_tokenizer"):
            wrong.hashes(pa.array(["a"]))
