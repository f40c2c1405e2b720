"""Content codings: undone within limits, in time and memory."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from stages.web.decode import CodingError, decoded


@pytest.mark.parametrize(
    ("packed", "coding"),
    [
        (b"text", ""),
        (b"text", "identity"),
        (gzip.compress(b"text"), "gzip"),
        (gzip.compress(b"text"), " X-GZIP "),
        (zlib.compress(b"text"), "deflate"),
        (zlib.compress(b"text")[2:-4], "deflate"),
        (b"", "gzip"),
    ],
)
def test_codings_are_undone(packed: bytes, coding: str) -> None:
    """gzip, zlib and bare deflate, as servers send them."""
    assert decoded(packed, coding, 1000) == (b"text" if packed else b"")


@pytest.mark.parametrize(
    ("packed", "coding", "problem"),
    [
        (gzip.compress(bytes(300 << 20), 1), "gzip", "too large"),
        (gzip.compress(b"x" * 2000), "gzip", "too large"),
        (gzip.compress(b"text")[:-9], "gzip", "broken"),
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip", "broken"),
        (b"text", "gzip", "broken"),
        (b"text", "br", "broken"),
        (b"text", "compress", "unknown"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "more than one"),
    ],
)
def test_bombs_and_broken_codings_are_refused(packed: bytes, coding: str, problem: str) -> None:
    """Nothing is inflated beyond the limit, and at most one coding is undone."""
    with pytest.raises(CodingError, match=problem):
        decoded(packed, coding, 1000)


def test_a_bomb_takes_no_memory() -> None:
    """Inflation stops at the limit; it does not fill the memory first and complain afterwards."""
    bomb = gzip.compress(bytes(64 << 20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(CodingError, match="too large"):
            decoded(bomb, "gzip", 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
