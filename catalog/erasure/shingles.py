"""Shingles: pieces of a content by which it is found again in any bytes, without keeping a word of it.

The normal form of bytes is their ASCII letters, small, digits, and every byte of other scripts: so a text is the same
in HTML, JSON, Markdown and Parquet, however it is spaced, cased and punctuated. A shingle is WINDOW bytes of that.
Known of it are 32 bits of a rolling hash, which finds candidates, and 64 bits of BLAKE2b, which decides; both under a
secret key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

WINDOW = 16  # bytes of a shingle
MOST = 4096  # shingles kept of one content; of a longer one these are spread evenly, about one in length / MOST
CHUNK = 1 << 20  # bytes of normal form that are hashed at a time
TABLE_BITS = 22
ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")  # as JSON may spell what is not ASCII

Shingle = tuple[int, int]
"""(rolling, digest): 32 and 64 bits."""


FOLD = bytes(range(256)).lower()  # of ASCII letters alone
DROPPED = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def normal(content: bytes | memoryview) -> NDArray[np.uint8]:
    """The normal form of some bytes."""
    return np.frombuffer(bytes(content).translate(FOLD, DROPPED), np.uint8)


@dataclass(frozen=True)
class Key:
    """The secret of a ledger: 32 bytes."""

    secret: bytes

    def rolling(self, folded: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """The rolling hash of the window that begins at each byte; at most CHUNK + WINDOW bytes."""
        if len(folded) < WINDOW:
            return np.zeros(0, np.uint32)
        powers, inverses = self._tables
        sums = np.zeros(len(folded) + 1, np.uint64)
        np.cumsum(folded.astype(np.uint64) * powers[: len(folded)], out=sums[1:])
        count = len(folded) - WINDOW + 1
        windows = (sums[WINDOW:] - sums[:count]) * inverses[:count]
        return (windows >> np.uint64(32)).astype(np.uint32)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Powers of an odd secret number modulo 2 ** 64, and of its inverse."""
        base = int.from_bytes(hashlib.blake2b(b"rolling", key=self.secret, digest_size=8).digest(), "big") | 1
        return _powers(base), _powers(pow(base, -1, 1 << 64))

    def digest(self, window: bytes) -> int:
        """64 bits (signed, as SQLite has them) that only who has the key can compute."""
        return int.from_bytes(hashlib.blake2b(window, key=self.secret, digest_size=8).digest(), "big", signed=True)

    def shingles(self, content: bytes, most: int = MOST) -> set[Shingle]:
        """Shingles of a content, `most` at most; none of one that is shorter than a window."""
        found: set[Shingle] = set()
        folded = normal(content)
        hashes = [self.rolling(folded[at : at + CHUNK + WINDOW - 1]) for at in range(0, len(folded), CHUNK)]
        rolling = np.concatenate(hashes) if hashes else np.zeros(0, np.uint32)
        _, places = np.unique(rolling, return_index=True)  # in the order of the hash: which is as good as chance
        for place in places[:most].tolist():
            window = folded[place : place + WINDOW].tobytes()
            found.add((int(rolling[place]), self.digest(window)))
        return found


def _powers(number: int) -> NDArray[np.uint64]:
    steps = np.full(CHUNK + WINDOW, number, np.uint64)
    steps[0] = 1
    return np.cumprod(steps)


class Finder:
    """Finds known shingles in bytes. Memory: 4 MiB and some 100 bytes per shingle."""

    def __init__(self, key: Key, known: Mapping[int, int]) -> None:
        """`known` maps the digest of each shingle to its rolling hash."""
        self._key = key
        self._known = known
        self._rolling = np.unique(np.fromiter(known.values(), np.uint32, len(known)))
        self._table = np.zeros(1 << TABLE_BITS, bool)
        self._table[self._rolling >> np.uint32(32 - TABLE_BITS)] = True

    def without(self, digests: Iterable[int]) -> Finder:
        """The same, that does not look for some of the shingles."""
        gone = set(digests)
        return Finder(self._key, {digest: rolling for digest, rolling in self._known.items() if digest not in gone})

    def find(self, parts: Iterable[bytes | memoryview]) -> set[int]:
        """Digests of the known shingles in bytes that come in parts; one may begin in a part and end in the next."""
        found: set[int] = set()
        rest = np.zeros(0, np.uint8)
        for part in parts if self._known else ():
            rest = np.concatenate([rest, normal(part)])
            while len(rest) >= WINDOW:
                found |= self._in_chunk(rest[: CHUNK + WINDOW - 1])
                rest = rest[min(CHUNK, len(rest) - WINDOW + 1) :]
        return found

    def _in_chunk(self, folded: NDArray[np.uint8]) -> set[int]:
        rolling = self._key.rolling(folded)
        places = np.flatnonzero(self._table[rolling >> np.uint32(32 - TABLE_BITS)])
        places = places[np.isin(rolling[places], self._rolling)]
        windows = {folded[place : place + WINDOW].tobytes() for place in places.tolist()}
        return {digest for digest in map(self._key.digest, windows) if digest in self._known}


def unescaped(content: bytes) -> bytes:
    r"""Bytes of JSON with each `\uXXXX` as the UTF-8 it stands for."""
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "ignore"), content)
