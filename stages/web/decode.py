"""Content codings, undone under a cap: a few kilobytes of gzip may hold gigabytes.

At most one coding of those the requests ask for (gzip, deflate, br, zstd); two are a bomb in a bomb. Bytes come out in
pieces of bounded size, and the limits are checked after each, so that memory follows what is accepted, not what is
sent. The same decoder serves answers, members of archives and records of WARC files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

ACCEPTED = "gzip, deflate, br, zstd"
MAX_RATIO = 200  # bytes out / bytes in; HTML reaches 10 to 30
ANY_RATIO = 1 << 20  # bytes; so much may come out whatever the ratio
PIECE = 1 << 20  # bytes that a library may hand out at once
ZSTD_WINDOW = 23  # log2 of bytes, 8 MiB (RFC 9659); without it a frame may ask for 2 GiB of window
ZSTD_FRAMES = 64  # per body; a million empty frames would cost minutes


class CodingError(ValueError):
    """A body cannot be decoded within the limits; the message is short and stable: it becomes an outcome."""


class Coding(Protocol):
    """One coding being undone: bytes in, pieces out; `ended` once the coded data is complete and nothing follows."""

    def pieces(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def ended(self) -> bool: ...


class Identity:
    """No coding."""

    ended = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield data


class Deflate:
    """gzip and deflate. Servers send deflate with zlib's header, as they should, and without."""

    def __init__(self, *, may_be_bare: bool) -> None:
        self._may_be_bare = may_be_bare
        self._held = b""
        self._inflater: zlib._Decompress | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            self._held += data
            if len(self._held) < 2:
                return
            data, self._held = self._held, b""
            self._inflater = zlib.decompressobj(self._window(data))
        more = not self._inflater.eof
        while more:
            piece = self._inflater.decompress(data, PIECE)
            yield piece
            data = self._inflater.unconsumed_tail
            more = not self._inflater.eof and (bool(data) or len(piece) == PIECE)
        if self._inflater.eof and (data or self._inflater.unused_data).strip(b"\0"):
            raise CodingError("broken content coding")  # at once: the library would keep copying what follows

    def _window(self, data: bytes) -> int:
        zlib_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        bare = self._may_be_bare and not zlib_header and data[:2] != b"\x1f\x8b"
        return -15 if bare else 47  # 47 reads gzip and zlib by their header

    @property
    def ended(self) -> bool:
        return self._inflater is not None and self._inflater.eof


class Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # here and below: most answers need neither library

        self._inflater = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield self._inflater.process(data, output_buffer_limit=PIECE)
        while not self._inflater.can_accept_more_data():
            yield self._inflater.process(b"", output_buffer_limit=PIECE)

    @property
    def ended(self) -> bool:
        return bool(self._inflater.is_finished())


class Zstandard:
    """zstd (RFC 8878); frames may follow each other."""

    def __init__(self) -> None:
        self._frames = 0
        self._inflater = self._next_frame()

    def _next_frame(self) -> Any:
        from backports import zstd

        self._frames += 1
        if self._frames > ZSTD_FRAMES:
            raise CodingError("broken content coding")
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW})

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._inflater.eof and data:
                self._inflater = self._next_frame()
            if self._inflater.eof:
                return
            yield self._inflater.decompress(data, PIECE)
            data = self._inflater.unused_data if self._inflater.eof else b""
            if self._inflater.needs_input and not data:
                return

    @property
    def ended(self) -> bool:
        return bool(self._inflater.eof)


CODINGS: dict[str, Callable[[], Coding]] = {
    "identity": Identity,
    "gzip": lambda: Deflate(may_be_bare=False),
    "x-gzip": lambda: Deflate(may_be_bare=False),
    "deflate": lambda: Deflate(may_be_bare=True),
    "br": Brotli,
    "zstd": Zstandard,
}


def coding_named(header: str) -> Coding:
    """The decoder for a `Content-Encoding`. Errors: CodingError for several codings, or one nobody asked for."""
    names = [name for part in header.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if len(names) > 1:
        raise CodingError("more than one content coding")
    try:
        return CODINGS[names[0] if names else "identity"]()
    except KeyError:
        raise CodingError("unknown content coding") from None


class Decoder:
    """A body being decoded, chunk by chunk; never holds more than `limit` bytes and a piece."""

    def __init__(self, coding: str, limit: int) -> None:
        self._coding, self._limit = coding_named(coding), limit
        self._plain = isinstance(self._coding, Identity)
        self._taken, self._out = 0, bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Errors: CodingError beyond the limit or the ratio, or for what is no such coding."""
        self._taken += len(data)
        allowed = self._limit if self._plain else min(self._limit, max(self._taken * MAX_RATIO, ANY_RATIO))
        try:
            for piece in self._coding.pieces(data):
                self._out += piece
                if len(self._out) > allowed:
                    raise CodingError("too large")
        except CodingError:
            raise
        except Exception:  # each library has an error class of its own, and none of them says more
            raise CodingError("broken content coding") from None

    def finish(self) -> bytes:
        """The decoded body. Errors: CodingError where the coded data breaks off or something follows it."""
        if self._taken and not self._coding.ended:
            raise CodingError("broken content coding")
        return bytes(self._out)


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """`body` without its `Content-Encoding`. Errors: CodingError above `limit` bytes, beyond the ratio, or broken."""
    decoder = Decoder(coding, limit)
    decoder.feed(body)
    return decoder.finish()
