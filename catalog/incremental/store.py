"""Where the bytes of a result are found again: our own objects (L1), then DVC's store (L2).

L1 `.gristmill/objects/<sha256>.<md5>` holds what a stage placed or DVC has not stored yet, hard-linked into data/.
L2 `.dvc/cache/files/md5/ab/cdef…` is DVC's; its corrupt objects are deleted, because DVC would link them into data/
over a right file. Where its cache type is hardlink (docs/decisions/0008), both tiers and data/ share one inode.
Every byte is hashed before it is used. An object that was hashed is sealed: its time of change is set to one that
follows from its digest, so that whoever writes to it breaks the seal, and what is sealed need not be hashed again
(docs/decisions/0007). A mismatch is deleted, counted and so recomputed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.incremental.journal import Output
from catalog.layout import OBJECTS, dvc_links, dvc_store
from catalog.segments import Segment

BESIDE = "tmp-"
ABANDONED = 86_400  # seconds after which what another host was writing is nobody's
SEAL_FROM, SEAL_SPAN = 946_684_800 * 10**9, 10**17  # nanoseconds: the year 2000, and three years


class Store:
    """Objects by digest.

    `corrupt` counts the objects that were deleted because their bytes were wrong; `fetched` names (sha256) those that
    came from DVC's store.
    """

    def __init__(self) -> None:
        OBJECTS.mkdir(parents=True, exist_ok=True)
        self.dvc = dvc_store()
        self._links = dvc_links()[0] == "hardlink"
        self.corrupt = 0
        self.fetched: set[str] = set()

    def local(self, output: Output) -> Path:
        """Path of an object in L1."""
        return OBJECTS / f"{output.sha256}.{output.md5}"

    def in_dvc(self, md5: str) -> Path:
        """Path of an object in DVC's store."""
        return self.dvc / md5[:2] / md5[2:]

    def find_all(self, outputs: Iterable[Output], threads: int = 1) -> dict[Output, Path]:
        """For each output, an L1 object with exactly its bytes; those that are nowhere are left out."""
        wanted = list(dict.fromkeys(outputs))
        found = {output: self.local(output) for output in wanted if self._is_sealed(output)}
        missing = [output for output in wanted if output not in found]
        if missing:
            with ThreadPoolExecutor(threads) as pool:
                checked = zip(missing, pool.map(self.find, missing), strict=True)
                found |= {output: path for output, path in checked if path}
        return found

    def find(self, output: Output) -> Path | None:
        """An L1 object with exactly the bytes of `output`, fetched from DVC's store where it is only there."""
        ours, theirs = self.local(output), self.in_dvc(output.md5)
        good = self._holds(theirs, output)
        if self._holds(ours, output):
            return ours
        if not good:
            return None
        beside = new_object()
        self._bring(theirs, beside)
        seal(beside, output.sha256)
        beside.replace(ours)
        self.fetched.add(output.sha256)
        return ours

    def _is_sealed(self, output: Output) -> bool:
        """Need nothing be hashed? Ours is sealed, and DVC's is absent, the same file, or sealed too."""
        if not is_sealed(self.local(output), output):
            return False
        theirs = self.in_dvc(output.md5)
        return not theirs.exists() or is_sealed(theirs, output)

    def _bring(self, theirs: Path, beside: Path) -> None:
        """Link or copy an object of DVC's store, as DVC itself would."""
        if self._links:
            with contextlib.suppress(OSError):
                os.link(theirs, beside)
                return
        shutil.copyfile(theirs, beside)

    def _holds(self, path: Path, output: Output) -> bool:
        """Is this a file of exactly these bytes? It is sealed then, and deleted where its bytes are wrong."""
        if is_sealed(path, output):
            return True
        try:
            right = path.stat().st_size == output.bytes and file_sha256(path) == output.sha256
        except OSError:
            return False
        with contextlib.suppress(OSError):  # a cache shared read-only is neither sealed nor healed
            if right:
                seal(path, output.sha256)
            else:
                path.unlink(missing_ok=True)
        self.corrupt += not right
        return right

    def distrust(self, outputs: Iterable[Output]) -> None:
        """Delete what DVC's store holds under the names of new results, if it is something else.

        DVC believes that an object of the right name is right, and would put it into data/ over the new file.
        """
        for output in outputs:
            self._holds(self.in_dvc(output.md5), output)

    def place(self, found: Path, target: Path) -> None:
        """Put an object at `target`: a hard link where the file system has them, else a copy."""
        with contextlib.suppress(OSError):
            os.link(found, target)
            return
        if target.exists() and target.samefile(found):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.tmp")
        beside.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.link(found, beside)
        if not beside.exists():
            shutil.copyfile(found, beside)
        beside.replace(target)

    def prune(self) -> None:
        """Drop L1 objects that nothing links to and DVC holds."""
        for entry in os.scandir(OBJECTS):
            if entry.name.startswith(BESIDE) or entry.stat().st_nlink > 1:
                continue
            if self.in_dvc(entry.name.rpartition(".")[2]).exists():
                Path(entry.path).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Drop what a process that ended left half-written, and what this one did before an error stopped it.

        Of a process on another host nobody here knows whether it lives; what it wrote is dropped after a day.
        """
        for path in OBJECTS.glob(f"{BESIDE}*"):
            _, process, _, *host = path.name.split("-", 3)
            writer = int(process)
            here = host in ([], [socket.gethostname()])  # no host: by an earlier version
            if (writer == os.getpid() or not _alive(writer)) if here else _is_old(path):
                path.unlink(missing_ok=True)


def check_inputs(segments: Iterable[Segment]) -> None:
    """Hash what a stage is about to read, unless it is sealed. Errors: InputError naming the first wrong file.

    DVC takes outputs out of its cache without a look at their bytes.
    """
    for segment in dict.fromkeys(segments):
        if not segment.path.exists() or is_sealed(segment.path, segment):
            continue
        if file_sha256(segment.path) != segment.sha256:
            raise InputError(
                f"{segment.path} is not what the manifest of {segment.stage} says; "
                "run `gristmill fsck --repair`, then `dvc repro`"
            )


def seal(path: Path, sha256: str) -> None:
    """Say on a file that its bytes were hashed."""
    os.utime(path, ns=(sealed_at(sha256), sealed_at(sha256)))


def is_sealed(path: Path, output: Output | Segment) -> bool:
    """Were these the bytes of `path` when it was hashed, and has nobody written to it since?"""
    try:
        stat = path.stat()
    except OSError:
        return False
    return stat.st_size == output.bytes and stat.st_mtime_ns == sealed_at(output.sha256)


def sealed_at(sha256: str) -> int:
    """The time of change that a digest stands for; other bytes get another one, so that DVC sees them change too."""
    return SEAL_FROM + int(sha256[:16], 16) % SEAL_SPAN


def new_object() -> Path:
    """Where to write an object before its digest is known; the name says which process writes it, on which host."""
    return OBJECTS / f"{BESIDE}{os.getpid()}-{uuid.uuid4().hex}-{socket.gethostname()}"


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > ABANDONED
    except FileNotFoundError:
        return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
