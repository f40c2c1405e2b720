"""Compiled counters over runs of ten characters and of ten tokens: how many there are, and how many are not alone.

Reads the characters of a block and the spans of its tokens. Writes integers, one row per document, one column per name
in `COUNTERS`. Of runs of characters only the most frequent count, as many kinds of them as the root of the number of
kinds (Data-Juicer, which took it from BigScience); of runs of tokens every one that occurs twice.

Runs are compared by a 64-bit rolling hash. Numba's on-disk cache looks at the file of a function only: kernels call
nothing, and use no constant, of another file.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Block, Spans

COUNTERS = ("character_runs", "recurring_characters", "token_runs", "recurring_tokens")
RUN = 10  # characters, or tokens

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _bit(run, mask):  # type: ignore[no-untyped-def]
    """Place of a run in a bitmap."""
    return ((run ^ (run >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(20) & mask


@_jit
def _mark(bits, bit):  # type: ignore[no-untyped-def]
    """Set a bit; whether it was set before."""
    word, one = bits[bit >> np.uint64(6)], np.uint64(1) << (bit & np.uint64(63))
    bits[bit >> np.uint64(6)] = word | one
    return word & one != 0


@_jit
def _write_runs(units, first, last, runs):  # type: ignore[no-untyped-def]
    """Writes the hash of each run; their number."""
    base, rolling, power = np.uint64(0x9E3779B97F4A7C15), np.uint64(0), np.uint64(1)
    for _ in range(RUN):
        power *= base
    for index in range(first, last):
        rolling = rolling * base + np.uint64(units[index]) + np.uint64(1)
        if index >= first + RUN:
            rolling -= power * (np.uint64(units[index - RUN]) + np.uint64(1))
        if index >= first + RUN - 1:
            runs[index - first - RUN + 1] = rolling
    return max(0, last - first - RUN + 1)


@_jit
def _kind(table, kinds, run):  # type: ignore[no-untyped-def]
    """Slot of a run in an open hash table of places in `kinds`; -1 stands in one that is free."""
    mask = np.uint64(table.size - 1)
    slot = _bit(run, mask)
    while table[slot] >= 0 and kinds[table[slot]] != run:
        slot = (slot + np.uint64(1)) & mask
    return slot


@_jit
def _count_kinds(runs, bits, times):  # type: ignore[no-untyped-def]
    """Writes into `times` how often each kind occurs that may occur twice; (kinds in all, kinds written).

    Most kinds occur once: a bitmap that stays in the nearest cache says of most that they do.
    """
    size = 64
    while size < 16 * runs.size:
        size *= 2
    mask, twice = np.uint64(size - 1), 0
    bits[: size // 64] = 0
    kinds = np.empty(runs.size, np.uint64)
    for run in runs:
        if _mark(bits, _bit(run, mask)):
            kinds[twice] = run
            twice += 1
    if twice == 0:
        return runs.size, 0
    slots = 4
    while slots < 2 * twice:
        slots *= 2
    table, found = np.full(slots, -1, np.int32), 0
    bits[: size // 64] = 0
    for place in range(twice):
        run = kinds[place]
        slot = _kind(table, kinds, run)
        if table[slot] < 0:
            table[slot], kinds[found], times[found] = found, run, 0
            found += 1
            _mark(bits, _bit(run, mask))
    alone = 0
    for run in runs:
        bit = _bit(run, mask)
        known = bits[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1) != 0
        place = table[_kind(table, kinds, run)] if known else -1
        if place >= 0:
            times[place] += 1
        else:
            alone += 1
    return alone + found, found


@_jit
def _most_frequent(times, kinds, most):  # type: ignore[no-untyped-def]
    """Runs of the `most` most frequent kinds that occur twice."""
    repeated = 0
    for kind in range(kinds):
        if times[kind] > 1:
            times[repeated] = times[kind]
            repeated += 1
    ascending = np.sort(times[:repeated])
    return ascending[max(0, repeated - most) :].sum()


@_jit
def _count_all(points, first, digests, first_token, rows):  # type: ignore[no-untyped-def]
    longest = 0
    for document in range(rows.shape[0]):
        longest = max(longest, first[document + 1] - first[document])
    runs, times, bits = np.empty(longest, np.uint64), np.empty(longest, np.int32), np.empty(longest // 2 + 2, np.uint64)
    for document in range(rows.shape[0]):
        count = _write_runs(points, first[document], first[document + 1], runs)
        kinds, found = _count_kinds(runs[:count], bits, times)
        rows[document, 0], rows[document, 1] = count, _most_frequent(times, found, int(np.sqrt(kinds)))
        count = _write_runs(digests, first_token[document], first_token[document + 1], runs)
        kinds, found = _count_kinds(runs[:count], bits, times)
        rows[document, 2], rows[document, 3] = count, _most_frequent(times, found, kinds)


def count_recurring(block: Block, tokens: Spans) -> NDArray[np.int64]:
    """Counters of each document: shape (documents, len(COUNTERS))."""
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    _count_all(block.points, block.first, tokens.digest, tokens.first, rows)
    return rows
