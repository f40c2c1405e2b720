"""Text -> shingles: overlapping runs of words or characters, as 32-bit hashes.

Reads   an Arrow column of texts (UTF-8, no nulls).
Gives   for each text the hashes of its shingles, in the order of the text, repeats included.

A *unit* is one word of a script that writes spaces, or one character of a script that does not (Han, kana,
Thai, Lao, Khmer, Myanmar). A shingle is n consecutive units joined by single spaces, hashed by MurmurHash3
(x86, 32 bits, seed 0) over its UTF-8 bytes: a public function, so that anybody can feed the same shingles to
another MinHash. Widths of 5 words are those of FineWeb (`MinhashConfig`) and RefinedWeb; 5 characters for
Chinese are those of Data-Juicer. Where all scripts are cut into characters (NeMo Curator) a unit is a folded
character; spaces between them stand in the shingle and are not counted. Of a tokenizer's numbers a shingle is n
consecutive ones, hashed over their little-endian bytes.

Characters are folded one by one, by a table that is built once per process from Python's `unicodedata`: lower
case; accents, apostrophes and invisible format characters vanish; compatibility forms (full-width letters,
ligatures of one letter) become the plain one; everything that is no letter, mark or digit separates words. A
fold that would need several characters ("ß" -> "ss") is not done. Digits stay: prices and years tell texts
apart.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stages.text.minhash.shingle_kernels import (
    DROPPED,
    PLANES,
    SEPARATOR,
    UNSPACED,
    cut_units,
    folded_room,
    hash_texts,
    hash_tokens,
)

APOSTROPHES = "'’ʼ＇"
ACCENTS = range(0x0300, 0x0370)  # Combining Diacritical Marks; marks of other scripts are part of the word
UNSPACED_SCRIPTS = (
    (0x0E00, 0x0F00),  # Thai, Lao
    (0x1000, 0x10A0),  # Myanmar
    (0x1780, 0x1800),  # Khmer
    (0x2E80, 0x2FE0),  # Han radicals
    (0x3005, 0x3008),  # Han iteration mark, zero
    (0x3040, 0x3100),  # Hiragana, Katakana
    (0x31F0, 0x3200),  # Katakana extensions
    (0x3400, 0x4DC0),  # Han extension A
    (0x4E00, 0xA000),  # Han
    (0xF900, 0xFB00),  # Han compatibility forms
)


def shingle_hashes(
    texts: pa.Array | pa.ChunkedArray, *, words: int | None, characters: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Hashes of the shingles of every text, as (offsets, hashes): text i has hashes[offsets[i]:offsets[i +
    1]].

    A shingle is `words` units wide, or `characters` units where at least half of the text's units are
    characters of an unspaced script; without `words` it is `characters` characters wide in every script. A text with
    fewer units is one shingle, the whole of it; a text without any unit ("!!!") is one shingle, its own bytes. So every
    text has at least one.
    """
    starts, data = utf8_buffers(texts)
    return hash_texts(data, starts, fold_table(), words or 0, characters)


def token_shingles(numbers: list[list[int]], width: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """The same of texts that a tokenizer has cut, one list of token numbers per text."""
    bounds = np.cumsum([0, *map(len, numbers)])
    tokens = np.fromiter(chain.from_iterable(numbers), "<u4", bounds[-1])
    return hash_tokens(tokens.view(np.uint8), bounds, width)


def utf8_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(offsets, bytes) of a string column without copying it: text i is bytes[offsets[i]:offsets[i + 1]].

    Errors: ValueError when a text is null.
    """
    if texts.null_count:
        raise ValueError(f"{texts.null_count} texts are null, must be none")
    column = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())
    column = column.cast(pa.large_string())
    if not len(column):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return bounds, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def folded_units(text: str) -> tuple[list[str], int]:
    """The units of one text, folded, and how many are characters of an unspaced script."""
    folded, spans, unspaced = _folded(text)
    return [folded[begin:end].tobytes().decode() for begin, end in spans.tolist()], unspaced


def folded_letters(text: str) -> bytes:
    """The units of one text, folded, with nothing between them."""
    folded, spans, _ = _folded(text)
    return folded[: spans[-1, 1] if len(spans) else 0].tobytes().replace(b" ", b"")


def _folded(text: str) -> tuple[NDArray[np.uint8], NDArray[np.int64], int]:
    """Folded bytes, where each unit begins and ends (shape (units, 2)), and how many are unspaced characters."""
    data = np.frombuffer(text.encode(), np.uint8)
    begins, ends = np.empty(len(data) + 1, np.int64), np.empty(len(data) + 1, np.int64)
    folded = np.empty(folded_room(len(data)), np.uint8)
    count, unspaced = cut_units(data, 0, len(data), fold_table(), folded, begins, ends)
    return folded, np.column_stack((begins[:count], ends[:count])), unspaced


@cache
def fold_table() -> NDArray[np.uint32]:
    """What a code point below 0x20000 becomes: SEPARATOR, DROPPED, or a code point and perhaps UNSPACED."""
    table = np.array([_fold(chr(code)) for code in range(PLANES)], np.uint32)
    for first, end in UNSPACED_SCRIPTS:
        letters = (table >= first) & (table < end)
        table[letters] |= np.uint32(UNSPACED)
    return table


def _fold(character: str) -> int:
    """Table entry of one character, without the UNSPACED flag."""
    category = unicodedata.category(character)
    if category == "Cf" or character in APOSTROPHES or ord(character) in ACCENTS:
        return DROPPED
    if category[0] not in "LMN":
        return SEPARATOR
    bare = [part for part in unicodedata.normalize("NFKD", character) if ord(part) not in ACCENTS]
    plain = bare[0] if len(bare) == 1 else _only(unicodedata.normalize("NFKC", character), character)
    return ord(_only(plain.casefold(), plain))


def _only(changed: str, otherwise: str) -> str:
    """`changed` when it is one character, else `otherwise`."""
    return changed if len(changed) == 1 else otherwise
