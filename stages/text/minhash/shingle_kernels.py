"""Compiled shingles: UTF-8 bytes -> folded units -> hashes; stages/text/minhash/shingles.py says what they are."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

PLANES = 0x20000  # code points below it have an entry in the table
HAN_END = 0x40000  # planes 2 and 3 hold Han characters only
DROPPED, SEPARATOR = (
    1,
    32,
)  # what a table entry says when it is no letter; a space stands between the units of a shingle
UNSPACED = 1 << 30  # flag of an entry: this character is a unit by itself
CODE_POINT = UNSPACED - 1  # mask of the code point in an entry
ABREAST = 64  # steps of four bytes that runs are hashed side by side; few are longer
ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)  # beside one with a sign: a float


@njit(nogil=True, cache=True)
def murmur3_32(data: NDArray[np.uint8], start: int, stop: int) -> np.uint32:
    """MurmurHash3 x86 32-bit, seed 0, of data[start:stop] (A. Appleby, public domain)."""
    piece = data[start:stop]  # indices from 0 spare the compiler every check for negative ones: 1.7 times as fast
    length = len(piece)
    blocks = length >> 2
    h = np.uint32(0)
    for block in range(blocks):
        h = _murmur_step(h, _murmur_block(_little_endian(piece, 4 * block)))
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
def _murmur_step(h: np.uint32, k: np.uint32) -> np.uint32:
    h = np.uint32(h ^ k)
    h = np.uint32((h << np.uint32(13)) | (h >> np.uint32(19)))
    return np.uint32(h * np.uint32(5) + np.uint32(0xE6546B64))


@njit(nogil=True, cache=True)
def _finalise(h: np.uint32) -> np.uint32:
    """MurmurHash3's finaliser: a bijection that spreads every bit."""
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(nogil=True, cache=True)
def hash_texts(data, starts, fold, words, characters):  # type: ignore[no-untyped-def]
    """(offsets, hashes) of all texts; see `shingle_hashes`."""
    texts = len(starts) - 1
    longest = 0
    for i in range(texts):
        longest = max(longest, starts[i + 1] - starts[i])
    folded, blocks = np.zeros(folded_room(longest), np.uint8), np.empty(folded_room(longest), np.uint32)
    begins, ends = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    offsets = np.zeros(texts + 1, np.int64)
    hashes = np.empty(starts[texts] - starts[0] + texts, np.uint32)  # at most one per byte, at least one per text
    used = 0
    for i in range(texts):
        units, unspaced = cut_units(data, starts[i], starts[i + 1], fold, folded, begins, ends)
        if words == 0:
            units = _characters(folded, begins, ends, units)
        width = characters if 2 * unspaced >= units or words == 0 else words
        if units == 0:
            hashes[used] = murmur3_32(data, starts[i], starts[i + 1])
            used += 1
        else:
            used += _hash_runs(folded, blocks, begins[:units], ends[:units], min(width, units), hashes[used:])
        offsets[i + 1] = used
    return offsets, hashes[:used].copy()


@njit(nogil=True, cache=True)
def folded_room(size):  # type: ignore[no-untyped-def]
    """Bytes that hold the folded units of `size` bytes: a character of k bytes gives at most 2k, spaces included.

    The last unit has a space after it, and _hash_runs looks as far beyond as four runs are hashed side by side.
    """
    return 2 * size + 4 * ABREAST + 4


@njit(nogil=True, cache=True)
def _hash_runs(folded, blocks, begins, ends, width, hashes):  # type: ignore[no-untyped-def]
    """MurmurHash3 of every run of `width` units into `hashes`; returns their number.

    What the hash makes of four bytes is computed once, for all runs that hold them. Each step of a hash waits for the
    one before, and no processor foresees how many there are: so four runs are hashed side by side, up to ABREAST steps.
    """
    for i in range(ends[-1]):
        blocks[i] = _murmur_block(_little_endian(folded, i))
    count = len(ends) - width + 1
    for first in range(0, count, 4):
        second, third, fourth = min(first + 1, count - 1), min(first + 2, count - 1), min(first + 3, count - 1)
        at_1, size_1 = _run(begins, ends, first, width)
        at_2, size_2 = _run(begins, ends, second, width)
        at_3, size_3 = _run(begins, ends, third, width)
        at_4, size_4 = _run(begins, ends, fourth, width)
        full_1, full_2, full_3, full_4 = size_1 >> TWO, size_2 >> TWO, size_3 >> TWO, size_4 >> TWO
        most = max(max(full_1, full_2), max(full_3, full_4))
        h_1 = h_2 = h_3 = h_4 = np.uint32(0)
        step, byte, side_by_side = np.uint64(0), np.uint64(0), min(most, np.uint64(ABREAST))
        while step < side_by_side:
            h_1 = _step_within(h_1, blocks[at_1 + byte], step < full_1)
            h_2 = _step_within(h_2, blocks[at_2 + byte], step < full_2)
            h_3 = _step_within(h_3, blocks[at_3 + byte], step < full_3)
            h_4 = _step_within(h_4, blocks[at_4 + byte], step < full_4)
            step += ONE
            byte += FOUR
        if most > side_by_side:
            h_1, h_2 = _run_on(h_1, blocks, at_1, full_1), _run_on(h_2, blocks, at_2, full_2)
            h_3, h_4 = _run_on(h_3, blocks, at_3, full_3), _run_on(h_4, blocks, at_4, full_4)
        hashes[first] = _end_run(h_1, folded, at_1, size_1)
        hashes[second] = _end_run(h_2, folded, at_2, size_2)
        hashes[third] = _end_run(h_3, folded, at_3, size_3)
        hashes[fourth] = _end_run(h_4, folded, at_4, size_4)
    return count


@njit(nogil=True, cache=True)
def _run(begins, ends, first, width):  # type: ignore[no-untyped-def]
    """(first byte, bytes) of the run that begins with the unit `first`; unsigned, as indices are not checked then."""
    begin = np.uint64(begins[np.uint64(first)])
    return begin, np.uint64(ends[np.uint64(first + width - 1)]) - begin


@njit(nogil=True, cache=True)
def _step_within(h, block, on):  # type: ignore[no-untyped-def]
    """The next state where the run has this step, the same where it is over; no branch is taken."""
    stepped = _murmur_step(h, block)
    return stepped if on else h


@njit(nogil=True, cache=True)
def _run_on(h, blocks, at, full):  # type: ignore[no-untyped-def]
    """The state after the steps from ABREAST on, of which most runs have none."""
    for step in range(np.uint64(ABREAST), full):
        h = _murmur_step(h, blocks[at + (step << TWO)])
    return h


@njit(nogil=True, cache=True)
def _end_run(h, folded, at, size):  # type: ignore[no-untyped-def]
    """The hash of a run after its last step."""
    rest = np.uint32((ONE << ((size & THREE) << THREE)) - ONE)
    last = _little_endian(folded, at + (size & ~THREE)) & rest
    return _finalise(np.uint32(h ^ _murmur_block(last) ^ np.uint32(size)))


@njit(nogil=True, cache=True)
def _characters(folded, begins, ends, units):  # type: ignore[no-untyped-def]
    """Cut folded units, joined by spaces, into characters instead; returns their number."""
    stop, count = ends[units - 1] if units else 0, 0
    for i in range(stop):
        if folded[i] == SEPARATOR or folded[i] & 0xC0 == 0x80:  # a space, or inside of a character
            continue
        size = 1 if folded[i] < 0x80 else 2 if folded[i] < 0xE0 else 3 if folded[i] < 0xF0 else 4
        begins[count], ends[count] = i, i + size
        count += 1
    return count


@njit(nogil=True, cache=True)
def hash_tokens(data, bounds, width):  # type: ignore[no-untyped-def]
    """(offsets, hashes) of texts of 4-byte numbers, text i between bounds[i] and bounds[i + 1]."""
    texts = len(bounds) - 1
    offsets, hashes, used = np.zeros(texts + 1, np.int64), np.empty(bounds[texts] + texts, np.uint32), 0
    for i in range(texts):
        for first in range(bounds[i], max(bounds[i] + 1, bounds[i + 1] - width + 1)):
            hashes[used] = murmur3_32(data, 4 * first, 4 * min(first + width, bounds[i + 1]))
            used += 1
        offsets[i + 1] = used
    return offsets, hashes[:used].copy()


@njit(nogil=True, cache=True)
def cut_units(data, start, stop, fold, folded, begins, ends):  # type: ignore[no-untyped-def]
    """Write the folded units of data[start:stop], a space after each, and where each begins and ends.

    Returns (number of units, number of those that are characters of an unspaced script). ASCII, most bytes of most
    texts, is read without a branch, since where words end cannot be guessed; unsigned indices spare the compiler the
    checks for negative ones.
    """
    text = data[start:stop]
    size = len(text)
    count, unspaced, written, position = 0, 0, 0, 0
    inside = 0  # 1 while a word is being written
    while position < size:
        while position < size and text[np.uint64(position)] < 0x80:
            entry = fold[text[np.uint64(position)]]
            letter = np.int64(entry > SEPARATOR)
            closing = inside & np.int64(entry == SEPARATOR)
            folded[np.uint64(written)] = entry
            ends[np.uint64(count)] = written
            written += letter | closing
            count += closing
            inside = (inside ^ closing) | letter
            position += 1
        if position == size:
            break
        code, position = _decode(text, position)
        wide = _entry(code, fold)
        if wide == DROPPED:
            continue
        alone = wide & UNSPACED != 0
        if inside and (alone or wide == SEPARATOR):
            count, written = _close(folded, ends, count, written)
            inside = 0
        if wide == SEPARATOR:
            continue
        written = _encode(wide & CODE_POINT, folded, written)
        inside = np.int64(not alone)
        if alone:
            count, written = _close(folded, ends, count, written)
            unspaced += 1
    if inside:
        count, written = _close(folded, ends, count, written)
    begins[0] = 0
    for i in range(1, count):
        begins[i] = ends[i - 1] + 1
    return count, unspaced


@njit(nogil=True, cache=True)
def _close(folded, ends, count, written):  # type: ignore[no-untyped-def]
    """End the unit that was written, with a space after it; returns the new (count, written)."""
    ends[count] = written
    folded[written] = SEPARATOR
    return count + 1, written + 1


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


@njit(nogil=True, cache=True)
def hash_grams(data, starts, fold, words, characters):  # type: ignore[no-untyped-def]
    """(offsets, hashes, places) of the n-grams of all texts; see stages/text/contamination/grams.py."""
    texts, longest = len(starts) - 1, 0
    for i in range(texts):
        longest = max(longest, starts[i + 1] - starts[i])
    folded = np.zeros(folded_room(longest), np.uint8)
    begins, ends = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    values, unspaced = np.empty(longest + 1, np.uint64), np.zeros(longest + 2, np.int64)
    room = 2 * (starts[texts] - starts[0])
    offsets, hashes, places = np.zeros(texts + 1, np.int64), np.empty(room, np.uint64), np.empty(room, np.int32)
    used = 0
    for i in range(texts):
        units, _ = cut_units(data, starts[i], starts[i + 1], fold, folded, begins, ends)
        for unit in range(units):
            values[unit] = _hash_unit(folded, begins[unit], ends[unit])
            code, _ = _decode(folded, begins[unit])
            unspaced[unit + 1] = unspaced[unit] + (_entry(code, fold) & UNSPACED != 0)
        for width, of_characters in ((words, False), (characters, True)):
            used = _roll(values[:units], unspaced, width, of_characters, hashes, places, used)
        offsets[i + 1] = used
    return offsets, hashes[:used].copy(), places[:used].copy()


@njit(nogil=True, cache=True)
def _hash_unit(folded, begin, end):  # type: ignore[no-untyped-def]
    """64-bit hash of one unit: FNV-1a, then MurmurHash3's 64-bit finaliser, since sums need every bit spread."""
    h = np.uint64(0xCBF29CE484222325)
    for i in range(begin, end):
        h = (h ^ np.uint64(folded[i])) * np.uint64(0x100000001B3)
    return _spread(h)


@njit(nogil=True, cache=True)
def _spread(h):  # type: ignore[no-untyped-def]
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@njit(nogil=True, cache=True)
def _roll(values, unspaced, width, of_characters, hashes, places, used):  # type: ignore[no-untyped-def]
    """Add the runs of `width` units whose script is the wanted one; rolling costs the same for any width.

    Returns how many hashes there are now.
    """
    factor, power, h = np.uint64(0x9E3779B97F4A7C15), np.uint64(1), np.uint64(0)
    for _ in range(width):
        power *= factor
    for last in range(len(values)):
        first = last - width + 1
        h = h * factor + values[last]
        if first > 0:
            h -= values[first - 1] * power
        if first >= 0 and (2 * (unspaced[last + 1] - unspaced[first]) >= width) == of_characters:
            hashes[used] = _spread(h ^ np.uint64(width))
            places[used] = first
            used += 1
    return used
