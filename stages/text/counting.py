"""Compiled counters over code points: the characters and words of each document of a block.

Reads UTF-8 bytes and offsets as Arrow lays them out, and the character classes and stop words of `stages.text.words`.
Writes one row of integers per document, one column per name in `COUNTERS`, the code points, and the spans of words,
from which `stages.text.lines` counts lines and `stages.text.repetition` repetition.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Block, Phrases, Spans, room

# Character classes, the bits of the table that `stages.text.words.character_classes` builds.
LETTER, DIGIT, SPACE, PUNCTUATION, SYMBOL, UPPER, HAN = 1, 2, 4, 8, 16, 32, 64
WORD = 128  # may stand in a word
SINGLE = 256  # is a word by itself: ideographs and Hiragana
MARK = 512  # continues a word but cannot begin one
CLASSES = 1024  # combinations of the bits above
VISIBLE_OR_SPACE = PUNCTUATION | SYMBOL | SPACE

COUNTERS = (
    "characters", "words", "word_characters", "letter_words", "symbol_runs", "letters", "digits", "spaces",
    "punctuation", "symbols", "uppercase", "han", "non_space", "newlines", "hashes", "ellipses", "curly_brackets",
    "longest_run", "longest_word", "stop_words_en", "stop_words_zh",
)  # fmt: skip
(
    CHARACTERS, WORDS, WORD_CHARACTERS, LETTER_WORDS, SYMBOL_RUNS, LETTERS, DIGITS, SPACES,
    PUNCTUATIONS, SYMBOLS, UPPERCASE, HANS, NON_SPACE, NEWLINES, HASHES, ELLIPSES, CURLY_BRACKETS,
    LONGEST_RUN, LONGEST_WORD, STOP_WORDS_EN, STOP_WORDS_ZH,
) = range(21)  # fmt: skip

HASH, FULL_STOP, COMMA, APOSTROPHE, NEWLINE, BRACE = 35, 46, 44, 39, 10, 123
ELLIPSIS, RIGHT_QUOTE = 0x2026, 0x2019


class Lexicon(NamedTuple):
    """What the counters look for, see `stages.text.words.lexicon`."""

    classes: NDArray[np.uint16]  # shape (0x110000,)
    stop_en: Phrases
    stop_zh: Phrases


_jit = numba.njit(cache=True, nogil=True)


@_jit
def _decode(data, position, end, points):  # type: ignore[no-untyped-def]
    """Writes the code points of the UTF-8 bytes `data[position:end]` (valid, as Arrow guarantees); their number."""
    size = 0
    while position < end:
        lead = np.int32(data[position])
        if lead < 0x80:
            point, width = lead, 1
        elif lead < 0xE0:
            point, width = lead & 0x1F, 2
        elif lead < 0xF0:
            point, width = lead & 0x0F, 3
        else:
            point, width = lead & 0x07, 4
        for offset in range(1, width):
            point = (point << 6) | (np.int32(data[position + offset]) & 0x3F)
        points[size] = point
        size += 1
        position += width
    return size


@_jit
def _add(spans, cursor, points, start, end):  # type: ignore[no-untyped-def]
    """Writes one span at `cursor`, with the 64-bit hash of its characters; returns the next cursor."""
    digest = np.uint64(end - start)
    for index in range(start, end):
        digest = (digest ^ np.uint64(points[index])) * np.uint64(0x9E3779B97F4A7C15)
        digest ^= digest >> np.uint64(29)
    spans.start[cursor], spans.end[cursor], spans.digest[cursor] = start, end, digest
    return cursor + 1


@_jit
def _number_of(points, start, end, phrases):  # type: ignore[no-untyped-def]
    """Number of the phrase that is exactly `points[start:end]`, upper or lower case; -1 for none."""
    for number in range(phrases.bounds.size - 1):
        first = phrases.bounds[number]
        if phrases.bounds[number + 1] - first != end - start:
            continue
        offset = 0
        while offset < end - start:
            point = points[start + offset]
            if (point + 32 if 65 <= point <= 90 else point) != phrases.points[first + offset]:
                break
            offset += 1
        if offset == end - start:
            return number
    return -1


@_jit
def _is_ellipsis(points, position, end):  # type: ignore[no-untyped-def]
    """Whether `…` or `...` stands at `position`; a run of dots is counted once, at its first dot."""
    if points[position] == ELLIPSIS:
        return True
    if points[position] != FULL_STOP or (position > 0 and points[position - 1] == FULL_STOP):
        return False
    return position + 2 < end and points[position + 1] == FULL_STOP and points[position + 2] == FULL_STOP


@_jit
def _count_characters(points, classes, size, kinds, row):  # type: ignore[no-untyped-def]
    """Counts of one pass. How often each class stands there is tallied in `kinds`, one addition per character."""
    kinds[:] = 0
    run, longest, newlines, hashes, braces, ellipses, before = 0, 0, 0, 0, 0, 0, np.int32(-1)
    for index in range(size):
        kind, point = classes[index], points[index]
        kinds[kind] += 1
        if kind & VISIBLE_OR_SPACE:
            newlines += point == NEWLINE
            hashes += point == HASH
            braces += point == BRACE
            if point in (ELLIPSIS, FULL_STOP):
                ellipses += _is_ellipsis(points, index, size)
        run = 0 if kind & SPACE else run + 1 if point == before else 1
        before = point
        longest = max(longest, run)
    for kind in range(kinds.size):
        row[LETTERS] += kinds[kind] * ((kind & LETTER) != 0)
        row[DIGITS] += kinds[kind] * ((kind & DIGIT) != 0)
        row[SPACES] += kinds[kind] * ((kind & SPACE) != 0)
        row[PUNCTUATIONS] += kinds[kind] * ((kind & PUNCTUATION) != 0)
        row[SYMBOLS] += kinds[kind] * ((kind & SYMBOL) != 0)
        row[UPPERCASE] += kinds[kind] * ((kind & UPPER) != 0)
        row[HANS] += kinds[kind] * ((kind & HAN) != 0)
    row[CHARACTERS], row[NON_SPACE], row[LONGEST_RUN] = size, size - row[SPACES], longest
    row[NEWLINES], row[HASHES], row[CURLY_BRACKETS], row[ELLIPSES] = newlines, hashes, braces, ellipses


@_jit
def _word_end(points, classes, start, size):  # type: ignore[no-untyped-def]
    """End of the word that begins at `start` (the rule is in the docstring of `stages.text.words`)."""
    end = start + 1
    if classes[start] & SINGLE:
        while end < size and classes[end] & MARK:
            end += 1
        return end
    while end < size:
        kind = classes[end]
        if kind & WORD and not kind & SINGLE:
            end += 1
            continue
        if end + 1 >= size or classes[end + 1] & SINGLE:
            break
        around = classes[end - 1] & classes[end + 1]
        point = points[end]
        letters = around & LETTER and (point in (APOSTROPHE, RIGHT_QUOTE, FULL_STOP))
        digits = around & DIGIT and (point in (FULL_STOP, COMMA))
        if not (letters or digits):
            break
        end += 1
    return end


@_jit
def _find_words(points, classes, size, words, cursor, row):  # type: ignore[no-untyped-def]
    """Writes the span of each word; counts the runs of punctuation and symbols between them."""
    position, in_run = 0, False
    while position < size:
        kind = classes[position]
        if kind & WORD and not kind & MARK:
            end = _word_end(points, classes, position, size)
            cursor = _add(words, cursor, points, position, end)
            position, in_run = end, False
            continue
        visible = (kind & (PUNCTUATION | SYMBOL)) != 0
        row[SYMBOL_RUNS] += visible and not in_run
        in_run = visible
        position += 1
    return cursor


@_jit
def _bits(value):  # type: ignore[no-untyped-def]
    """How many bits of `value` are set."""
    total = 0
    while value:
        value &= value - 1
        total += 1
    return total


@_jit
def _count_words(points, classes, words, first, last, lexicon, row):  # type: ignore[no-untyped-def]
    english, chinese = np.int64(0), np.int64(0)
    for index in range(first, last):
        start, end = words.start[index], words.end[index]
        row[WORD_CHARACTERS] += end - start
        row[LONGEST_WORD] = max(row[LONGEST_WORD], end - start)
        if classes[start] & HAN:
            number = _number_of(points, start, end, lexicon.stop_zh)
            chinese |= np.int64(number >= 0) << max(number, 0)
        else:
            number = _number_of(points, start, end, lexicon.stop_en)
            english |= np.int64(number >= 0) << max(number, 0)
        for position in range(start, end):
            if classes[position] & LETTER:
                row[LETTER_WORDS] += 1
                break
    row[WORDS] = last - first
    row[STOP_WORDS_EN] = _bits(english)
    row[STOP_WORDS_ZH] = _bits(chinese)


@_jit
def _count_all(data, offsets, lexicon, block, words, rows):  # type: ignore[no-untyped-def]
    classes, kinds = np.empty(block.points.size, np.uint16), np.empty(CLASSES, np.int64)
    for document in range(rows.shape[0]):
        row, first, word = rows[document], block.first[document], words.first[document]
        points = block.points[first:]
        size = _decode(data, offsets[document], offsets[document + 1], points)
        for index in range(size):
            classes[index] = lexicon.classes[points[index]]
        block.first[document + 1] = first + size
        words.first[document + 1] = _find_words(points, classes, size, words, word, rows[document])
        _count_characters(points, classes, size, kinds, row)
        _count_words(points, classes, words, word, words.first[document + 1], lexicon, row)


def count(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], lexicon: Lexicon
) -> tuple[NDArray[np.int64], Block, Spans]:
    """Counters (shape (documents, len(COUNTERS))), code points, and the spans of words.

    `data` holds valid UTF-8, document i is `data[offsets[i]:offsets[i + 1]]`. Needs up to 24 bytes of memory per byte
    of text, so hand in blocks of some megabytes.
    """
    documents, size = len(offsets) - 1, int(offsets[-1] - offsets[0])
    rows = np.zeros((documents, len(COUNTERS)), np.int64)
    block, words = Block(np.empty(size, np.int32), np.zeros(documents + 1, np.int64)), room(documents, size)
    _count_all(data, offsets, lexicon, block, words, rows)
    return rows, block, words
