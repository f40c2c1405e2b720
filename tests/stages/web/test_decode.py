"""Content codings: undone within limits, in time and memory."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.hostile_server import brotli_of_zeros, gzip_of_zeros, zstd_of_zeros
from stages.web.decode import CodingError, Decoder, decoded

MIB = 1 << 20
TEXT = b"text" * 100
WINDOWED = zstd.compress(bytes(32 * MIB), options={zstd.CompressionParameter.window_log: 25})


def bare(body: bytes) -> bytes:
    """Deflate without zlib's header, as some servers send it."""
    return zlib.compress(body)[2:-4]


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    " X-GZIP ": gzip.compress,
    "identity, gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE": bare,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize(("coding", "pack"), PACKERS.items())
@settings(max_examples=25, deadline=None)
@given(body=st.binary(max_size=300), repeated=st.integers(1, 50), step=st.integers(1, 40))
def test_codings_are_undone(coding: str, pack: Callable[[bytes], bytes], body: bytes, repeated: int, step: int) -> None:
    """Whatever was packed comes back, however the network cuts it."""
    packed = pack(body * repeated)
    decoder = Decoder(coding, 100_000)
    for start in range(0, len(packed), step):
        decoder.feed(packed[start : start + step])
    assert decoder.finish() == body * repeated == decoded(packed, coding, 100_000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_no_body_is_an_empty_body(coding: str) -> None:
    """Servers declare codings for answers without a body."""
    assert decoded(b"", coding, 10) == b""


def noise(size: int) -> bytes:
    """Bytes that half compress: a ratio far below 200."""
    return random.Random(1).randbytes(size) + bytes(size)


@pytest.mark.parametrize(
    ("packed", "coding", "problem"),
    [
        (gzip.compress(b"x" * 2000), "gzip", "too large"),
        (brotli.compress(b"x" * 2000), "br", "too large"),
        (zstd.compress(b"x" * 2000), "zstd", "too large"),
        (b"x" * 2000, "", "too large"),
        (gzip.compress(noise(1000)), "gzip", "too large"),
        (gzip.compress(TEXT)[:-9], "gzip", "broken"),
        (zlib.compress(TEXT)[:-1], "deflate", "broken"),
        (brotli.compress(TEXT)[:-1], "br", "broken"),
        (zstd.compress(TEXT)[:-1], "zstd", "broken"),
        (gzip.compress(b"a") + gzip.compress(b"b"), "gzip", "broken"),
        (gzip.compress(b"a") + b"\0\0x", "gzip", "broken"),
        (brotli.compress(b"a") + b"x", "br", "broken"),
        (zstd.compress(b"a") + b"x", "zstd", "broken"),
        (zstd.compress(b"") * 1000, "zstd", "broken"),
        (WINDOWED, "zstd", "broken"),
        (b"text", "gzip", "broken"),
        (b"text", "br", "broken"),
        (b"text", "zstd", "broken"),
        (b"text", "compress", "unknown"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", "more than one"),
        (gzip.compress(brotli.compress(b"x")), "br,gzip", "more than one"),
    ],
)
def test_bombs_and_broken_codings_are_refused(packed: bytes, coding: str, problem: str) -> None:
    """Nothing is inflated beyond the limit, at most one coding is undone, and nothing may follow it."""
    with pytest.raises(CodingError, match=problem):
        decoded(packed, coding, 1000)


def test_what_follows_is_tolerated_where_servers_do_it() -> None:
    """gzip padded with zeros, and zstd in several frames."""
    assert decoded(gzip.compress(b"a") + bytes(9), "gzip", 10) == b"a"
    assert decoded(zstd.compress(b"a") + zstd.compress(b"b"), "zstd", 10) == b"ab"


BOMBS = {
    "gzip": gzip_of_zeros(300 * MIB),
    "x-gzip": gzip.compress(bytes(100 * MIB), 1),
    "deflate": gzip_of_zeros(300 * MIB)[10:-8],
    "br": brotli_of_zeros(300 * MIB),
    "zstd": zstd_of_zeros(300 * MIB),
}


@pytest.mark.parametrize("ratio", [True, False])
@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_takes_little_time_and_memory(coding: str, ratio: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inflation stops at the limit, with and without the ratio; it does not fill the memory first and complain then."""
    if not ratio:
        monkeypatch.setattr("stages.web.decode.MAX_RATIO", 10**9)
    decoder, packed = Decoder(coding, 16 * MIB), BOMBS[coding]
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(CodingError, match="too large"):
            for start in range(0, len(packed), 65536):
                decoder.feed(packed[start : start + 65536])
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB and time.perf_counter() - began < 1
    finally:
        tracemalloc.stop()


def test_the_ratio_alone_stops_a_small_bomb() -> None:
    """Below the limit of bytes, what grows 200 times is still refused; what grows 100 times is not."""
    body = noise(20_000) + bytes(8 * MIB)
    with pytest.raises(CodingError, match="too large"):
        decoded(zstd.compress(body), "zstd", 64 * MIB)
    assert len(decoded(zstd.compress(body[: 3 * MIB]), "zstd", 64 * MIB)) == 3 * MIB


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
def test_what_follows_a_body_is_not_kept(coding: str) -> None:
    """Megabytes after the end of the coded data end the decoding at once, instead of being copied again and again."""
    decoder = Decoder(coding, MIB)
    decoder.feed(PACKERS[coding](b"x"))
    with pytest.raises(CodingError, match="broken"):
        decoder.feed(b"x" * 65536)


def test_the_bombs_are_what_they_claim() -> None:
    """A test with a broken bomb would prove nothing."""
    assert gzip.decompress(gzip_of_zeros(2 * MIB)) == bytes(2 * MIB)
    assert brotli.decompress(brotli_of_zeros(2 * MIB)) == zstd.decompress(zstd_of_zeros(2 * MIB)) == bytes(2 * MIB)
