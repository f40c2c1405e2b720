"""Reachable: the objects that some version needs which is to be kept.

Reads   dvc.lock and *.dvc of the working tree and of commits, listings in DVC's cache or on the default remote
Kept    what the working tree names; the last N versions of every branch; tags, stashes, experiments and work trees as
        they stand; and of every commit what cannot be computed again: the crawl log, and what a person tracks
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import GristmillError
from catalog.integrity.copies import FETCHED, Copies, Item
from catalog.integrity.references import Out, files_in, git, named, outs_at, outs_ever, versions, working_outs
from catalog.integrity.remotes import Stores
from catalog.layout import ANNOTATION_LOG, CRAWL_LOG


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """Objects that are needed, and for what."""

    objects: set[str]
    known: list[Out]
    """Outputs of every version, kept or not."""
    text: str
    notices: list[str]


def reachable(stores: Stores, keep_last: int) -> Reachable:
    """What must stay. Errors: GristmillError where what is needed cannot be known in full."""
    _refuse(stores, keep_last)
    commits, ever, working = versions(keep_last), outs_ever(), working_outs()
    kept = list(dict.fromkeys([*working, *outs_at(commits), *filter(_irreplaceable, ever)]))
    with Copies(stores.cache) as copies:
        objects, unknown = _objects_of(kept, stores, copies)
    notices = [f"{out.path} ({out.stage}) is kept, but its listing is neither here nor on a remote" for out in unknown]
    text = (
        f"{named(len(objects), 'object')} of the working tree, of {named(len(commits), 'commit')} "
        f"(the last {keep_last} of every branch, tags) and every crawl log"
    )
    known = list(dict.fromkeys([*working, *ever]))
    return Reachable(objects=objects, known=known, text=text, notices=notices)


def _refuse(stores: Stores, keep_last: int) -> None:
    if keep_last < 1:
        raise GristmillError(f"--keep-last {keep_last} would keep no version; give 1 or more")
    if not git("rev-list", "--all", "-n1"):
        raise GristmillError(f"{Path.cwd()} has no commits, so no version is known; `git add -A && git commit` first")
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        raise GristmillError("this clone is shallow, so older crawl logs cannot be seen; `git fetch --unshallow` first")
    if not stores.folder.is_relative_to(Path.cwd()):
        raise GristmillError(
            f"DVC's cache {stores.folder} lies outside this project, so other projects may need what it holds; "
            "see `dvc gc --projects`, which asks them all"
        )


def _irreplaceable(out: Out) -> bool:
    """Can nobody compute it again? (Without a stage it comes from a dvc.lock that could not be read.)"""
    if out.path == ANNOTATION_LOG.as_posix():
        return False  # it only grows, so that a kept version holds what older ones do, but for what was forgotten
    return out.path == CRAWL_LOG.as_posix() or out.tracked or not out.stage


def _objects_of(outs: Iterable[Out], stores: Stores, copies: Copies) -> tuple[set[str], list[Out]]:
    """(objects, outputs whose listing is nowhere)."""
    objects: set[str] = set()
    absent: list[Out] = []
    for out in outs:
        objects.add(out.oid)
        copy = copies.find(Item(oid=out.oid, out=out, file=out.path)) if out.folder else None
        if copy:
            objects.update(files_in(copy.path.read_bytes()).values())
        elif out.folder:
            absent.append(out)
    corrupt = stores.cache.present(out.oid for out in absent)
    if corrupt:
        raise GristmillError(
            f"{stores.cache.path(min(corrupt))} is corrupt, so what its folder needs is unknown; "
            "`gristmill fsck --all --repair` first"
        )
    return _with_remote(objects, absent, stores)


def _with_remote(objects: set[str], absent: list[Out], stores: Stores) -> tuple[set[str], list[Out]]:
    """The same with the listings that only the default remote has. Errors: GristmillError when it does not answer."""
    if not absent or not stores.default:
        return objects, absent
    remote = stores.remote(stores.default)
    there = remote.present(out.oid for out in absent)
    for oid in there:
        target = FETCHED / oid
        remote.fetch(oid, target)
        objects.update(files_in(target.read_bytes()).values())
        target.unlink()
    return objects, [out for out in absent if out.oid not in there]
