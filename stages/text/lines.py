"""Compiled counters over lines: finished, short, bulleted and boilerplate lines, sentences, paragraphs.

Reads the code points and word spans that `stages.text.counting` wrote, and the classes and phrases of
`stages.text.words`. Writes one row of integers per document, one column per name in `COUNTERS`, and the spans of lines
and paragraphs, in which `stages.text.repetition` looks for repeats.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from stages.text.spans import Block, Phrases, Spans

# Character classes, the bits of the table that `stages.text.words.line_classes` builds.
SPACE, WORD = 1, 2
TERMINAL = 4  # may end a finished line
STOP = 8  # ends a sentence when a space or the end of the line follows
WIDE_STOP = 16  # ends a sentence whatever follows
CLOSER = 32  # closing quote or bracket, may stand between a stop and the space
BULLET = 64  # begins a list item

COUNTERS = (
    "lines", "line_characters", "short_lines", "terminal_lines", "bullet_lines", "ellipsis_lines",
    "boilerplate_lines", "lorem_ipsum", "sentences", "c4_sentences",
)  # fmt: skip
(
    LINES, LINE_CHARACTERS, SHORT_LINES, TERMINAL_LINES, BULLET_LINES, ELLIPSIS_LINES,
    BOILERPLATE_LINES, LOREM_IPSUM, SENTENCES, C4_SENTENCES,
) = range(10)  # fmt: skip

SHORT_LINE = 30  # characters (FineWeb)
C4_MIN_LINE_WORDS = 3  # words (C4 paper and datatrove; the TFDS reference code says 5)
C4_MAX_WORD = 1000  # characters (TFDS reference code)
STAR, PLUS, MINUS, FULL_STOP, NEWLINE, ELLIPSIS = 42, 43, 45, 46, 10, 0x2026


class LineLexicon(NamedTuple):
    """What the counters look for, see `stages.text.words.line_lexicon`."""

    classes: NDArray[np.uint8]  # shape (0x110000,)
    boilerplate: Phrases
    lorem: Phrases


_jit = numba.njit(cache=True, nogil=True)


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
def _lower(point):  # type: ignore[no-untyped-def]
    return point + 32 if 65 <= point <= 90 else point


@_jit
def _phrase_at(points, position, end, phrases):  # type: ignore[no-untyped-def]
    """Number of the first phrase that stands at `position` in upper or lower case, -1 for none."""
    lower = _lower(points[position])
    for number in range(phrases.bounds.size - 1):
        start, length = phrases.bounds[number], phrases.bounds[number + 1] - phrases.bounds[number]
        if lower != phrases.points[start] or end - position < length:
            continue
        offset = 1
        while offset < length and _lower(points[position + offset]) == phrases.points[start + offset]:
            offset += 1
        if offset == length:
            return number
    return -1


@_jit
def _has_phrase(points, start, end, phrases):  # type: ignore[no-untyped-def]
    for position in range(start, end):  # noqa: SIM110 - numba compiles no generator
        if _phrase_at(points, position, end, phrases) >= 0:
            return True
    return False


@_jit
def _count_sentences(points, classes, start, end):  # type: ignore[no-untyped-def]
    """Sentences in a line: pieces that hold a word and end in a stop, or with the line."""
    sentences, open_sentence, position = 0, False, start
    while position < end:
        kind = classes[position]
        position += 1
        if kind & WORD:
            open_sentence = True
        if not kind & STOP or not open_sentence:
            continue
        wide = (kind & WIDE_STOP) != 0
        while position < end and classes[position] & (STOP | CLOSER):
            wide |= (classes[position] & WIDE_STOP) != 0
            position += 1
        if wide or position == end or classes[position] & SPACE:
            sentences += 1
            open_sentence = False
    return sentences + open_sentence


@_jit
def _ends_in_ellipsis(points, start, end):  # type: ignore[no-untyped-def]
    if points[end - 1] == ELLIPSIS:
        return True
    return end - start >= 3 and points[end - 1] == points[end - 2] == points[end - 3] == FULL_STOP


@_jit
def _is_bullet(points, classes, start, end):  # type: ignore[no-untyped-def]
    """Whether a line begins with a bullet sign, or with one of `*`, `+`, `-` and a space."""
    if classes[start] & BULLET:
        return True
    point = points[start]
    return (point in (STAR, PLUS, MINUS)) and start + 1 < end and classes[start + 1] & SPACE != 0


@_jit
def _count_line(points, classes, start, end, words, longest, lexicon, row):  # type: ignore[no-untyped-def]
    """One line without the spaces around it; it holds `words` words, the longest of `longest` characters."""
    terminal = (classes[end - 1] & TERMINAL) != 0
    ellipsis = _ends_in_ellipsis(points, start, end)
    boilerplate = _has_phrase(points, start, end, lexicon.boilerplate)
    sentences = _count_sentences(points, classes, start, end)
    row[LINES] += 1
    row[LINE_CHARACTERS] += end - start
    row[SHORT_LINES] += end - start <= SHORT_LINE
    row[TERMINAL_LINES] += terminal
    row[ELLIPSIS_LINES] += ellipsis
    row[BOILERPLATE_LINES] += boilerplate
    row[BULLET_LINES] += _is_bullet(points, classes, start, end)
    row[LOREM_IPSUM] += _has_phrase(points, start, end, lexicon.lorem)
    row[SENTENCES] += sentences
    if terminal and not ellipsis and not boilerplate and words >= C4_MIN_LINE_WORDS and longest <= C4_MAX_WORD:
        row[C4_SENTENCES] += sentences


@_jit
def _trimmed(classes, start, end):  # type: ignore[no-untyped-def]
    while start < end and classes[start] & SPACE:
        start += 1
    while start < end and classes[end - 1] & SPACE:
        end -= 1
    return start, end


@_jit
def _count_lines(points, classes, words, lines, line, parts, part, lexicon, row):  # type: ignore[no-untyped-def]
    """Writes the spans of lines that are not blank, and of paragraphs: runs of such lines; returns both cursors."""
    starts, ends = words
    begin, open_part, word = 0, -1, 0
    for position in range(points.size + 1):
        if position < points.size and points[position] != NEWLINE:
            continue
        start, end = _trimmed(classes, begin, position)
        begin = position + 1
        if start == end:
            part = _add(parts, part, points, open_part, lines.end[line - 1]) if open_part >= 0 else part
            open_part = -1
            continue
        first, longest = word, 0
        while word < starts.size and starts[word] < end:
            longest = max(longest, ends[word] - starts[word])
            word += 1
        _count_line(points, classes, start, end, word - first, longest, lexicon, row)
        line = _add(lines, line, points, start, end)
        open_part = start if open_part < 0 else open_part
    part = _add(parts, part, points, open_part, lines.end[line - 1]) if open_part >= 0 else part
    return line, part


@_jit
def _count_all(points, first, words, lexicon, lines, parts, rows):  # type: ignore[no-untyped-def]
    classes = np.empty(points.size, np.uint8)
    for document in range(rows.shape[0]):
        text = points[first[document] : first[document + 1]]
        for index in range(text.size):
            classes[index] = lexicon.classes[text[index]]
        bounds = (words.start[words.first[document] : words.first[document + 1]], words.end[words.first[document] :])
        lines.first[document + 1], parts.first[document + 1] = _count_lines(
            text, classes, bounds, lines, lines.first[document], parts, parts.first[document], lexicon, rows[document]
        )


def count_lines(block: Block, words: Spans, lexicon: LineLexicon, lines: Spans, paragraphs: Spans) -> NDArray[np.int64]:
    """Counters of each document: shape (documents, len(COUNTERS)).

    `words` are the word spans of the block. The spans of lines and of paragraphs are written into `lines` and
    `paragraphs`, which must have room for one span per character.
    """
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    _count_all(block.points, block.first, words, lexicon, lines, paragraphs, rows)
    return rows
