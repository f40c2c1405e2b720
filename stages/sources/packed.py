"""One compressed stream (gzip, bzip2, xz, Zstandard) -> its bytes, bounded; told by its first bytes, never its name.

A Zstandard frame may ask for a window of up to 2 GiB (`zstd --long=31`, as the Reddit dumps are packed): that is the
memory a hostile one can make us hold.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any, BinaryIO

from backports import zstd

MAX_WINDOW_LOG = 31  # log2 bytes of the window of a Zstandard frame: 2 GiB
FREE_BYTES = 16 << 20  # output bytes before the ratio is judged: small files of zeros are harmless
MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}
SKIPPABLE = tuple(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))  # a Zstandard frame of no data (RFC 8878)


class BadArchive(Exception):
    """An archive that its reader cannot read."""


UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, NotImplementedError,
    zstd.ZstdError, BadArchive,
)  # fmt: skip


class TooLarge(Exception):
    """A stream passed one of the limits; the message says which."""


class Capped(io.RawIOBase):
    """A stream that raises TooLarge when more than `limit` bytes come out, or too many for what went in.

    `spent` gives the compressed bytes read so far, or None where they are not known.
    """

    def __init__(
        self, stream: IO[bytes] | io.RawIOBase, limit: int | None, ratio: int, spent: Callable[[], int] | None = None
    ) -> None:
        self.stream, self.limit, self.ratio, self.spent = stream, limit, ratio, spent
        self.bytes_out = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; the number of bytes read. Errors: TooLarge."""
        data = self.stream.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self.bytes_out += len(data)
        if self.limit is not None and self.bytes_out > self.limit:
            raise TooLarge(f"larger than {self.limit} bytes")
        if self.spent and self.bytes_out > FREE_BYTES and self.bytes_out > self.ratio * max(self.spent(), 1):
            raise TooLarge(f"expands more than {self.ratio} times")
        return len(data)


class _Counted(io.RawIOBase):
    """A stream that counts what was read of it, for streams that cannot tell."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.bytes_in = stream, 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; the number of bytes read."""
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.bytes_in += len(data)
        return len(data)


def packing(start: bytes) -> str | None:
    """How a stream that begins so is compressed; None = it is not."""
    if start.startswith(SKIPPABLE):
        return "zst"
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def unpacked_name(path: str) -> str:
    """A path without the extension of its compression."""
    stem, _, extension = path.rpartition(".")
    return stem if extension.lower() in MAGIC.values() and stem and not stem.endswith("/") else path


def unpacked(stream: IO[bytes], kind: str | None, ratio: int, limit: int | None = None) -> BinaryIO:
    """The bytes of a stream compressed as `kind`, at most `limit` of them and `ratio` for each that was read."""
    counted = _Counted(stream)
    source: Any = io.BufferedReader(counted, 1 << 16)
    opened: Any = source
    if kind == "gz":
        opened = gzip.GzipFile(fileobj=source, mode="rb")
    elif kind == "bz2":
        opened = bz2.BZ2File(source)
    elif kind == "xz":
        opened = lzma.LZMAFile(source)  # noqa: SIM115
    elif kind == "zst":
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        opened = zstd.ZstdFile(source, options=options)
    return buffered(Capped(opened, limit, ratio, lambda: counted.bytes_in))


def buffered(capped: Capped) -> BinaryIO:
    """A capped stream with a buffer before it."""
    return io.BufferedReader(capped, 1 << 18)  # type: ignore[return-value]
