"""Random choices that are a hash of what they are for: no state, the same in every order and place."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b


class Draws:
    """A stream of choices: blake2b of a key, such as (seed, operator, id, copy), and of a position."""

    def __init__(self, *key: str | int) -> None:
        self._key = blake2b("\0".join(map(str, key)).encode(), digest_size=32).digest()
        self._position = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1. Errors: ValueError when limit is below 1."""
        if limit < 1:
            raise ValueError(f"limit is {limit}, must be >= 1")
        drawn = blake2b(self._position.to_bytes(8, "big"), key=self._key, digest_size=8).digest()
        self._position += 1
        return int.from_bytes(drawn, "big") * limit >> 64

    def sample(self, items: Sequence[int], count: int) -> list[int]:
        """`count` different items (all of them if there are fewer), in the order drawn."""
        left = list(items)
        drawn: list[int] = []
        while left and len(drawn) < count:
            drawn.append(left.pop(self.below(len(left))))
        return drawn
