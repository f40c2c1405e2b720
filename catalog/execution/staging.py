"""Staging: files by digest in a place that every node reaches, S3 or any other that fsspec knows (GRISTMILL_STAGING).

    <url>/<first two digits>/<sha256>

A file is sent once, appears whole or not at all, and is hashed by whoever takes it out. Nothing is ever changed in
place, so the folder may be emptied whenever no build runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.incremental.store import seal

BLOCK = 8 << 20  # bytes on the way at once


class Staged(NamedTuple):
    """A file of the project: where it lies there, what it holds, and its size in bytes."""

    path: Path
    sha256: str
    bytes: int


class Staging:
    """A client of the place. Errors: GristmillError where `url` cannot be used."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise GristmillError(
                f"GRISTMILL_STAGING is {url!r}: {error}; give a URL that fsspec knows, and for s3:// "
                "`pip install 'gristmill[s3]'`"
            ) from None
        self.url = url
        self._there: set[str] = set()

    def put(self, file: Staged) -> None:
        """Send a file, unless it is there. Errors: GristmillError where the place does not answer."""
        with self._answering():
            self._put(file)

    def _put(self, file: Staged) -> None:
        target = self._place(file.sha256)
        if file.sha256 in self._there or self._size(target) == file.bytes:
            self._there.add(file.sha256)
            return
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        out: Any = self._files.open(target, "wb", block_size=BLOCK, autocommit=False)
        with file.path.open("rb") as stream, out:
            shutil.copyfileobj(stream, out, BLOCK)
        out.commit()
        self._there.add(file.sha256)

    def get(self, file: Staged, beside: Path) -> None:
        """Take a file out: written `beside`, checked, sealed, then renamed to its path.

        Errors: InputError when it is gone, or not what its name says; it is deleted then, so that it is sent again.
        """
        found = self._place(file.sha256)
        beside.parent.mkdir(parents=True, exist_ok=True)
        with self._answering():
            try:
                self._files.get_file(found, str(beside))
            except FileNotFoundError:
                raise InputError(f"{self.url} has no {found}; run `dvc repro` again, which sends it again") from None
        if file_sha256(beside) != file.sha256:
            beside.unlink()
            with self._answering():
                self._files.rm_file(found)
            raise InputError(f"{found} in {self.url} was not what its name says and is deleted; run `dvc repro` again")
        with beside.open("rb") as stream:
            os.fsync(stream.fileno())
        seal(beside, file.sha256)
        file.path.parent.mkdir(parents=True, exist_ok=True)
        beside.replace(file.path)

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Each service has errors of its own, of no common kind."""
        try:
            yield
        except GristmillError:
            raise
        except Exception as error:
            raise GristmillError(
                f"the staging place {self.url} does not work: {type(error).__name__}: {error}; finished segments are "
                "kept: see to its address, credentials and room, then `dvc repro` goes on"
            ) from error

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _size(self, target: str) -> int | None:
        self._files.invalidate_cache(target.rpartition("/")[0])
        try:
            return int(self._files.info(target)["size"])
        except FileNotFoundError:
            return None
