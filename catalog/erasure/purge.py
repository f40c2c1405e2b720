"""Purge: delete what a search found, where nothing that is needed now is lost by it.

Writes  DVC's cache and remotes (objects, the listings that name them, entries of the run cache), .gristmill/,
        data/catalog.duckdb; what was purged, and from which versions, into the ledger
A version that loses an object can be asked for its other outputs; the next command that wants this one says that it is
missing. What makes the current version, and files of the user, are not touched: the search says what to do about them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.erasure.ledger import Ledger
from catalog.erasure.places import CACHE, WORKSPACE
from catalog.erasure.search import Remains
from catalog.errors import GristmillError
from catalog.incremental.journal import JOURNAL, Journal
from catalog.integrity.gc import run_cache
from catalog.integrity.references import LISTING, NAMED, files_in, git, named, outs_at
from catalog.integrity.remotes import Place, Stores


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What was deleted: files of this machine and objects, and the versions (commits) that had some of them."""

    files: int
    objects: int
    versions: tuple[str, ...]

    def text(self) -> str:
        """In words."""
        lines = [f"purged {named(self.objects, 'object')} and {named(self.files, 'file')}"]
        if self.versions:
            lines.append(f"these versions lack some outputs from now on: {', '.join(self.versions)}")
        return "\n".join(lines)


def purge(stores: Stores, found: Iterable[Remains], ledger: Ledger) -> Purged:
    """Delete the purgeable of what was found.

    Errors: BusyError while a stage or another DVC command runs; GristmillError when DVC's cache lies outside the
    project, so that others may use it.
    """
    remains = [one for one in found if one.purgeable]
    if any(one.place == CACHE for one in remains) and not stores.folder.is_relative_to(Path.cwd()):
        raise GristmillError(
            f"DVC's cache {stores.folder} lies outside this project, and other projects may need what it holds; "
            "delete the objects that the audit names there by hand"
        )
    with stores.no_builds():
        dead = {one.oid for one in remains if one.oid}
        listings = _listings(stores, dead)
        versions = tuple(_versions(dead | listings))
        ledger.note_purged(sorted(dead), versions)  # first: what is gone cannot be counted again
        files = _purge_files([Path(one.name) for one in remains if not one.oid])
        _purge_cache(stores, {one.oid for one in remains if one.place == CACHE and one.oid} | listings)
        for place in {one.place for one in remains} - {CACHE, WORKSPACE}:
            oids = {one.oid for one in remains if one.place == place}
            _purge_remote(stores.remote(place), oids | listings)
        _purge_journal(dead)
    return Purged(files=files, objects=sum(bool(one.oid) for one in remains), versions=versions)


def _listings(stores: Stores, dead: Collection[str]) -> set[str]:
    """The listings in DVC's cache that name one of some objects."""
    found = set()
    for path in stores.folder.glob(f"??/*{LISTING}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if not set(files_in(path.read_bytes()).values()).isdisjoint(dead):
                found.add(path.parent.name + path.name)
    return found


def _versions(oids: Collection[str]) -> list[str]:
    """The commits whose dvc.lock, or a .dvc file, names one of some objects, oldest first."""
    commits = git("log", "--all", "--reverse", "--format=%h", "--", *NAMED).split() if oids else []
    return [commit for commit in commits if any(out.oid in oids for out in outs_at([commit]))]


def _purge_files(paths: Iterable[Path]) -> int:
    """Delete files, a database with its write-ahead log."""
    count = 0
    for path in paths:
        for one in (path, *path.parent.glob(f"{path.name}-*"), *path.parent.glob(f"{path.name}.wal")):
            count += one == path
            one.unlink(missing_ok=True)
    return count


def _purge_cache(stores: Stores, oids: Collection[str]) -> None:
    """Delete objects, and before them what would bring them back."""
    for path, outs in list(run_cache(stores.folder)):
        if any(out.oid in oids for out in outs):
            path.unlink(missing_ok=True)
    for oid in sorted(oids, key=lambda oid: not oid.endswith(LISTING)):
        stores.cache.delete(oid)


def _purge_remote(place: Place, oids: Collection[str]) -> None:
    there = place.present(oids)
    for oid in sorted(there, key=lambda oid: not oid.endswith(LISTING)):
        place.delete(oid)


def _purge_journal(oids: Collection[str]) -> None:
    if JOURNAL.exists():
        with contextlib.closing(Journal()) as journal:
            journal.forget_files(oids)
