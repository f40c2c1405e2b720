"""Compiled counters over characters: decodes each document of a block and tallies its characters by kind.

Reads UTF-8 bytes and offsets as Arrow lays them out, and the kinds of characters of `stages.text.kinds`.
Writes one row of integers per document, one column per name in `COUNTERS`, the code points, and the kind of each,
from which `stages.text.tokens` finds tokens and `stages.text.lines` lines.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Block, Kinds

# What a kind of character is counted as; `stages.text.kinds` says which characters are.
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

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _decode(data, position, end, table, points, kinds, spaces, tally):  # type: ignore[no-untyped-def]
    """Writes the code points of `data[position:end]` (valid UTF-8, as Arrow guarantees) and their kinds.

    Gives (characters, longest run of one character that is no space, `...` of three full stops).
    """
    size, run, longest, dots, before = 0, 1, 0, 0, np.int32(-1)
    while position < end:
        point = np.int32(data[position])
        width = 1 if point < 0x80 else 2 if point < 0xE0 else 3 if point < 0xF0 else 4
        if width > 1:
            point &= 0x7F >> width
            for offset in range(1, width):
                point = (point << 6) | (np.int32(data[position + offset]) & 0x3F)
        position += width
        kind = table[point]
        points[size], kinds[size] = point, kind
        size += 1
        tally[kind] += 1
        run = run + 1 if point == before and not spaces[kind] else 1
        if run > 1:
            longest = max(longest, run)
            dots += point == FULL_STOP and run % 3 == 0
        before = point
    return size, max(longest, np.int64(size > 0)), dots


@_jit
def _decode_all(data, offsets, table, spaces, points, kinds, first, tallies, runs):  # type: ignore[no-untyped-def]
    for document in range(tallies.shape[0]):
        start = first[document]
        size, runs[document, 0], runs[document, 1] = _decode(
            data, offsets[document], offsets[document + 1], table, points[start:], kinds[start:], spaces,
            tallies[document],
        )  # fmt: skip
        first[document + 1] = start + size


def count(data: NDArray[np.uint8], offsets: NDArray[np.int64], kinds: Kinds) -> tuple[NDArray[np.int64], Block]:
    """Counters (shape (documents, len(COUNTERS))) and the decoded block.

    `data` holds valid UTF-8, document i is `data[offsets[i]:offsets[i + 1]]`.
    """
    documents, size = len(offsets) - 1, int(offsets[-1] - offsets[0])
    block = Block(np.empty(size, np.int32), np.empty(size, np.uint8), np.zeros(documents + 1, np.int64))
    tallies, runs = np.zeros((documents, len(kinds.characters)), np.int64), np.zeros((documents, 2), np.int64)
    spaces = kinds.characters & SPACE != 0
    _decode_all(data, offsets, kinds.table, spaces, block.points, block.kinds, block.first, tallies, runs)
    counted = np.array([kinds.characters & bits != 0 for bits in TALLIED.values()], np.int64)
    rows = np.empty((documents, len(COUNTERS)), np.int64)
    rows[:, : len(TALLIED)] = tallies @ counted.T
    column = {name: rows[:, index] for index, name in enumerate(COUNTERS)}
    column["ellipses"] += runs[:, 1]
    column["characters"][:] = np.diff(block.first)
    column["non_space"][:] = column["characters"] - column["spaces"]
    column["longest_run"][:] = np.where(column["non_space"] > 0, runs[:, 0], 0)
    column["all_lines"][:] = np.where(column["characters"] > 0, column["newlines"] + 1, 0)
    return rows, block
