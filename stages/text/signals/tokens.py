"""Compiled tokenizer: the spans of words and signs.

Reads the characters, kinds and pieces between spaces that `.counting` wrote, and the kinds of
`.kinds`, which says what a token is. Writes the spans of tokens, which `.wordcounts` hashes and
counts.
"""

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Block, Pieces, Tokens

# What a kind of character is to the tokenizer; `.kinds` says which characters are.
(
    SPACE, LETTER, DIGIT, LOWER, UPPER, SINGLE, MARK, SIGN, FRONT, BACK, BEFORE_STOP, QUOTE, CURRENCY, ICON, INFIX,
    HYPHEN, WIDE, APOSTROPHE, MATH, JOINT, OTHER,
) = (1 << bit for bit in range(21))  # fmt: skip
SPLITS = SINGLE | SIGN | FRONT | BACK | INFIX

PERCENT, PLUS, COMMA, MINUS, FULL_STOP, SLASH, COLON, EM_DASH = 37, 43, 44, 45, 46, 47, 58, 0x2014
D, E, L, M, N, R, S, T, V = 100, 101, 108, 109, 110, 114, 115, 116, 118  # lower case; `| 32` lowers a letter
LONGEST_UNIT = 3  # characters


@kernel
def _dots(points, start, end):  # type: ignore[no-untyped-def]
    """How many full stops stand there in a row."""
    size = 0
    while start + size < end and points[start + size] == FULL_STOP:
        size += 1
    return size


@kernel
def _front(text, start, end):  # type: ignore[no-untyped-def]
    """Characters that are split off the beginning."""
    points, kinds, bits = text
    if points[start] == FULL_STOP:
        size = _dots(points, start, end)
        return size if size > 1 else 0
    if points[start] == PLUS:
        return int(start + 1 >= end or bits[kinds[start + 1]] & DIGIT == 0)
    return int(bits[kinds[start]] & FRONT != 0)


@kernel
def _last_stop(text, start, end):  # type: ignore[no-untyped-def]
    """Full stops that are split off the end: `word.` and `NASA.`, but not `e.g.`, `U.` or `p.`."""
    points, kinds, bits = text
    if end - start < 2:
        return 0
    if points[end - 2] == FULL_STOP:
        size = 2
        while end - size > start and points[end - size - 1] == FULL_STOP:
            size += 1
        return size
    before = bits[kinds[end - 2]]
    if before & LETTER and (end - start == 2 or (end - start == 4 and points[end - 3] == FULL_STOP)):
        return 0
    if before & BEFORE_STOP:
        return 1
    return int(end - start > 2 and before & UPPER and bits[kinds[end - 3]] & UPPER != 0)


@kernel
def _short_form(text, start, end):  # type: ignore[no-untyped-def]
    """Characters of `'s`, `'m`, `'d`, `'ll`, `'re`, `'ve` or `n't` at the end of a word."""
    points, kinds, bits = text
    last, before = points[end - 1] | 32, points[end - 2] | 32
    if bits[kinds[end - 2]] & APOSTROPHE:
        if end - start > 2 and (last in (S, M, D)):
            return 2
        return 3 if end - start > 3 and last == T and points[end - 3] | 32 == N else 0
    if end - start > 3 and bits[kinds[end - 3]] & APOSTROPHE:
        return 3 if (before == L and last == L) or ((before in (R, V)) and last == E) else 0
    return 0


@kernel
def _unit(text, units, start, end):  # type: ignore[no-untyped-def]
    """Characters of a unit at the end, directly after a digit, as in `64K` and `10MB`."""
    points, kinds, bits = text
    size, name = 0, 0
    while size <= LONGEST_UNIT and end - size > start and bits[kinds[end - size - 1]] & LETTER:
        size += 1
        name |= np.int64(points[end - size]) << (16 * size)
    if size == 0 or size > LONGEST_UNIT or end - size <= start or bits[kinds[end - size - 1]] & DIGIT == 0:
        return 0
    for unit in units:
        if unit == name:
            return size
    return 0


@kernel
def _back(text, units, start, end):  # type: ignore[no-untyped-def]
    """Characters that are split off the end, where no sign stands that always is."""
    points, kinds, bits = text
    kind = bits[kinds[end - 1]]
    if points[end - 1] == FULL_STOP:
        return _last_stop(text, start, end)
    if end - start < 2:
        return 0
    if kind & LETTER:
        size = _short_form(text, start, end)
        return size if size else _unit(text, units, start, end)
    after_digit = bits[kinds[end - 2]] & DIGIT != 0
    return int(after_digit and (points[end - 1] in (PLUS, PERCENT) or kind & CURRENCY != 0))


@kernel
def _hyphens(text, end, at):  # type: ignore[no-untyped-def]
    """Characters of the hyphen at `at`: one, or up to three that are equal; 0 where no letter follows."""
    points, kinds, bits = text
    size, point = 1, points[at]
    while size < 3 and (point in (MINUS, EM_DASH)) and at + size < end and points[at + size] == point:
        size += 1
    return size if at + size < end and bits[kinds[at + size]] & LETTER else 0


@kernel
def _infix(text, start, end, at):  # type: ignore[no-untyped-def]
    """Characters of the sign that splits a word at `at`, 0 for none."""
    points, kinds, bits = text
    point, kind = points[at], bits[kinds[at]]
    dots = _dots(points, at, end) if point == FULL_STOP else 0
    if dots > 1 or kind & (ICON | WIDE):
        return max(dots, 1)
    if at == start or at + 1 >= end:
        return 0
    before, after = bits[kinds[at - 1]], bits[kinds[at + 1]]
    if kind & SIGN and (before | after) & SINGLE:
        return 1
    if kind & MATH and before & DIGIT and (after & DIGIT or points[at + 1] == MINUS):
        return 1
    if kind & HYPHEN:
        return _hyphens(text, end, at) if before & (LETTER | DIGIT) else 0
    if point == FULL_STOP:
        return int(before & (LOWER | QUOTE) != 0 and after & (UPPER | QUOTE) != 0)
    if point == COMMA:
        return int(before & after & LETTER != 0)
    return int(kind & JOINT != 0 and before & (LETTER | DIGIT) != 0 and after & LETTER != 0)


@kernel
def _put(text, found, cursor, start, end):  # type: ignore[no-untyped-def]
    """Adds a sign, a short form or an ideograph with its marks: three of its characters tell what it is."""
    _, kinds, bits = text
    starts, ends, somes = found
    first, middle, last = np.uint64(start), np.uint64((start + end) >> 1), np.uint64(end - 1)
    at = np.uint64(cursor)
    starts[at], ends[at] = start, end
    somes[at] = bits[kinds[first]] | bits[kinds[middle]] | bits[kinds[last]]
    return cursor + 1


@kernel
def _put_run(found, cursor, start, end, some):  # type: ignore[no-untyped-def]
    """Adds what stands between signs."""
    starts, ends, somes = found
    at = np.uint64(cursor)
    starts[at], ends[at], somes[at] = start, end, some
    return cursor + 1


@kernel
def _is_address(points, end, position):  # type: ignore[no-untyped-def]
    """Whether `://` stands there."""
    return points[position] == COLON and position + 2 < end and points[position + 1] == points[position + 2] == SLASH


@kernel
def _middle(text, start, end, found, cursor):  # type: ignore[no-untyped-def]
    """Adds the tokens of what is left between the signs at the beginning and at the end of a piece."""
    points, kinds, bits = text
    run, position, some, address = start, start, np.uint32(0), False
    while position < end:
        kind, size = bits[kinds[np.uint64(position)]], 0
        if kind & (SINGLE | INFIX | SIGN) and not address:
            if kind & SINGLE:
                size = 1
                while position + size < end and bits[kinds[position + size]] & MARK:
                    size += 1
            else:
                address = _is_address(points, end, position)  # the rest is one token
                size = 0 if address else _infix(text, start, end, position)
        if size == 0:
            some |= kind
            position += 1
            continue
        if run < position:
            cursor = _put_run(found, cursor, run, position, some)
        cursor = _put(text, found, cursor, position, position + size)
        position += size
        run, some = position, np.uint32(0)
    return _put_run(found, cursor, run, end, some) if run < end else cursor


@kernel
def _split(text, units, some, start, end, found, cursor, tails):  # type: ignore[no-untyped-def]
    """Adds the tokens of a piece between two spaces: signs before and after it, and what they leave."""
    _, kinds, bits = text
    last, tail, plain = end, 0, some & (DIGIT | APOSTROPHE) == 0
    while start < last:
        size = _front(text, start, last) if bits[kinds[start]] & (FRONT | INFIX) else 0
        if size:
            cursor = _put(text, found, cursor, start, start + size)
            start += size
            continue
        kind = bits[kinds[last - 1]]
        if kind & BACK:
            size = 1
        elif not (plain and kind & LETTER):
            size = _back(text, units, start, last)
        if not size:
            break
        last -= size
        tails[tail] = last
        tail += 1
    if start < last:
        cursor = _middle(text, start, last, found, cursor)
    while tail:
        tail -= 1
        cursor = _put(text, found, cursor, tails[tail], tails[tail - 1] if tail else end)
    return cursor


@kernel
def _find(text, units, pieces, known, found, tails):  # type: ignore[no-untyped-def]
    """Writes the tokens of one document; a piece without signs, ideographs and units is one. Gives their number."""
    (begins, stops, pieces_are), cursor = pieces, 0
    for piece in range(begins.size):
        some = pieces_are[piece] & known
        if some & SPLITS or some & (DIGIT | LETTER) == DIGIT | LETTER:
            cursor = _split(text, units, some, begins[piece], stops[piece], found, cursor, tails)
        else:
            cursor = _put_run(found, cursor, begins[piece], stops[piece], some)
    return cursor


@entry
def _find_all(block, pieces, bits, units, spelled, tokens):  # type: ignore[no-untyped-def]
    tails = np.empty(block.points.size + 1, np.int32)
    joined = np.uint32(~(SINGLE | WIDE))
    for document in range(spelled.size):
        start, end, cursor = block.first[document], block.first[document + 1], tokens.first[document]
        low, high = pieces.first[document], pieces.first[document + 1]
        known = np.uint32(0xFFFFFFFF) if spelled[document] else joined
        tokens.first[document + 1] = cursor + _find(
            (block.points[start:end], block.kinds[start:end], bits & known), units,
            (pieces.start[low:high], pieces.end[low:high], pieces.some[low:high]), known,
            (tokens.start[cursor:], tokens.end[cursor:], tokens.some[cursor:]), tails,
        )  # fmt: skip


def find_tokens(
    block: Block, pieces: Pieces, bits: NDArray[np.uint32], units: NDArray[np.int64], spelled: NDArray[np.bool_],
    tokens: Tokens,
) -> None:  # fmt: skip
    """Writes the tokens of each document, without their hashes, into `tokens`.

    `bits` is what each kind means here, `units` the names of units (`unit_names`); `spelled` is true of each document
    in which an ideograph is a token by itself.
    """
    _find_all(block, pieces, bits, units, spelled, tokens)


def unit_names(units: tuple[str, ...]) -> NDArray[np.int64]:
    """Names of units as `_unit` spells them: 16 bits per character, the last one in the lowest place but one."""
    spelled = [sum(ord(character) << 16 * place for place, character in enumerate(unit[::-1], 1)) for unit in units]
    return np.array(spelled, np.int64)
