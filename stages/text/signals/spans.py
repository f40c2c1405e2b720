"""The arrays that the compiled counters hand to each other: characters, kinds, spans, phrases. No kernels are here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Block(NamedTuple):
    """The characters of the documents of a block: those of document i at `points[first[i]:first[i + 1]]`."""

    points: NDArray[np.int32]
    kinds: NDArray[np.uint8]  # the kind of each, see `Kinds`
    first: NDArray[np.int64]


class Pieces(NamedTuple):
    """What stands between spaces, the pieces of document i at `first[i]:first[i + 1]`: from which character to which,
    and what tells it apart in lower case and without ASCII punctuation (RedPajama-2's words)."""

    first: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    some: NDArray[np.uint32]  # what any of its characters is, the bits of `Kinds.reading`
    normal: NDArray[np.int32]  # characters that are left
    digest: NDArray[np.uint64]  # hash of these


class Places(NamedTuple):
    """The characters at which `.lines` looks, those of document i at `at[first[i]:first[i + 1]]`."""

    first: NDArray[np.int64]
    at: NDArray[np.int32]


class Kinds(NamedTuple):
    """Kinds of characters: the table says which kind a code point is, and one array per counter what a kind means."""

    table: NDArray[np.uint8]  # shape (0x110000,)
    characters: NDArray[np.uint32]  # shape (kinds,), the bits of `.counting`
    tokens: NDArray[np.uint32]  # the bits of `.tokens`
    lines: NDArray[np.uint32]  # the bits of `.lines`
    reading: NDArray[np.uint32]  # those of `.tokens`, and SOUGHT of `.counting`


class Spans(NamedTuple):
    """Pieces of text, those of document i at `first[i]:first[i + 1]`: from which character to which, and a hash."""

    first: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    digest: NDArray[np.uint64]


class Tokens(NamedTuple):
    """The tokens of document i at `first[i]:first[i + 1]`: from which character to which, what they are, and a hash."""

    first: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    some: NDArray[np.uint32]  # what any of its characters is, the bits of `.tokens`
    digest: NDArray[np.uint64]


class Phrases(NamedTuple):
    """Lower-case phrases, their code points one after the other: phrase i is `points[bounds[i]:bounds[i + 1]]`.

    `anchors[i]` is the place of a rare character in phrase i: a text is searched for that character only.
    """

    points: NDArray[np.int32]
    bounds: NDArray[np.int64]
    anchors: NDArray[np.int64]


def room(documents: int, spans: int) -> Spans:
    """Space for that many spans of that many documents; `first` is zero, the rest is not initialised."""
    start, end = np.empty((2, spans), np.int32)
    return Spans(np.zeros(documents + 1, np.int64), start, end, np.empty(spans, np.uint64))


def token_room(block: Block) -> Tokens:
    """Space for the tokens of a block, one a character; `first` is zero, the rest is not initialised."""
    start, end = np.empty((2, len(block.points)), np.int32)
    some, digest = np.empty(len(block.points), np.uint32), np.empty(len(block.points), np.uint64)
    return Tokens(np.zeros(len(block.first), np.int64), start, end, some, digest)


def pack_phrases(phrases: tuple[str, ...], anchors: str) -> Phrases:
    """Phrases, each of which holds one of the characters `anchors`. Errors: StopIteration where one holds none."""
    points = np.array([ord(character) for phrase in phrases for character in phrase], np.int32)
    bounds = np.cumsum([0, *map(len, phrases)]).astype(np.int64)
    places = [next(place for place, character in enumerate(phrase) if character in anchors) for phrase in phrases]
    return Phrases(points, bounds, np.array(places, np.int64))
