"""Members of a 7z archive as streams: py7zr unpacks in a thread of its own, and waits while nobody reads.

A solid block is unpacked once, whatever is wanted of it. py7zr holds what one megabyte of input unpacks to, at most one
member; hence a member may not be larger than `limits.member` by its header, nor the wanted ones than `limits.total`.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any

import py7zr
from py7zr.exceptions import ArchiveError
from py7zr.io import Py7zIO, WriterFactory

from stages.sources.entries import Member, Refused, path_refusal
from stages.sources.packed import FREE_BYTES, BadArchive, Capped, TooLarge, buffered
from stages.sources.settings.archive import ArchiveLimits

PIECES = 4  # pieces of a member that wait to be read
POLL = 0.2  # seconds after which a waiting thread looks whether anybody still reads

Event = tuple[str, Any]  # open, its path; data, its bytes; close, None; end, the error or None


def seven_zip_members(
    stream: IO[bytes], limits: ArchiveLimits, wanted: Callable[[str], bool]
) -> Iterator[Member | Refused]:
    """Wanted members in the order they are unpacked. Errors: BadArchive, TooLarge."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    try:
        with py7zr.SevenZipFile(stream) as archive:
            entries = [entry for entry in archive.files if not entry.is_directory and wanted(entry.filename)]
            reasons = _refusals(entries, archive.needs_password(), size, limits)
            yield from (Refused(path, reason) for path, reason in reasons)
            refused = {path for path, _ in reasons}
            paths = [entry.filename for entry in entries if entry.filename not in refused]
            yield from _unpacked(archive, paths, limits)
    except py7zr.PasswordRequired:
        raise BadArchive("encrypted, names and all") from None
    except (ArchiveError, KeyError, IndexError, TypeError, ValueError, AttributeError, MemoryError) as error:
        raise BadArchive(f"{type(error).__name__}: {error}") from None


def _refusals(entries: list[Any], encrypted: bool, size: int, limits: ArchiveLimits) -> list[tuple[str, str]]:
    """(path, why it is not read), by headers alone. Errors: TooLarge."""
    names = [entry.filename for entry in entries]
    found = []
    total = 0
    for entry in entries:
        reason = "encrypted" if encrypted else _refusal(entry, size, limits)
        reason = reason or ("the name stands twice" if names.count(entry.filename) > 1 else None)
        if reason:
            found.append((entry.filename, reason))
            continue
        total += entry.uncompressed
        if total > limits.total:
            raise TooLarge(f"larger than {limits.total} bytes")
    return found


def _refusal(entry: Any, size: int, limits: ArchiveLimits) -> str | None:
    if entry.is_symlink or entry.is_junction or entry.is_socket:
        return "a link or device"
    if entry.uncompressed > limits.member:
        return f"larger than {limits.member} bytes"
    if entry.uncompressed > FREE_BYTES and entry.uncompressed > limits.ratio * max(size, 1):
        return f"expands more than {limits.ratio} times"
    return path_refusal(entry.filename)


def _unpacked(archive: py7zr.SevenZipFile, paths: list[str], limits: ArchiveLimits) -> Iterator[Member | Refused]:
    """The members `paths`; those that a damaged block keeps from being read are refused."""
    if not paths:
        return
    events: queue.Queue[Event] = queue.Queue(PIECES)
    left = threading.Event()
    named = {PurePosixPath(path).as_posix(): path for path in paths}
    thread = threading.Thread(target=_unpack, args=(archive, paths, events, left), daemon=True)
    thread.start()
    missing = set(paths)
    problem: object = None
    try:
        while True:
            event, value = events.get()
            if event == "end":
                problem = value
                break
            if event != "open":
                continue
            path = named.get(str(value), str(value))
            missing.discard(path)
            pipe = _Pipe(events)
            yield Member(path, buffered(Capped(pipe, limits.member, limits.ratio)))
            pipe.drain()
            if pipe.ended:
                problem = pipe.problem
                break
    finally:
        left.set()
        thread.join()
    yield from (Refused(path, f"unreadable: {problem or 'the archive does not hold it'}") for path in sorted(missing))


def _unpack(archive: py7zr.SevenZipFile, paths: list[str], events: queue.Queue[Event], left: threading.Event) -> None:
    """What the thread does: unpack everything wanted, and say how it ended."""
    problem: str | None = None
    try:
        archive.extract(targets=paths, factory=_Writers(events, left))
    except _Left:
        return
    except Exception as error:  # of whatever decompressor the archive names
        problem = f"{type(error).__name__}: {error}"
    _put(events, left, ("end", problem))


class _Left(Exception):
    """Nobody reads any more."""


def _put(events: queue.Queue[Event], left: threading.Event, event: Event) -> None:
    while not left.is_set():
        try:
            events.put(event, timeout=POLL)
        except queue.Full:
            continue
        return
    raise _Left


class _Writers(WriterFactory):
    """Hands py7zr a writer per member."""

    def __init__(self, events: queue.Queue[Event], left: threading.Event) -> None:
        self.events, self.left = events, left

    def create(self, filename: str) -> Py7zIO:
        """The writer of a member."""
        _put(self.events, self.left, ("open", filename))
        return _Writer(self.events, self.left)


class _Writer(Py7zIO):
    """Passes on what py7zr unpacks; py7zr closes it when the checksum was right."""

    def __init__(self, events: queue.Queue[Event], left: threading.Event) -> None:
        self.events, self.left, self.written = events, left, 0

    def write(self, s: bytes | bytearray) -> int:
        """Pass on a piece."""
        _put(self.events, self.left, ("data", bytes(s)))
        self.written += len(s)
        return len(s)

    def close(self) -> None:
        """The member is whole."""
        _put(self.events, self.left, ("close", None))

    def read(self, size: int | None = None) -> bytes:
        """Nothing: what was written is gone."""
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Nowhere."""
        return 0

    def flush(self) -> None:
        """Nothing is held."""

    def size(self) -> int:
        """Bytes written."""
        return self.written


class _Pipe(io.RawIOBase):
    """The bytes of one member, as they come out of the thread."""

    def __init__(self, events: queue.Queue[Event]) -> None:
        self.events, self.held, self.closed_by_writer, self.ended = events, memoryview(b""), False, False
        self.problem: object = None

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer`; the number of bytes. Errors: BadArchive where unpacking failed."""
        while not self.held and not self.closed_by_writer:
            self._next()
        count = min(len(buffer), len(self.held))
        buffer[:count] = self.held[:count]
        self.held = self.held[count:]
        return count

    def drain(self) -> None:
        """Pass over the rest."""
        self.held = memoryview(b"")
        while not self.closed_by_writer and not self.ended:
            event, value = self.events.get()
            self._take(event, value)

    def _next(self) -> None:
        if not self.ended:
            self._take(*self.events.get())
        if self.ended:
            raise BadArchive(str(self.problem))

    def _take(self, event: str, value: Any) -> None:
        if event == "data":
            self.held = memoryview(value)
        elif event == "close":
            self.closed_by_writer = True
        else:
            self.ended, self.problem = True, value
