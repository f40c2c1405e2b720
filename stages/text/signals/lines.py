"""Compiled counters over lines: finished, short, bulleted and boilerplate lines, sentences, paragraphs, lines C4 keeps.

Reads the characters, kinds, places and token spans that `.counting` and `.tokens` wrote, and the phrases of
`.kinds`. Writes one row of integers per document, one column per name in `COUNTERS`, and the spans of lines
and paragraphs, in which `.repetition` looks for repeats.

A line is what stands between newlines, without the spaces around it. Two lines are equal when the same tokens stand at
the same places, two paragraphs when their lines are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.text.signals.kernels import entry, kernel
from stages.text.signals.spans import Block, Phrases, Places, Spans, Tokens

# What a kind of character is here; `.kinds` says which characters are.
SPACE, WORD, NEWLINE = 1, 2, 4
TERMINAL = 8  # may end a finished line (FineWeb)
C4_END = 16  # may end a finished line (C4)
STOP = 32  # ends a sentence when a space or the end of the line follows
WIDE_STOP = 64  # ends a sentence whatever follows
CLOSER = 128  # closing quote or bracket, may stand between a stop and the space
BULLET = 256  # begins a list item
BRACE = 512  # `{`
ANCHOR = 1024  # one of the letters by which phrases are found
LOOKED_AT = NEWLINE | STOP | ANCHOR | BRACE

COUNTERS = (
    "lines", "line_characters", "short_lines", "terminal_lines", "bullet_lines", "ellipsis_lines",
    "boilerplate_lines", "lorem_ipsum", "sentences", "c4_lines", "c4_line_characters", "c4_short_lines",
    "c4_terminal_lines", "c4_tokens", "c4_newlines", "c4_sentences", "c4_ended_sentences", "c4_tfds_sentences",
    "c4_lorem_ipsum", "c4_curly_brackets",
)  # fmt: skip
(
    LINES, LINE_CHARACTERS, SHORT_LINES, TERMINAL_LINES, BULLET_LINES, ELLIPSIS_LINES, BOILERPLATE_LINES, LOREM_IPSUM,
    SENTENCES, C4_LINES, C4_LINE_CHARACTERS, C4_SHORT_LINES, C4_TERMINAL_LINES, C4_TOKENS, C4_NEWLINES, C4_SENTENCES,
    C4_ENDED_SENTENCES, C4_TFDS_SENTENCES, C4_LOREM_IPSUM, C4_CURLY_BRACKETS,
) = range(20)  # fmt: skip

SHORT_LINE = 30  # characters (FineWeb)
C4_MIN_LINE_WORDS, TFDS_MIN_LINE_WORDS = 3, 5  # pieces between spaces (datatrove and the paper; the TFDS code)
C4_MAX_WORD = 1000  # characters between spaces (TFDS reference code)
LOREM, JAVASCRIPT, BRACES = 1, 2, 1 << 31  # what was found in a line; other bits are policies
STAR, PLUS, FULL_STOP, ELLIPSIS = 42, 43, 46, 0x2026


class Found(NamedTuple):
    """Where the spans of lines, of lines that C4 keeps and of paragraphs are written; each has room for a block."""

    lines: Spans
    kept: Spans
    paragraphs: Spans


@kernel
def _phrases_around(points, at, phrases):  # type: ignore[no-untyped-def]
    """A bit for each phrase that has the character at `at` in its place, in upper or lower case."""
    found, anchor = 0, points[at] | 32
    for number in range(phrases.anchors.size):
        first, length = phrases.bounds[number], phrases.bounds[number + 1] - phrases.bounds[number]
        start = at - phrases.anchors[number]
        if phrases.points[first + phrases.anchors[number]] != anchor or start < 0 or start + length > points.size:
            continue
        offset = 0
        while offset < length:
            point = points[start + offset]
            if (point + 32 if 65 <= point <= 90 else point) != phrases.points[first + offset]:
                break
            offset += 1
        found |= int(offset == length) << number
    return found


@kernel
def _sentence_ends(kinds, bits, begin, at):  # type: ignore[no-untyped-def]
    """Whether the stop at `at` ends a sentence that began at `begin`: a word stands in it, and a space follows."""
    before = at - 1
    while before >= begin and bits[kinds[before]] & WORD == 0:
        before -= 1
    if before < begin:
        return False
    wide, after = bits[kinds[at]] & WIDE_STOP, at + 1
    while after < kinds.size and bits[kinds[after]] & (STOP | CLOSER):
        wide |= bits[kinds[after]] & WIDE_STOP
        after += 1
    return wide != 0 or after == kinds.size or bits[kinds[after]] & SPACE != 0


@kernel
def _scan_line(text, phrases, places, place, start):  # type: ignore[no-untyped-def]
    """Reads to the newline, from one place to look at to the next.

    Gives (place behind it, where it stands, closed sentences, begin of the open one, a bit for what was found).
    """
    points, kinds, bits = text
    sentences, begin, found = 0, start, 0
    while place < places.size:
        position = places[place]
        kind = bits[kinds[position]]
        place += 1
        if kind & NEWLINE:
            return place, position, sentences, begin, found
        if kind & ANCHOR:
            found |= _phrases_around(points, position, phrases)
        elif kind & BRACE:
            found |= BRACES
        elif _sentence_ends(kinds, bits, begin, position):
            sentences += 1
            begin = position + 1
    return place, kinds.size, sentences, begin, found


@kernel
def _trimmed(kinds, bits, start, end):  # type: ignore[no-untyped-def]
    while start < end and bits[kinds[start]] & SPACE:
        start += 1
    while start < end and bits[kinds[end - 1]] & SPACE:
        end -= 1
    return start, end


@kernel
def _has_word(kinds, bits, start, end):  # type: ignore[no-untyped-def]
    for index in range(start, end):  # noqa: SIM110 - numba compiles no generator
        if bits[kinds[index]] & WORD:
            return True
    return False


@kernel
def _pieces(kinds, bits, start, end):  # type: ignore[no-untyped-def]
    """How many pieces stand between spaces, counted to TFDS_MIN_LINE_WORDS; 0 where one is too long for C4."""
    pieces, size = 0, 0
    for index in range(start, end):
        if bits[kinds[index]] & SPACE:
            size = 0
            continue
        size += 1
        pieces += size == 1
        if size > C4_MAX_WORD:
            return 0
        if pieces == TFDS_MIN_LINE_WORDS and end - index <= C4_MAX_WORD and size == 1:
            break
    return pieces


@kernel
def _count_kept(line, ended, found, pieces, row):  # type: ignore[no-untyped-def]
    """Counts a line by C4's rules, in datatrove's order; whether C4 keeps it whatever it ends in."""
    size, tokens, sentences, terminal = line
    if pieces < C4_MIN_LINE_WORDS:
        return False
    row[C4_LOREM_IPSUM] += found & LOREM != 0
    if found & JAVASCRIPT:
        return False
    row[C4_CURLY_BRACKETS] += found & BRACES != 0
    if found & ~(LOREM | BRACES):
        return False
    row[C4_NEWLINES] += row[C4_LINES] > 0
    row[C4_LINES] += 1
    row[C4_LINE_CHARACTERS] += size
    row[C4_SHORT_LINES] += size <= SHORT_LINE
    row[C4_TERMINAL_LINES] += terminal
    row[C4_TOKENS] += tokens
    row[C4_SENTENCES] += sentences
    row[C4_ENDED_SENTENCES] += sentences if ended else 0
    row[C4_TFDS_SENTENCES] += sentences if ended and pieces >= TFDS_MIN_LINE_WORDS else 0
    return True


@kernel
def _count_line(text, start, end, tokens, sentences, found, row):  # type: ignore[no-untyped-def]
    """Counts one line of so many tokens and sentences; whether C4 keeps it."""
    points, kinds, bits = text
    first, last, size = bits[kinds[start]], bits[kinds[end - 1]], end - start
    dots = size >= 3 and points[end - 1] == points[end - 2] == points[end - 3] == FULL_STOP
    listed = (points[start] in (STAR, PLUS)) and size > 1 and bits[kinds[start + 1]] & SPACE != 0
    row[LINES] += 1
    row[LINE_CHARACTERS] += size
    row[SHORT_LINES] += size <= SHORT_LINE
    row[TERMINAL_LINES] += last & TERMINAL != 0
    row[ELLIPSIS_LINES] += dots or points[end - 1] == ELLIPSIS
    row[BULLET_LINES] += first & BULLET != 0 or listed
    row[BOILERPLATE_LINES] += found & ~(LOREM | BRACES) != 0
    row[LOREM_IPSUM] += found & LOREM != 0
    row[SENTENCES] += sentences
    pieces = _pieces(kinds, bits, start, end) if tokens >= C4_MIN_LINE_WORDS else 0
    line = (size, tokens, sentences, last & TERMINAL != 0)
    return _count_kept(line, last & C4_END != 0 and not dots, found, pieces, row)


@kernel
def _put(spans, cursor, start, end, digest):  # type: ignore[no-untyped-def]
    spans.start[cursor], spans.end[cursor], spans.digest[cursor] = start, end, digest
    return cursor + 1


@kernel
def _mixed(digest, value):  # type: ignore[no-untyped-def]
    digest = (digest ^ np.uint64(value)) * np.uint64(0x9E3779B97F4A7C15)
    return digest ^ (digest >> np.uint64(29))


@kernel
def _count_lines(text, tokens, places, phrases, found, cursors, row):  # type: ignore[no-untyped-def]
    """Counts the lines of one document and writes their spans; returns the next cursors."""
    kinds, bits = text[1], text[2]
    starts, digests = tokens
    line, kept, part = cursors
    begin, place, token, opened, closed, whole = 0, 0, 0, -1, 0, np.uint64(0)
    while begin < kinds.size:
        place, position, sentences, rest, signs = _scan_line(text, phrases, places, place, begin)
        start, end = _trimmed(kinds, bits, begin, position)
        begin = position + 1
        if start == end:
            part = _put(found.paragraphs, part, opened, closed, whole) if opened >= 0 else part
            opened, whole = -1, np.uint64(0)
            continue
        first, digest = token, np.uint64(0)
        while token < starts.size and starts[token] < end:
            digest = _mixed(digest ^ digests[token], starts[token] - start)
            token += 1
        sentences += _has_word(kinds, bits, rest, end)
        keeps = _count_line(text, start, end, token - first, sentences, signs, row)
        line = _put(found.lines, line, start, end, digest)
        kept = _put(found.kept, kept, start, end, digest) if keeps else kept
        opened, closed = start if opened < 0 else opened, end
        whole = _mixed(whole, digest)
    part = _put(found.paragraphs, part, opened, closed, whole) if opened >= 0 else part
    return line, kept, part


@entry
def _count_all(block, places, bits, tokens, phrases, found, rows):  # type: ignore[no-untyped-def]
    for document in range(rows.shape[0]):
        start, end = block.first[document], block.first[document + 1]
        first, last = tokens.first[document], tokens.first[document + 1]
        cursors = (found.lines.first[document], found.kept.first[document], found.paragraphs.first[document])
        line, kept, part = _count_lines(
            (block.points[start:end], block.kinds[start:end], bits),
            (tokens.start[first:last], tokens.digest[first:last]),
            places.at[places.first[document] : places.first[document + 1]], phrases, found, cursors, rows[document],
        )  # fmt: skip
        found.lines.first[document + 1], found.kept.first[document + 1] = line, kept
        found.paragraphs.first[document + 1] = part


def count_lines(
    block: Block, places: Places, bits: NDArray[np.uint32], tokens: Tokens, phrases: Phrases, found: Found
) -> NDArray[np.int64]:
    """Counters of each document: shape (documents, len(COUNTERS)); the spans of its pieces are written into `found`.

    `bits` is what each kind means here; of the phrases the first is `lorem ipsum` and the second `javascript`.
    """
    rows = np.zeros((len(block.first) - 1, len(COUNTERS)), np.int64)
    _count_all(block, places, bits, tokens, phrases, found, rows)
    return rows
