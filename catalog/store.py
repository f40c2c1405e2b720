"""Where the bytes of a result are found again: our own objects (L1), then DVC's store (L2).

L1 `.gristmill/objects/<sha256>.<md5>` holds what DVC has not stored yet, hard-linked into data/ where possible.
L2 `.dvc/cache/files/md5/ab/cdef…` is DVC's; read, and healed where an object is corrupt, never written.
Every byte is hashed before it is used; a mismatch is deleted, counted and so recomputed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path

from catalog.digests import file_sha256
from catalog.journal import Output
from catalog.layout import OBJECTS, dvc_store

BESIDE = "tmp-"


class Store:
    """Objects by digest. `corrupt` counts the objects that were deleted because their bytes were wrong."""

    def __init__(self) -> None:
        OBJECTS.mkdir(parents=True, exist_ok=True)
        self.dvc = dvc_store()
        self.corrupt = 0

    def local(self, output: Output) -> Path:
        """Path of an object in L1."""
        return OBJECTS / f"{output.sha256}.{output.md5}"

    def in_dvc(self, md5: str) -> Path:
        """Path of an object in DVC's store."""
        return self.dvc / md5[:2] / md5[2:]

    def find(self, output: Output) -> Path | None:
        """A file with exactly the bytes of `output`, or None."""
        for path in (self.local(output), self.in_dvc(output.md5)):
            if self._holds(path, output):
                return path
        return None

    def _holds(self, path: Path, output: Output) -> bool:
        try:
            if path.stat().st_size == output.bytes and file_sha256(path) == output.sha256:
                return True
        except OSError:
            return False
        with contextlib.suppress(OSError):  # a cache shared read-only cannot be healed, and is not used
            path.unlink()
        self.corrupt += 1
        return False

    def place(self, found: Path, target: Path) -> None:
        """Put an object at `target`: a hard link to ours, a copy of DVC's (which must not share its inode)."""
        if target.exists() and target.samefile(found):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.tmp")
        beside.unlink(missing_ok=True)
        if found.parent == OBJECTS:
            with contextlib.suppress(OSError):
                os.link(found, beside)
        if not beside.exists():
            shutil.copyfile(found, beside)
        beside.replace(target)

    def prune(self) -> None:
        """Drop L1 objects that nothing links to and DVC holds, and what a crashed process left half-written."""
        for path in OBJECTS.iterdir():
            if path.name.startswith(BESIDE):
                if not _alive(int(path.name.split("-")[1])):
                    path.unlink(missing_ok=True)
            elif path.stat().st_nlink == 1 and self.in_dvc(path.suffix[1:]).exists():
                path.unlink()


def new_object() -> Path:
    """Where to write an object before its digest is known; the name says which process writes it."""
    return OBJECTS / f"{BESIDE}{os.getpid()}-{uuid.uuid4().hex}"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
