"""Compiled reader of texts: decodes each document of a block, tallies its characters by kind, and finds what stands
between spaces.

Reads UTF-8 bytes and offsets as Arrow lays them out, and the kinds of characters of `.kinds`.
Writes one row of integers per document, one column per name in `COUNTERS`; the code points and the kind of each; the
pieces between spaces, from which `.tokens` finds tokens and `.normalized` words; and the places
at which `.lines` looks.
"""

import functools
import string
import sys

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Block, Kinds, Pieces, Places

# What a kind of character is counted as; `.kinds` says which characters are.
LETTER, NUMBER, DIGIT, SPACE, PUNCTUATION, SYMBOL, UPPER, HAN, NEWLINE, HASH, BRACE, ELLIPSIS, END_BRACE = (
    1 << bit for bit in range(13)
)
TALLIED = {
    "letters": LETTER, "alphanumeric": LETTER | NUMBER, "digits": DIGIT, "spaces": SPACE, "punctuation": PUNCTUATION,
    "symbols": SYMBOL, "uppercase": UPPER, "han": HAN, "newlines": NEWLINE, "hashes": HASH, "curly_brackets": BRACE,
    "braces": BRACE | END_BRACE, "ellipses": ELLIPSIS,
}  # fmt: skip
COUNTERS = (*TALLIED, "characters", "non_space", "longest_run", "all_lines")
FULL_STOP = 46
GAP = 1  # the bit of a space in `.tokens`
SOUGHT = np.uint32(1 << 31)  # a place at which `.lines` looks; no bit of `.tokens`
DROPPED = -1  # in place of the lower case of a character of ASCII punctuation
TALLIES = np.uint64(3)  # of four tallies in turn, so that none waits for the one before
ZERO, ONE = np.uint64(0), np.uint64(1)  # without a sign, an index is not asked whether it counts from the end
NONE = np.uint32(0xFFFFFFFF)  # no character
BASE, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)  # odd, so that they lose nothing


@functools.cache
def lower_case() -> NDArray[np.int32]:
    """The lower case of each code point, itself where that is several; DROPPED for ASCII punctuation."""
    table = np.arange(sys.maxunicode + 1, dtype=np.int32)
    for code in range(0x1E944):  # no capital letter stands behind those of Adlam
        lowered = chr(code).lower()
        if len(lowered) == 1:
            table[code] = ord(lowered)
    table[[ord(sign) for sign in string.punctuation]] = DROPPED
    return table


@kernel
def _point(data, position):  # type: ignore[no-untyped-def]
    """(code point, bytes) of the character that begins there, in valid UTF-8."""
    point = np.uint32(data[position])
    if point < 0x80:
        return point, ONE
    width = np.uint64(2 if point < 0xE0 else 3 if point < 0xF0 else 4)
    point &= np.uint32(0x7F) >> np.uint32(width)
    for offset in range(ONE, width):
        point = (point << np.uint32(6)) | (np.uint32(data[position + offset]) & np.uint32(0x3F))
    return point, width


@kernel
def _read(data, position, end, known, points, kinds, pieces, places, tally):  # type: ignore[no-untyped-def]
    """Writes what `data[position:end]` holds (valid UTF-8, as Arrow guarantees).

    Gives (characters, pieces, places, longest run of one character that is no space, `...` of three full stops).
    """
    table, meanings, lower = known
    size, begin, piece, place, run, longest, dots = ZERO, ZERO, ZERO, ZERO, 1, 0, 0
    before, some, normal, digest = NONE, np.uint32(0), np.int32(0), ONE
    while position < end:
        point, width = _point(data, position)
        position += width
        kind = table[point]
        points[size], kinds[size] = point, kind
        tally[size & TALLIES, kind] += 1
        meaning = meanings[kind]
        places[place] = size
        place += np.uint64(meaning >> np.uint32(31))
        size += ONE
        if meaning & np.uint32(GAP):
            if before != NONE:
                pieces.start[piece], pieces.end[piece], pieces.some[piece] = begin, size - ONE, some
                pieces.normal[piece], pieces.digest[piece] = normal, digest
                piece += ONE
            begin, before, some, normal, digest = size, NONE, np.uint32(0), np.int32(0), ONE
            continue
        run = run * np.int64(point == before) + 1
        longest = max(longest, run)
        if run > 2:
            dots += point == FULL_STOP and run % 3 == 0
        before = point
        some |= meaning
        small = lower[point]
        normal += small >= 0
        digest = digest * BASE + np.uint64(small) * SPREAD if small >= 0 else digest
    if before != NONE:
        pieces.start[piece], pieces.end[piece], pieces.some[piece] = begin, size, some
        pieces.normal[piece], pieces.digest[piece] = normal, digest
        piece += ONE
    return size, piece, place, longest, dots


@entry
def _read_all(data, offsets, known, block, pieces, places, tallies, runs):  # type: ignore[no-untyped-def]
    tally = np.zeros((4, tallies.shape[1]), np.int64)
    for document in range(tallies.shape[0]):
        start, piece, place = block.first[document], pieces.first[document], places.first[document]
        begin, end = np.uint64(offsets[document]), np.uint64(offsets[document + 1])
        found = Pieces(
            pieces.first, pieces.start[piece:], pieces.end[piece:], pieces.some[piece:], pieces.normal[piece:],
            pieces.digest[piece:],
        )  # fmt: skip
        tally[:] = 0
        size, count, sought, runs[document, 0], runs[document, 1] = _read(
            data, begin, end, known, block.points[start:], block.kinds[start:], found, places.at[place:], tally
        )
        tallies[document] = tally.sum(axis=0)
        block.first[document + 1], pieces.first[document + 1] = start + size, piece + count
        places.first[document + 1] = place + sought


def count(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], kinds: Kinds
) -> tuple[NDArray[np.int64], Block, Pieces, Places]:
    """Counters (shape (documents, len(COUNTERS))), the decoded block, its pieces, and where lines are looked at.

    `data` holds valid UTF-8, document i is `data[offsets[i]:offsets[i + 1]]`.
    """
    documents, size = len(offsets) - 1, int(offsets[-1] - offsets[0])
    first = np.zeros((3, documents + 1), np.int64)
    block = Block(np.empty(size, np.int32), np.empty(size, np.uint8), first[0])
    half = size // 2 + documents + 1  # a space stands between two pieces; one more is written at the end of each text
    start, end, normal = np.empty((3, half), np.int32)
    pieces = Pieces(first[1], start, end, np.empty(half, np.uint32), normal, np.empty(half, np.uint64))
    places = Places(first[2], np.empty(size + 1, np.int32))
    tallies, runs = np.zeros((documents, len(kinds.characters)), np.int64), np.zeros((documents, 2), np.int64)
    _read_all(data, offsets, (kinds.table, kinds.reading, lower_case()), block, pieces, places, tallies, runs)
    return _counters(tallies, runs, block, kinds), block, pieces, places


def _counters(tallies: NDArray[np.int64], runs: NDArray[np.int64], block: Block, kinds: Kinds) -> NDArray[np.int64]:
    """One column per name in COUNTERS, from how often each kind occurs."""
    counted = np.array([kinds.characters & bits != 0 for bits in TALLIED.values()], np.int64)
    rows = np.empty((len(tallies), len(COUNTERS)), np.int64)
    rows[:, : len(TALLIED)] = tallies @ counted.T
    column = {name: rows[:, index] for index, name in enumerate(COUNTERS)}
    column["ellipses"] += runs[:, 1]
    column["characters"][:] = np.diff(block.first)
    column["non_space"][:] = column["characters"] - column["spaces"]
    column["longest_run"][:] = np.where(column["non_space"] > 0, runs[:, 0], 0)
    column["all_lines"][:] = np.where(column["characters"] > 0, column["newlines"] + 1, 0)
    return rows
