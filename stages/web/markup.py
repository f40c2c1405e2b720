"""HTML bombs: one pass over the bytes that measures a page's markup before any parser sees it.

Native HTML parsers need quadratic time for one tag with 100,000 attributes (40 s) and for 100,000 nested elements
(60 s; shared notes, threat T4), trafilatura 18 s for 200,000 short paragraphs, and no signal or thread stops them. The
scan is linear. It follows HTML's rules where they can only make a page look deeper, so that what it passes is no bomb:
stray end tags close nothing, and only elements that HTML closes by itself (`p`, `li`, `td`, ...) do not nest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

LESS, GREATER, SLASH, BANG, DASH, QUESTION, EQUALS, DOUBLE_QUOTE, SINGLE_QUOTE = 60, 62, 47, 33, 45, 63, 61, 34, 39
BETWEEN, NAME, AFTER_EQUALS, VALUE = range(4)
NAME_LETTERS = 10  # letters of a tag's name that are told apart
MAX_SELF_CLOSED = 4096  # `<path/>` closes itself in SVG but not in HTML; so many are believed


def _packed(name: str) -> int:
    """A lower-case tag name as one integer; `_tag_name` packs names in the same way."""
    value = 0
    for byte in name[:NAME_LETTERS].encode():
        value = (value * 37 + byte) & 0x7FFFFFFFFFFF
    return value


# Elements without an end tag, or that HTML closes when the next one begins: they do not nest.
FLAT_NAMES = (
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd option tr td th thead tbody tfoot caption colgroup html head body"
)
FLAT = np.array([_packed(name) for name in FLAT_NAMES.split()], np.int64)
# Elements whose content is text up to their end tag.
RAW_NAMES = "script style textarea title xmp iframe noembed noframes"
RAW = np.array([_packed(name) for name in RAW_NAMES.split()], np.int64)

_jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True, slots=True)
class Markup:
    """The extremes of a page."""

    elements: int  # start tags
    depth: int  # elements open at once; the scan stops at its limit
    attributes: int  # of one tag
    tag_bytes: int  # of one tag, without what stands in quotes: an inline image is no bomb


@_jit
def _holds(values, value):  # type: ignore[no-untyped-def]
    for known in values:  # noqa: SIM110 - numba compiles no generator
        if known == value:
            return True
    return False


@_jit
def _after(data, position, first, second):  # type: ignore[no-untyped-def]
    """Position after the next pair of bytes (one byte when `second` is 0), or the end."""
    while position < data.size:
        position += 1
        if data[position - 1] != first:
            continue
        if second == 0:
            return position
        if position < data.size and data[position] == second:
            return position + 1
    return position


@_jit
def _after_comment(data, position):  # type: ignore[no-untyped-def]
    while position < data.size:
        position = _after(data, position, DASH, DASH)
        while position < data.size and data[position] == DASH:
            position += 1
        if position < data.size and data[position] == GREATER:
            return position + 1
    return position


@_jit
def _tag_name(data, position):  # type: ignore[no-untyped-def]
    """(packed name, position after it) of the tag name that begins at `position`."""
    value, letters = np.int64(0), 0
    while position < data.size:
        byte = np.int64(data[position])
        if byte <= 32 or byte in (SLASH, GREATER):
            break
        if letters < NAME_LETTERS:
            value = (value * 37 + (byte + 32 if 65 <= byte <= 90 else byte)) & 0x7FFFFFFFFFFF
        letters += 1
        position += 1
    return value, position


@_jit
def _tag_rest(data, position):  # type: ignore[no-untyped-def]
    """(position after `>`, attributes, bytes outside quotes, closed by `/>`) of a tag from the end of its name on."""
    attributes, size, state, slash = 0, 0, BETWEEN, False
    while position < data.size:
        byte = data[position]
        position += 1
        size += 1
        if byte == GREATER:
            break
        if state == AFTER_EQUALS and (byte in (DOUBLE_QUOTE, SINGLE_QUOTE)):
            position, state, slash = _after(data, position, byte, 0), BETWEEN, False
            continue
        slash = byte == SLASH and state in (BETWEEN, NAME)
        if byte <= 32 or slash:
            state = AFTER_EQUALS if state == AFTER_EQUALS else BETWEEN
        elif state == NAME and byte == EQUALS:
            state = AFTER_EQUALS
        elif state == AFTER_EQUALS:
            state = VALUE
        elif state == BETWEEN:
            attributes, state = attributes + 1, NAME
    return position, attributes, size, slash


@_jit
def _after_raw(data, position, name):  # type: ignore[no-untyped-def]
    """Position of the end tag of a text-only element."""
    while position < data.size:
        position = _after(data, position, LESS, SLASH)
        if position < data.size and _tag_name(data, position)[0] == name:
            return position - 2
    return position


@_jit
def _closed(stack, depth, name):  # type: ignore[no-untyped-def]
    """Depth after an end tag: that of the innermost open element of this name; unchanged when none is open."""
    for level in range(depth - 1, -1, -1):
        if stack[level] == name:
            return level
    return depth


@_jit
def _scan(data, max_depth):  # type: ignore[no-untyped-def]
    stack = np.zeros(max_depth + 1, np.int64)
    elements, depth, deepest, most, longest, self_closed, position = 0, 0, 0, 0, 0, 0, 0
    while position < data.size and deepest <= max_depth:
        position = _after(data, position, LESS, 0)
        if position >= data.size:
            break
        byte = data[position]
        if byte == BANG and position + 2 < data.size and data[position + 1] == DASH and data[position + 2] == DASH:
            position = _after_comment(data, position + 1)
            continue
        if byte in (BANG, QUESTION):
            position = _after(data, position, GREATER, 0)
            continue
        end_tag = byte == SLASH
        start = position + end_tag
        if start >= data.size or not 97 <= data[start] | 32 <= 122:
            continue
        name, after_name = _tag_name(data, start)
        position, attributes, size, slash = _tag_rest(data, after_name)
        most, longest = max(most, attributes), max(longest, size + after_name - start)
        if end_tag:
            depth = _closed(stack, depth, name)
            continue
        elements += 1
        self_closed += slash
        if _holds(RAW, name):
            position = _after_raw(data, position, name)
        elif not _holds(FLAT, name) and not (slash and self_closed <= MAX_SELF_CLOSED):
            stack[depth], depth = name, depth + 1
            deepest = max(deepest, depth)
    return elements, deepest, most, longest


def scan(page: bytes, max_depth: int) -> Markup:
    """The extremes of an HTML page (bytes in any charset that writes tags as ASCII does); stops below `max_depth`."""
    return Markup(*map(int, _scan(np.frombuffer(page, np.uint8), max_depth)))
