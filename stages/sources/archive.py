"""Members of zip, wheel and tar archives as streams; nothing is ever written under a member's name or executed.

A member inside an archive inside an archive is written `outer.tar.gz!inner/path`. Refused, with a reason: absolute
paths, `..`, links, devices, sparse and encrypted members, a name that stands twice, members above the size or
ratio limits. The whole archive is refused (SourceError) when it is unreadable or above the total limit.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from catalog.errors import SourceError
from stages.sources.settings.archive import ArchiveLimits

SPOOL = 64 << 20  # bytes of an inner archive held in memory before it goes to an unnamed temporary file
MAX_NESTING = 3
FREE_BYTES = 16 << 20  # output bytes before the ratio is judged: small files of zeros are harmless
UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, NotImplementedError)


class TooLarge(Exception):
    """A stream passed one of the limits; the message says which."""


@dataclass(frozen=True, slots=True)
class Member:
    """One readable file: its path (with `!` for nesting), its stream, valid until the next member is asked for, and
    the glob that asked for it."""

    path: str
    stream: BinaryIO
    glob: str = ""


@dataclass(frozen=True, slots=True)
class _Glob:
    """A glob as it was given, and what is left of it at one level of nesting."""

    whole: str
    rest: str

    @property
    def outer(self) -> str:
        """The part that names an archive at this level."""
        return self.rest.partition("!")[0]

    @property
    def inner(self) -> str:
        """The part that applies inside that archive; empty at the last level."""
        return self.rest.partition("!")[2]


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that is not read, and why."""

    path: str
    reason: str


class Capped(io.RawIOBase):
    """A stream that raises TooLarge when more than `limit` bytes come out, or too many for what went in.

    `spent` gives the compressed bytes read so far, or None where they are not known.
    """

    def __init__(self, stream: IO[bytes], limit: int, ratio: int, spent: Callable[[], int] | None = None) -> None:
        self.stream, self.limit, self.ratio, self.spent = stream, limit, ratio, spent
        self.bytes_out = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; the number of bytes read. Errors: TooLarge."""
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.bytes_out += len(data)
        if self.bytes_out > self.limit:
            raise TooLarge(f"larger than {self.limit} bytes")
        if self.spent and self.bytes_out > FREE_BYTES and self.bytes_out > self.ratio * max(self.spent(), 1):
            raise TooLarge(f"expands more than {self.ratio} times")
        return len(data)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob over member paths as a regular expression: `*` and `?` stay in a folder, `**` crosses folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part) or re.escape(part) for part in parts), re.S)


def members(stream: IO[bytes], name: str, globs: tuple[str, ...], limits: ArchiveLimits) -> Iterator[Member | Refused]:
    """Members of the archive `stream` that match any of `globs`, in the order of the archive.

    `name` is how errors call the archive. Errors: SourceError when it is unreadable or above the total limit.
    """
    try:
        yield from _members(stream, tuple(_Glob(glob, glob) for glob in globs), limits, "", MAX_NESTING)
    except TooLarge as error:
        raise SourceError(f"{name}: the archive is {error}; if you trust it, raise `limits` in crawl.sources") from None
    except UNREADABLE as error:
        raise SourceError(
            f"{name}: not a readable zip or tar archive ({type(error).__name__}: {error}); "
            "put a whole one there, then `dvc repro crawl`"
        ) from None


def _members(
    stream: IO[bytes], globs: tuple[_Glob, ...], limits: ArchiveLimits, prefix: str, nesting: int
) -> Iterator[Member | Refused]:
    """Members of one level; inner archives that a glob enters are read from a spooled copy."""
    here = [(glob_pattern(one.rest), one) for one in globs if not one.inner]
    below = [(glob_pattern(one.outer), one) for one in globs if one.inner]
    for member in _level(stream, limits, lambda path: any(one.fullmatch(path) for one, _ in here + below)):
        path = prefix + member.path
        deeper = tuple(_Glob(one.whole, one.inner) for pattern, one in below if pattern.fullmatch(member.path))
        if isinstance(member, Refused):
            yield Refused(path, member.reason)
        elif not deeper:
            whole = next(one.whole for pattern, one in here if pattern.fullmatch(member.path))
            yield Member(path, member.stream, whole)
        elif nesting == 0:
            yield Refused(path, f"archives are nested more than {MAX_NESTING} deep")
        else:
            yield from _inner_members(member, deeper, limits, path, nesting - 1)


def _inner_members(
    member: Member, globs: tuple[_Glob, ...], limits: ArchiveLimits, path: str, nesting: int
) -> Iterator[Member | Refused]:
    """Members of an archive that is itself a member."""
    with tempfile.SpooledTemporaryFile(SPOOL) as copy:
        try:
            _copy(member.stream, copy)
        except TooLarge as error:
            yield Refused(path, str(error))
            return
        yield from _members(copy, globs, limits, path + "!", nesting)


def _copy(source: BinaryIO, target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)
    target.seek(0)


def _level(stream: IO[bytes], limits: ArchiveLimits, wanted: Callable[[str], bool]) -> Iterator[Member | Refused]:
    """Wanted members of one archive, zip or tar by its first bytes."""
    stream.seek(0)
    start = stream.read(6)
    stream.seek(0)
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zip_members(stream, limits, wanted)
    return _tar_members(_decompressed(stream, start, limits), limits, wanted)


def _zip_members(stream: IO[bytes], limits: ArchiveLimits, wanted: Callable[[str], bool]) -> Iterator[Member | Refused]:
    seen: set[str] = set()
    total = 0
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not wanted(entry.filename):
                continue
            reason = _zip_refusal(entry, limits) or ("the name stands twice" if entry.filename in seen else None)
            seen.add(entry.filename)
            if reason:
                yield Refused(entry.filename, reason)
                continue
            total += entry.file_size
            if total > limits.total:
                raise TooLarge(f"larger than {limits.total} bytes")
            with archive.open(entry) as member:
                spent = functools.partial(int, entry.compress_size)
                yield Member(entry.filename, _buffered(Capped(member, limits.member, limits.ratio, spent)))


def _zip_refusal(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str | None:
    """Why a zip entry is not read, judged by its header alone."""
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link or device"
    if entry.flag_bits & 0x1:
        return "encrypted"
    if entry.file_size > limits.member:
        return f"larger than {limits.member} bytes"
    if entry.file_size > FREE_BYTES and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        return f"expands more than {limits.ratio} times"
    return path_refusal(entry.orig_filename)


def path_refusal(path: str) -> str | None:
    """Why a path is not that of a member inside the archive."""
    if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    if ".." in re.split(r"[/\\]", path):
        return "a path with `..`"
    if "\0" in path or len(path) > 4096:
        return "an impossible path"
    return None


def _decompressed(stream: IO[bytes], start: bytes, limits: ArchiveLimits) -> BinaryIO:
    """The tar inside a gzip, bzip2, xz or no compression, under the total and ratio limits."""
    opened: Any = stream
    if start[:2] == b"\x1f\x8b":
        opened = gzip.GzipFile(fileobj=stream, mode="rb")
    elif start[:3] == b"BZh":
        opened = bz2.BZ2File(stream)
    elif start[:6] == b"\xfd7zXZ\0":
        opened = lzma.LZMAFile(stream)  # noqa: SIM115
    return _buffered(Capped(opened, limits.total, limits.ratio, stream.tell))


def _buffered(capped: Capped) -> BinaryIO:
    return io.BufferedReader(capped, 1 << 18)  # type: ignore[return-value]


def _tar_members(stream: BinaryIO, limits: ArchiveLimits, wanted: Callable[[str], bool]) -> Iterator[Member | Refused]:
    seen: set[str] = set()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            path = entry.name.removeprefix("./")
            if entry.isdir() or not wanted(path):
                continue
            reason = _tar_refusal(entry, limits) or ("the name stands twice" if path in seen else None)
            seen.add(path)
            member = None if reason else archive.extractfile(entry)
            if member is None:
                yield Refused(path, reason or "not a file")
                continue
            yield Member(path, _buffered(Capped(member, limits.member, limits.ratio)))


def _tar_refusal(entry: tarfile.TarInfo, limits: ArchiveLimits) -> str | None:
    """Why a tar entry is not read, judged by its header alone."""
    if not entry.isreg():
        return "a link or device"
    if entry.issparse():
        return "a sparse file"
    if entry.size > limits.member:
        return f"larger than {limits.member} bytes"
    return path_refusal(entry.name)
