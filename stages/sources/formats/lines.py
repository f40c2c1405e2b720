"""A text file -> its lines, as bytes."""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from stages.sources.formats import MAX_ROW, Broken, UnreadableFile, content_key

UTF8_MARK, WIDE_MARKS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(stream: BinaryIO, encoding: str | None) -> Iterator[bytes | Broken]:
    """Lines without their end, blank ones left out; UTF-16 becomes UTF-8, a byte order mark goes."""
    stream = narrow(stream, encoding)
    while line := stream.readline(MAX_ROW):
        if len(line) == MAX_ROW and not line.endswith(b"\n"):
            yield Broken(content_key(line), f"longer than {MAX_ROW} bytes")
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_ROW)
            continue
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield line


def narrow(stream: BinaryIO, encoding: str | None) -> BinaryIO:
    """A stream whose line ends are single bytes, past any byte order mark."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    start = buffered.peek(4)
    if start.startswith(UTF8_MARK):
        buffered.read(len(UTF8_MARK))
    elif start.startswith(WIDE_MARKS) or (encoding or "").lower().replace("-", "").startswith(("utf16", "utf32")):
        return _transcoded(buffered, encoding or "utf-16")
    return buffered  # type: ignore[return-value]


def _transcoded(stream: Any, encoding: str) -> BinaryIO:
    """A file in UTF-8. Errors: UnreadableFile where it is not in `encoding`."""
    copy = tempfile.SpooledTemporaryFile(MAX_ROW)  # noqa: SIM115
    try:
        for text in io.TextIOWrapper(stream, encoding=encoding, newline=""):
            copy.write(text.encode())
    except UnicodeError as error:
        raise UnreadableFile(f"not {encoding}: {error}") from None
    copy.seek(0)
    return copy  # type: ignore[return-value]
