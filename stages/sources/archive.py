"""Members of zip, wheel, tar and 7z archives as streams; nothing is ever written under a member's name or executed.

A member inside an archive inside an archive is written `outer.tar.gz!inner/path`. A file that is compressed and no
archive (`RC_2020-01.zst`), or that is a table by its name (`part-0.parquet`), is an archive of one member, itself.
Refused, with a reason: absolute paths, `..`, links, devices, sparse and encrypted members, a name that stands twice,
members above the size or ratio limits. The whole archive is refused (SourceError) when it is unreadable or above the
total limit.
"""

from __future__ import annotations

import functools
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from catalog.errors import SourceError
from stages.sources.entries import Member, Refused, path_refusal
from stages.sources.packed import FREE_BYTES, UNREADABLE, Capped, TooLarge, buffered, packing, unpacked, unpacked_name
from stages.sources.settings.archive import ArchiveLimits

SPOOL = 64 << 20  # bytes of an inner archive held in memory before it goes to an unnamed temporary file
MAX_NESTING = 3
TAR_BLOCK = 512  # bytes of a tar header
USTAR = (257, b"ustar")  # where a tar header says so
TABLES = (".parquet", ".jsonl", ".ndjson", ".csv", ".tsv", ".arrow", ".feather", ".mbox", ".json", ".xml")
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"


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
        level = _Level(stream, name.rpartition("/")[2], "", MAX_NESTING)
        yield from _members(level, tuple(_Glob(glob, glob) for glob in globs), limits)
    except TooLarge as error:
        raise SourceError(f"{name}: the archive is {error}; if you trust it, raise `limits` in crawl.sources") from None
    except UNREADABLE as error:
        raise SourceError(
            f"{name}: not a readable zip, tar or 7z archive ({type(error).__name__}: {error}); "
            "put a whole one there, then `dvc repro crawl`"
        ) from None


@dataclass(frozen=True, slots=True)
class _Level:
    """An archive: its bytes, its file name, what stands before its members' paths, how deep others may lie in it."""

    stream: IO[bytes]
    name: str
    prefix: str
    nesting: int


def _members(level: _Level, globs: tuple[_Glob, ...], limits: ArchiveLimits) -> Iterator[Member | Refused]:
    """Members of one level; inner archives that a glob enters are read from a spooled copy."""
    here = [(glob_pattern(one.rest), one) for one in globs if not one.inner]
    below = [(glob_pattern(one.outer), one) for one in globs if one.inner]
    wanted = [pattern for pattern, _ in here + below]
    for member in _level(level.stream, level.name, limits, lambda path: any(one.fullmatch(path) for one in wanted)):
        path = level.prefix + member.path
        deeper = tuple(_Glob(one.whole, one.inner) for pattern, one in below if pattern.fullmatch(member.path))
        if isinstance(member, Refused):
            yield Refused(path, member.reason)
        elif not deeper:
            whole = next(one.whole for pattern, one in here if pattern.fullmatch(member.path))
            yield Member(path, member.stream, whole)
        elif level.nesting == 0:
            yield Refused(path, f"archives are nested more than {MAX_NESTING} deep")
        else:
            yield from _inner_members(member, deeper, limits, path, level.nesting - 1)


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
        yield from _members(_Level(copy, path.rpartition("/")[2], path + "!", nesting), globs, limits)


def _copy(source: BinaryIO, target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)
    target.seek(0)


def _level(
    stream: IO[bytes], name: str, limits: ArchiveLimits, wanted: Callable[[str], bool]
) -> Iterator[Member | Refused]:
    """Wanted members of one archive, told by its first bytes; `name` is that of its file."""
    stream.seek(0)
    start = stream.read(6)
    stream.seek(0)
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zip_members(stream, limits, wanted)
    if start == SEVEN_ZIP:
        from stages.sources.sevenzip import seven_zip_members

        return seven_zip_members(stream, limits, wanted)
    how = packing(start)
    inside = unpacked(stream, how, limits.ratio, limits.total)
    if how is None and name.lower().endswith(TABLES):
        return _alone(name, inside, wanted)
    if how and not _is_tar(inside):
        return _alone(unpacked_name(name), inside, wanted)
    return _tar_members(inside, limits, wanted)


def _is_tar(stream: BinaryIO) -> bool:
    """Does a stream begin with the header of a tar? A header from before 1988 does not say so, but sums up."""
    block = stream.peek(TAR_BLOCK)[:TAR_BLOCK]  # type: ignore[attr-defined]
    if block[USTAR[0] :].startswith(USTAR[1]):
        return True
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _alone(name: str, stream: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[Member | Refused]:
    """A file that is no archive, as its only member."""
    if wanted(name):
        yield Member(name, stream)


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
                yield Member(entry.filename, buffered(Capped(member, limits.member, limits.ratio, spent)))


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
            yield Member(path, buffered(Capped(member, limits.member, limits.ratio)))


def _tar_refusal(entry: tarfile.TarInfo, limits: ArchiveLimits) -> str | None:
    """Why a tar entry is not read, judged by its header alone."""
    if not entry.isreg():
        return "a link or device"
    if entry.issparse():
        return "a sparse file"
    if entry.size > limits.member:
        return f"larger than {limits.member} bytes"
    return path_refusal(entry.name)
