"""Text -> shingles: overlapping runs of words or characters, as 32-bit hashes.

Reads   an Arrow column of texts (UTF-8, no nulls).
Gives   for each text the hashes of its shingles, in the order of the text, repeats included.

A *unit* is one word of a script that writes spaces, or one character of a script that does not (Han, kana,
Thai, Lao, Khmer, Myanmar). A shingle is n consecutive units joined by single spaces, hashed by MurmurHash3
(x86, 32 bits, seed 0) over its UTF-8 bytes: a public function, so that anybody can feed the same shingles to
another MinHash. Widths of 5 words are those of FineWeb (`MinhashConfig`) and RefinedWeb; 5 characters for
Chinese are those of Data-Juicer.

Characters are folded one by one, by a table that is built once per process from Python's `unicodedata`: lower
case; accents, apostrophes and invisible format characters vanish; compatibility forms (full-width letters,
ligatures of one letter) become the plain one; everything that is no letter, mark or digit separates words. A
fold that would need several characters ("ß" -> "ss") is not done. Digits stay: prices and years tell texts
apart.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

PLANES = 0x20000  # code points below it have an entry in the table
HAN_END = 0x40000  # planes 2 and 3 hold Han characters only
SEPARATOR, DROPPED = 0, 1  # what a table entry says when it is no code point
UNSPACED = 1 << 30  # flag of an entry: this character is a unit by itself
CODE_POINT = UNSPACED - 1  # mask of the code point in an entry
SEPARATOR_BYTE = 32  # between the units of a shingle

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
    texts: pa.Array | pa.ChunkedArray, *, words: int, characters: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Hashes of the shingles of every text, as (offsets, hashes): text i has hashes[offsets[i]:offsets[i +
    1]].

    A shingle is `words` units wide, or `characters` units where at least half of the text's units are
    characters of an unspaced script. A text with fewer units is one shingle, the whole of it; a text without
    any unit ("!!!") is one shingle, its own bytes. So every text has at least one.
    """
    starts, data = utf8_buffers(texts)
    return _hash_texts(data, starts, fold_table(), words, characters)


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
    data = np.frombuffer(text.encode(), np.uint8)
    begins, ends = np.empty(len(data) + 1, np.int64), np.empty(len(data) + 1, np.int64)
    folded = np.empty(2 * len(data) + 4, np.uint8)
    count, unspaced = _units(data, 0, len(data), fold_table(), folded, begins, ends)
    spans = zip(begins[:count].tolist(), ends[:count].tolist(), strict=True)
    return [folded[begin:end].tobytes().decode() for begin, end in spans], unspaced


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


@njit(nogil=True, cache=True)
def murmur3_32(data: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    """MurmurHash3 x86 32-bit, seed 0, of data[start:stop] (A. Appleby, public domain)."""
    piece = data[start:stop]  # indices from 0 spare the compiler every check for negative ones: 1.7 times as fast
    length = len(piece)
    blocks = length >> 2
    h = np.uint32(0)
    for block in range(blocks):
        h = np.uint32(h ^ _murmur_block(_little_endian(piece, 4 * block)))
        h = np.uint32((h << np.uint32(13)) | (h >> np.uint32(19)))
        h = np.uint32(h * np.uint32(5) + np.uint32(0xE6546B64))
    k = np.uint32(0)
    for i in range(length - 1, 4 * blocks - 1, -1):
        k = np.uint32((k << np.uint32(8)) | np.uint32(piece[i]))
    h = np.uint32(h ^ _murmur_block(k))
    return _finalise(np.uint32(h ^ np.uint32(length)))


@njit(nogil=True, cache=True, inline="always")
def _little_endian(data, i):  # type: ignore[no-untyped-def]
    """Four bytes as one number; in 32 bits all along, so that it becomes one load."""
    low = np.uint32(np.uint32(data[i]) | (np.uint32(data[i + 1]) << np.uint32(8)))
    high = np.uint32(np.uint32(data[i + 2]) | (np.uint32(data[i + 3]) << np.uint32(8)))
    return np.uint32(low | (high << np.uint32(16)))


@njit(nogil=True, cache=True)
def _murmur_block(k: np.uint32) -> np.uint32:
    k = np.uint32(k * np.uint32(0xCC9E2D51))
    k = np.uint32((k << np.uint32(15)) | (k >> np.uint32(17)))
    return np.uint32(k * np.uint32(0x1B873593))


@njit(nogil=True, cache=True)
def _finalise(h: np.uint32) -> np.uint32:
    """MurmurHash3's finaliser: a bijection that spreads every bit."""
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(nogil=True, cache=True)
def _hash_texts(data, starts, fold, words, characters):  # type: ignore[no-untyped-def]
    """(offsets, hashes) of all texts; see `shingle_hashes`."""
    texts = len(starts) - 1
    longest = 0
    for i in range(texts):
        longest = max(longest, starts[i + 1] - starts[i])
    folded = np.empty(
        2 * longest + 4, np.uint8
    )  # a character of k bytes is never folded to more than 2k, space included
    begins, ends = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    offsets = np.zeros(texts + 1, np.int64)
    hashes = np.empty(
        starts[texts] - starts[0] + texts, np.uint32
    )  # at most one shingle per byte, at least one per text
    used = 0
    for i in range(texts):
        units, unspaced = _units(data, starts[i], starts[i + 1], fold, folded, begins, ends)
        width = characters if 2 * unspaced >= units else words
        if units == 0:
            hashes[used] = murmur3_32(data, starts[i], starts[i + 1])
            used += 1
        for first in range(min(units, max(1, units - width + 1))):
            hashes[used] = murmur3_32(folded, begins[first], ends[min(first + width, units) - 1])
            used += 1
        offsets[i + 1] = used
    return offsets, hashes[:used].copy()


@njit(nogil=True, cache=True)
def _units(data, start, stop, fold, folded, begins, ends):  # type: ignore[no-untyped-def]
    """Write the folded units of data[start:stop], joined by spaces, and where each begins and ends.

    Returns (number of units, number of those that are characters of an unspaced script).
    """
    text = data[start:stop]
    size = len(text)
    count, unspaced, written, position = 0, 0, 0, 0
    inside = False  # a word is being written
    while position < size:
        lead = text[position]
        if lead < 0x80:  # most bytes of most texts: a branch of their own, and no call (it would count references)
            position += 1
            entry = fold[lead]
            if entry > DROPPED:
                if not inside:
                    if count:
                        folded[written] = SEPARATOR_BYTE
                        written += 1
                    begins[count] = written
                    count += 1
                    inside = True
                folded[written] = entry
                written += 1
            elif entry == SEPARATOR and inside:
                ends[count - 1] = written
                inside = False
            continue
        code, position = _decode(text, position)
        wide = _entry(code, fold)
        if wide == DROPPED:
            continue
        alone = wide & UNSPACED != 0
        if inside and (alone or wide == SEPARATOR):
            ends[count - 1] = written
            inside = False
        if wide == SEPARATOR:
            continue
        if not inside:
            if count:
                folded[written] = SEPARATOR_BYTE
                written += 1
            begins[count] = written
            count += 1
        written = _encode(wide & CODE_POINT, folded, written)
        inside = not alone
        if alone:
            ends[count - 1] = written
            unspaced += 1
    if inside:
        ends[count - 1] = written
    return count, unspaced


@njit(nogil=True, cache=True)
def _entry(code, fold):  # type: ignore[no-untyped-def]
    """Table entry of a code point; planes 2 and 3 are Han, all above is no text."""
    if code < PLANES:
        return np.int64(fold[code])
    return np.int64(code | UNSPACED) if code < HAN_END else np.int64(SEPARATOR)


@njit(nogil=True, cache=True)
def _decode(data, position):  # type: ignore[no-untyped-def]
    """(code point, next position) of the UTF-8 sequence at `position`, which Arrow has checked."""
    lead = np.int64(data[position])
    if lead < 0x80:
        return lead, position + 1
    more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
    code = lead & (0x3F >> more)
    for i in range(1, more + 1):
        code = (code << 6) | (np.int64(data[position + i]) & 0x3F)
    return code, position + more + 1


@njit(nogil=True, cache=True)
def _encode(code, out, position):  # type: ignore[no-untyped-def]
    """Write a code point as UTF-8 at out[position:]; returns the position after it."""
    if code < 0x80:
        out[position] = code
        return position + 1
    more = 1 if code < 0x800 else 2 if code < 0x10000 else 3
    out[position] = ((0xF00 >> (more + 1)) & 0xFF) | (code >> (6 * more))
    for i in range(1, more + 1):
        out[position + i] = 0x80 | ((code >> (6 * (more - i))) & 0x3F)
    return position + more + 1
