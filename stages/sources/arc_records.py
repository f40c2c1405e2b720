"""Records of ARC files, the format before WARC: a line of address, IP, date, media type and length, then the block.

Reads   one file, plain or compressed by gzip; offsets count its uncompressed bytes.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from stages.sources.warc_records import Ending, Record

LINE = re.compile(rb"(\S.*) (\S+) (\d{14}|\d{12}|\d{8}) (\S+)(?: .*)? (\d{1,12})\r?\n")
MAX_LINE = 1 << 16  # bytes
START = b"filedesc://"


def is_arc(path: Path) -> bool:
    """Does a file begin as ARC files do?"""
    try:
        with opened(path) as stream:
            return stream.read(len(START)) == START
    except (OSError, EOFError, zlib.error):
        return False


def opened(path: Path) -> IO[bytes]:
    """The file without its gzip."""
    with path.open("rb") as stream:
        magic = stream.read(2)
    return cast("IO[bytes]", gzip.open(path, "rb")) if magic == b"\x1f\x8b" else path.open("rb")


def arc_records(path: Path, *, limit: int) -> Iterator[Record | Ending]:
    """Every record of a file, blocks cut at `limit` bytes; an `Ending` where it breaks off."""
    offset = 0
    try:
        with opened(path) as stream:
            while line := _next_line(stream):
                offset = stream.tell() - len(line)
                found = LINE.fullmatch(line)
                if not found:
                    yield Ending(offset, f"unreadable at byte {offset}: not the line of an ARC record")
                    return
                yield _record(found, stream, offset, limit)
    except (OSError, EOFError, zlib.error) as error:
        yield Ending(offset, f"unreadable after the record at byte {offset}: {error}")


def _next_line(stream: IO[bytes]) -> bytes:
    while (line := stream.readline(MAX_LINE)) in (b"\n", b"\r\n"):
        pass
    return line


def _record(line: re.Match[bytes], stream: IO[bytes], offset: int, limit: int) -> Record:
    uri, _, date, mime, size = (part.decode("utf-8", "replace") for part in line.groups())
    length = int(size)
    block = stream.read(min(length, limit))
    left = length - len(block)
    while left and (skipped := len(stream.read(min(left, 1 << 20)))):
        left -= skipped
    headers = {"warc-target-uri": uri, "warc-date": _iso(date), "content-type": mime, "content-length": size}
    kind = "warcinfo" if uri.startswith(START.decode()) else "response" if block.startswith(b"HTTP/") else "resource"
    return Record(offset=offset, kind=kind, headers=headers, block=block, whole=len(block) == length)


def _iso(date: str) -> str:
    full = date.ljust(14, "0")
    return f"{full[:4]}-{full[4:6]}-{full[6:8]}T{full[8:10]}:{full[10:12]}:{full[12:]}Z"
