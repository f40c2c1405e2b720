"""Compiled: texts -> the pieces that are compared: paragraphs, and windows of so many tokens.

A token is a unit of the shingles (stages/text/minhash/shingles.py): a word of a script that writes spaces, or one
character of a script that does not. Pieces begin and end with a token, so that no character and no word is cut in two.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from stages.text.minhash.shingle_kernels import DROPPED, SEPARATOR
from stages.text.minhash.shingles import fold_table, utf8_buffers

PLANES = 0x20000  # as in the shingles: code points below it have an entry in the table,
HAN_END = 0x40000  # planes 2 and 3 hold Han characters only,
UNSPACED = 1 << 30  # and a character with this flag is a token by itself
ENDS, SKIPPED = 0, 1  # entries of what is no part of a token: it ends one, or is looked through
NEWLINE, SPACE = 10, 32

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]


def paragraphs(
    texts: pa.Array | pa.ChunkedArray, newlines: int, tokens: int
) -> tuple[Longs, NDArray[np.uint64], Ints, Ints]:
    """(offsets, hashes, starts, stops): text i has the paragraphs offsets[i] to offsets[i + 1].

    A paragraph ends after `newlines` or more in a row, which belong to it; one of fewer than `tokens` is left out.
    Starts and stops count characters of the text. A hash is 64 bits over the folded tokens, so that case, accents,
    punctuation and white space do not count.
    """
    bounds, data = utf8_buffers(texts)
    return _paragraphs(data, bounds, _entries(), newlines, tokens)


def windows(data: NDArray[np.uint8], bounds: Longs, tokens: int) -> tuple[Longs, Ints, Ints]:
    """(offsets, starts, stops) of all runs of `tokens` tokens, in bytes of `data`: text i has offsets[i] to [i + 1].

    Text i is data[bounds[i]:bounds[i + 1]], the last byte of which is no part of it. Memory: 8 bytes per token.
    """
    return _windows(data, bounds, _entries(), tokens)


@cache
def _entries() -> NDArray[np.uint32]:
    """The table of the shingles, with the names that the kernels of this file have for what is no letter."""
    fold = fold_table()
    return np.where(fold == SEPARATOR, ENDS, np.where(fold == DROPPED, SKIPPED, fold)).astype(np.uint32)


def in_characters(data: NDArray[np.uint8], begins: Longs, places: Ints) -> Ints:
    """Characters before each place, which is a position in `data`, counted from where its text begins.

    Both are as long as there are places; those of one text must be together, and ascending.
    """
    return _in_characters(data, begins, places)


@njit(nogil=True, cache=True)
def _entry(data, position, fold):  # type: ignore[no-untyped-def]
    """(code point, its entry in the table, next position) of the UTF-8 sequence at `position`."""
    lead = np.int64(data[position])
    if lead < 0x80:
        return lead, np.int64(fold[lead]), position + 1
    more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
    code = lead & (0x3F >> more)
    for i in range(1, more + 1):
        code = (code << 6) | (np.int64(data[position + i]) & 0x3F)
    if code < PLANES:
        return code, np.int64(fold[code]), position + more + 1
    return code, np.int64(code | UNSPACED) if code < HAN_END else np.int64(0), position + more + 1


@njit(nogil=True, cache=True)
def _mixed(state, value):  # type: ignore[no-untyped-def]
    """FNV-1a over whole numbers, with a shift, because all 64 bits are looked at."""
    state = (state ^ np.uint64(value)) * np.uint64(0x100000001B3)
    return state ^ (state >> np.uint64(29))


@njit(nogil=True, cache=True)
def _paragraphs(data, bounds, fold, newlines, tokens):  # type: ignore[no-untyped-def]
    most = (bounds[-1] - bounds[0]) // max(tokens, 1) + len(bounds)
    offsets, hashes = np.zeros(len(bounds), np.int64), np.empty(most, np.uint64)
    starts, stops, used = np.empty(most, np.int32), np.empty(most, np.int32), 0
    for i in range(len(bounds) - 1):
        position, character, start, count, breaks, inside = bounds[i], 0, 0, 0, 0, False
        state = np.uint64(0xCBF29CE484222325)
        while position <= bounds[i + 1]:
            ended = position == bounds[i + 1]
            if not ended:
                code, entry, after = _entry(data, position, fold)
            if ended or (breaks >= newlines and code != NEWLINE):
                if count >= tokens:
                    hashes[used], starts[used], stops[used] = state, start, character
                    used += 1
                if ended:
                    break
                start, count, inside, state = character, 0, False, np.uint64(0xCBF29CE484222325)
            breaks = breaks + 1 if code == NEWLINE else 0
            if entry > SKIPPED:
                if not inside or entry & UNSPACED:
                    state, count = _mixed(state, SPACE), count + 1
                state, inside = _mixed(state, entry), entry & UNSPACED == 0
            elif entry != SKIPPED:
                inside = False
            position, character = after, character + 1
        offsets[i + 1] = used
    return offsets, hashes[:used].copy(), starts[:used].copy(), stops[:used].copy()


@njit(nogil=True, cache=True)
def _windows(data, bounds, fold, tokens):  # type: ignore[no-untyped-def]
    """Each token opens a window and may close the one that began `tokens` - 1 before it."""
    offsets, used = np.zeros(len(bounds), np.int64), 0
    starts, stops = np.empty(len(data), np.int32), np.empty(len(data), np.int32)
    for i in range(len(bounds) - 1):
        position, count, inside = bounds[i], 0, False
        while position < bounds[i + 1] - 1:
            _, entry, after = _entry(data, position, fold)
            if entry > SKIPPED:
                if not inside or entry & UNSPACED:
                    starts[used + count], count = position, count + 1
                stops[used + count - 1], inside = after, entry & UNSPACED == 0
            elif entry != SKIPPED:
                inside = False
            position = after
        full = max(0, count - tokens + 1)
        for window in range(full):
            stops[used + window] = stops[used + window + tokens - 1]
        used += full
        offsets[i + 1] = used
    return offsets, starts[:used].copy(), stops[:used].copy()


@njit(nogil=True, cache=True)
def _in_characters(data, begins, places):  # type: ignore[no-untyped-def]
    found = np.empty(len(places), np.int32)
    begin, position, characters = np.int64(-1), np.int64(0), 0
    for i in range(len(places)):
        if begins[i] != begin or places[i] < position:
            begin, position, characters = begins[i], begins[i], 0
        while position < places[i]:
            characters += data[position] & 0xC0 != 0x80
            position += 1
        found[i] = characters
    return found
