"""Compiled counters over runs of ten characters and of ten tokens: how many there are, and how many are not alone.

Reads the characters of a block and the spans of its tokens. Writes integers, one row per document, one column per name
in `COUNTERS`. Of runs of characters only the most frequent count, as many kinds of them as the root of the number of
kinds (Data-Juicer, which took it from BigScience); of runs of tokens every one that occurs twice.

Runs are compared by a 64-bit rolling hash. Indices have no sign where it is hot: one is not asked, then, whether it
counts from the end.
"""

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Block, Tokens

COUNTERS = ("character_runs", "recurring_characters", "token_runs", "recurring_tokens")
RUN = 10  # characters, or tokens
BASE, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)  # odd, so that they lose nothing


@kernel
def _mark(bits, bit):  # type: ignore[no-untyped-def]
    """Set a bit; 1 if it was set before, else 0."""
    word, place = bits[bit >> np.uint64(6)], bit & np.uint64(63)
    bits[bit >> np.uint64(6)] = word | np.uint64(1) << place
    return word >> place & np.uint64(1)


@kernel
def _clear(bits, runs):  # type: ignore[no-untyped-def]
    """Clears a bitmap of 16 to 32 bits a run; by how much the hash of a run is shifted to be its place in it."""
    size, shift = 64, 58
    while size < 16 * runs:
        size *= 2
        shift -= 1
    bits[: size // 64] = 0
    return np.uint64(shift)


@kernel
def _write_runs(units, runs, again, bits):  # type: ignore[no-untyped-def]
    """Writes the hash of each run, and again those that may have come before; (runs, those).

    Most runs occur once: a bitmap that stays in the nearest cache says of most that they do. No branch is taken by its
    answers, which no processor foresees.
    """
    count, twice, rolling, power = max(0, units.size - RUN + 1), np.uint64(0), np.uint64(0), np.uint64(1)
    shift = _clear(bits, count)
    for index in range(min(RUN - 1, units.size)):
        power *= BASE
        rolling = rolling * BASE + (np.uint64(units[index]) + np.uint64(1)) * SPREAD
    for place in range(count):
        rolling = rolling * BASE + (np.uint64(units[place + RUN - 1]) + np.uint64(1)) * SPREAD
        runs[place] = again[twice] = rolling
        twice += _mark(bits, rolling >> shift)
        rolling -= (np.uint64(units[place]) + np.uint64(1)) * SPREAD * power
    return count, twice


@kernel
def _kind(table, kinds, run):  # type: ignore[no-untyped-def]
    """Slot of a run in an open hash table of places in `kinds`; -1 stands in one that is free."""
    mask = np.uint64(table.size - 1)
    slot = run >> np.uint64(24) & mask
    while table[slot] >= 0 and kinds[table[slot]] != run:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _count_kinds(runs, again, twice, memory):  # type: ignore[no-untyped-def]
    """Writes how often each kind occurs that may occur twice; (kinds in all, kinds written)."""
    bits, kinds, times, table = memory
    slots, found, marked, counted = 4, 0, np.uint64(0), 0
    while slots < 2 * twice:
        slots *= 2
    table = table[:slots]
    table[:] = -1
    shift = _clear(bits, runs.size)
    for run in again[:twice]:
        slot = _kind(table, kinds, run)
        if table[slot] < 0:
            table[slot], kinds[found], times[found] = found, run, 0
            found += 1
            _mark(bits, run >> shift)
    for run in runs:
        again[marked] = run
        bit = run >> shift
        marked += bits[bit >> np.uint64(6)] >> (bit & np.uint64(63)) & np.uint64(1)
    for run in again[:marked]:
        place = table[_kind(table, kinds, run)]
        if place >= 0:
            times[place] += 1
            counted += 1
    return runs.size - counted + found, found


@kernel
def _most_frequent(times, most, tally):  # type: ignore[no-untyped-def]
    """Runs of the `most` most frequent kinds that occur twice."""
    highest, runs = 0, 0
    for time in times:
        highest = max(highest, time)
    tally[: highest + 1] = 0
    for time in times:
        tally[time] += 1
    while highest > 1 and most > 0:
        taken = min(most, tally[highest])
        runs, most, highest = runs + taken * highest, most - taken, highest - 1
    return runs


@kernel
def _count(units, rooted, memory):  # type: ignore[no-untyped-def]
    """(runs of these units, those of kinds that occur twice); `rooted`: of the root of all kinds, the most frequent."""
    runs, again, bits, kinds, times, table, tally = memory
    count, twice = _write_runs(units, runs, again, bits)
    if twice == 0:
        return count, 0
    every, found = _count_kinds(runs[:count], again, twice, (bits, kinds, times, table))
    return count, _most_frequent(times[:found], int(np.sqrt(every)) if rooted else every, tally)


@entry
def _count_all(points, first, digests, first_token, rows):  # type: ignore[no-untyped-def]
    longest = 1
    for document in range(rows.shape[0]):
        longest = max(longest, first[document + 1] - first[document])
    memory = (
        np.empty(longest, np.uint64), np.empty(longest, np.uint64), np.empty(longest // 2 + 2, np.uint64),
        np.empty(longest, np.uint64), np.empty(longest, np.int32), np.empty(4 * longest + 4, np.int32),
        np.empty(longest + 1, np.int32),
    )  # fmt: skip
    for document in range(rows.shape[0]):
        characters = points[first[document] : first[document + 1]]
        tokens = digests[first_token[document] : first_token[document + 1]]
        rows[document, 0], rows[document, 1] = _count(characters, True, memory)
        rows[document, 2], rows[document, 3] = _count(tokens, False, memory)


def count_recurring(block: Block, tokens: Tokens) -> NDArray[np.int64]:
    """Counters of each document: shape (documents, len(COUNTERS))."""
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    _count_all(block.points, block.first, tokens.digest, tokens.first, rows)
    return rows
