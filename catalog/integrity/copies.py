"""Copies: what objects a version needs, and where each has a copy of exactly its bytes.

Reads   listings and manifests; DVC's cache, data/, .gristmill/objects and remotes, in this order
Writes  .gristmill/fsck/: listings rebuilt from data/ and objects fetched from remotes, until the search is closed
md5 is DVC's name for an object. Where a manifest gives the sha256 too, a copy must have both: md5 can be forged.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import GristmillError
from catalog.integrity.references import LISTING, Out, files_in
from catalog.integrity.remotes import Bytes, Place, bytes_of
from catalog.layout import LOCAL, MANIFEST, OBJECTS

FETCHED = LOCAL / "fsck"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One object that a version needs, and a file that it is."""

    oid: str
    out: Out
    file: str
    """Path in the project; of a listing, the folder."""
    sha256: str | None = None
    """As a manifest says; None where none does."""

    @property
    def md5(self) -> str:
        """Digest that DVC named it by."""
        return self.oid.removesuffix(LISTING)

    def is_right(self, found: Bytes) -> bool:
        """Are these its bytes?"""
        return found.md5 == self.md5 and self.sha256 in (None, found.sha256)

    def difference(self, found: Bytes) -> tuple[str, str]:
        """(expected, found), by the digest that tells them apart."""
        if self.sha256 and found.md5 == self.md5:
            return f"sha256 {self.sha256}", f"sha256 {found.sha256}"
        return f"md5 {self.md5}", f"md5 {found.md5}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A file with the bytes of an object, and the name of where it was found."""

    where: str
    path: Path


class Copies:
    """A search for right bytes, in the cache, data/, our own objects and `remotes`."""

    def __init__(self, cache: Place, remotes: Iterable[Place] = ()) -> None:
        self._cache = cache
        self._remotes = list(remotes)
        self._known: dict[tuple[int, ...], Bytes] = {}
        self._listed: dict[str, Path] = {}
        self._ours = {path.suffix[1:]: path for path in OBJECTS.glob("*.*")} if OBJECTS.is_dir() else {}

    def __enter__(self) -> Copies:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(FETCHED, ignore_errors=True)

    def bytes_of(self, path: Path) -> Bytes | None:
        """What a file of this machine is, None when it is gone; one inode is hashed once."""
        try:
            with path.open("rb") as stream:
                state = os.fstat(stream.fileno())
                key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
                if key not in self._known:
                    self._known[key] = bytes_of(stream)
                return self._known[key]
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def find(self, item: Item, *, but: str = "") -> Copy | None:
        """A copy with exactly the bytes of an object, not at the place `but`; None when there is none."""
        for copy in self._candidates(item, but):
            found = self.bytes_of(copy.path)
            if found and item.is_right(found):
                return copy
        return None

    def _candidates(self, item: Item, but: str) -> Iterator[Copy]:
        """Where an object may be, nearest first."""
        if but != self._cache.name:
            yield Copy(where="DVC's cache", path=Path(self._cache.path(item.oid)))
        if item.oid.endswith(LISTING):
            yield Copy(where=item.file, path=self._rebuilt(item))
        elif but != "workspace":
            yield Copy(where=item.file, path=Path(item.file))
        if item.oid in self._ours:
            yield Copy(where=str(OBJECTS), path=self._ours[item.oid])
        for place in self._remotes:
            if but != place.name:
                target = FETCHED / place.name / item.oid
                with contextlib.suppress(FileNotFoundError, GristmillError):  # told where the remote itself is checked
                    place.fetch(item.oid, target)
                    yield Copy(where=f"the remote {place.name}", path=target)

    def _rebuilt(self, item: Item) -> Path:
        """The listing that DVC would make of the folder in the workspace."""
        if item.file in self._listed:
            return self._listed[item.file]
        folder, target = Path(item.file), FETCHED / f"{len(self._listed)}{LISTING}"
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.is_dir() else []
        listing = [
            {"md5": found.md5, "relpath": path.relative_to(folder).as_posix()}
            for path in files
            if (found := self.bytes_of(path))
        ]
        FETCHED.mkdir(parents=True, exist_ok=True)
        ordered = sorted(listing, key=lambda entry: entry["relpath"])
        target.write_text(json.dumps(ordered, sort_keys=True), encoding="utf-8")
        self._listed[item.file] = target
        return target


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The objects of some outputs; of `unknown` ones not even the listing was found."""

    items: list[Item]
    unknown: list[Out]


def inventory(outs: Sequence[Out], copies: Copies) -> Inventory:
    """Every object that the outputs need, once per file that it is, the first output first."""
    items: dict[tuple[str, str | None, str], Item] = {}
    unknown = []
    for out in outs:
        own = Item(oid=out.oid, out=out, file=out.path)
        items.setdefault((own.oid, None, own.file), own)
        if out.folder:
            copy = copies.find(own)
            if copy is None:
                unknown.append(out)
                continue
            for item in _items_in(out, copy.path.read_bytes(), copies):
                items.setdefault((item.oid, item.sha256, item.file), item)
    return Inventory(items=list(items.values()), unknown=unknown)


def _items_in(out: Out, listing: bytes, copies: Copies) -> Iterator[Item]:
    """An item per file of a listing, with the sha256 that the manifest among them gives."""
    files = files_in(listing)
    sha256: dict[str, str] = {}
    if MANIFEST in files:
        manifest = Item(oid=files[MANIFEST], out=out, file=f"{out.path}/{MANIFEST}")
        copy = copies.find(manifest)
        rows = manifest_rows(copy.path, "path", "sha256") if copy else []
        sha256 = {str(row["path"]): str(row["sha256"]) for row in rows}
    for path, md5 in files.items():
        yield Item(oid=md5, out=out, file=f"{out.path}/{path}", sha256=sha256.get(path))


def manifest_rows(path: Path, *columns: str) -> list[dict[str, object]]:
    """Some columns of a manifest, whatever version of Gristmill wrote it; no rows when it is no manifest of ours."""
    try:
        rows: list[dict[str, object]] = pq.read_table(io.BytesIO(path.read_bytes()), columns=list(columns)).to_pylist()
        return rows if rows and set(rows[0]) == set(columns) else []
    except (OSError, pa.ArrowException):
        return []
