"""Content codings, undone under a cap: a few kilobytes of gzip may hold gigabytes.

At most one coding (gzip, deflate). The requests ask for nothing else, so another coding is a broken server.
"""

from __future__ import annotations

import zlib

ACCEPTED = "gzip, deflate"
MAX_RATIO = 200  # bytes out / bytes in; HTML reaches 10 to 30


class CodingError(ValueError):
    """A body cannot be decoded within the limits; the message is short and stable: it becomes an outcome."""


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """`body` without its `Content-Encoding`. Errors: CodingError above `limit` bytes, beyond the ratio, or broken."""
    coding = coding.strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise CodingError("unknown content coding")
    allowed = min(limit, max(len(body) * MAX_RATIO, 1 << 20))
    # 47 reads gzip and zlib by their header; servers also send deflate without one (-15).
    windows = (47, -15) if coding == "deflate" else (47,)
    for window in windows:
        try:
            return _inflated(body, window, allowed)
        except zlib.error:
            continue
    raise CodingError("broken content coding")


def _inflated(body: bytes, window: int, allowed: int) -> bytes:
    inflater = zlib.decompressobj(window)
    out = inflater.decompress(body, allowed + 1)
    if len(out) > allowed:
        raise CodingError("too large")
    if not inflater.eof or inflater.unused_data.strip(b"\0"):
        raise CodingError("broken content coding")
    return out
