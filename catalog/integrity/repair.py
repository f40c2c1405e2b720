"""Repair: put right bytes where fsck found wrong ones or none, from a copy that was hashed.

Reads   what fsck found; copies in the cache, data/, .gristmill/objects and remotes (the default one too)
Writes  DVC's cache, data/ (what stages wrote; never what a person tracks), remotes, `verify = true` in .dvc/config
A corrupt object, or file of data/, is deleted even where no copy is left: DVC trusts what lies there, and would keep it
after a rebuild. What cannot be computed again (the crawl log, what a person tracks) stays as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from catalog.errors import GristmillError
from catalog.integrity.copies import Copies
from catalog.integrity.problems import CACHE, OURS, WORKSPACE, Problem, again, computed
from catalog.integrity.remotes import CONFIG, Place, Stores, set_verify, unverified

ORDER = (CACHE, OURS, WORKSPACE)  # then remotes: each may be mended from those before


def mend(problems: Iterable[Problem], stores: Stores, places: Sequence[Place]) -> tuple[list[str], list[Problem]]:
    """(what was done, the problems that remain with what is left to do)."""
    done, left = [], []
    named = {place.name: place for place in places}
    if stores.default and stores.default not in named:
        named[stores.default] = stores.remote(stores.default)
    with Copies(stores.cache, named.values()) as copies:
        for problem in sorted(problems, key=_turn):
            place = stores.cache if problem.where == CACHE else named.get(problem.where)
            try:
                done.append(f"{problem.path}: {_mended(problem, place, copies)}")
            except (GristmillError, OSError, NotImplementedError) as error:
                left.append(replace(problem, remedy=str(error)))
    for name in unverified():
        set_verify(name)
        done.append(f"{CONFIG}: verify = true for the remote {name}")
    return done, left


def _turn(problem: Problem) -> int:
    return ORDER.index(problem.where) if problem.where in ORDER else len(ORDER)


def _mended(problem: Problem, place: Place | None, copies: Copies) -> str:
    """Mend one problem and say how. Errors: GristmillError when there is no copy, or what was written is wrong."""
    item, where = problem.item, problem.where
    if where == OURS:
        Path(problem.path).unlink(missing_ok=True)
        return "deleted, it was a copy"
    copy = copies.find(item, but=where)
    if copy is None:
        if place is not None and where == CACHE:
            place.delete(item.oid)
            if not item.out.stage:
                return "deleted, nothing that is committed needs it"
            raise GristmillError(f"deleted; no right copy was found, {again(item)}")
        if where == WORKSPACE and computed(item):
            Path(item.file).unlink(missing_ok=True)  # DVC may have noted it as right; what is missing it sees
            raise GristmillError(f"deleted; no right copy was found, {again(item)}")
        raise GristmillError(f"no right copy was found, {again(item)}")
    if place is None:
        _replace(Path(item.file), copy.path)
        return f"restored from {copy.where}"
    place.put(item.oid, copy.path)
    found = place.bytes_of(item.oid)
    if found is None or not item.is_right(found):
        raise GristmillError(f"{place.name} did not keep what it was given from {copy.where}; try again")
    return f"restored from {copy.where}" if where == CACHE else f"uploaded again from {copy.where}"


def _replace(path: Path, copy: Path) -> None:
    """Put a copy at `path` that shares no inode with it."""
    beside = path.with_name(f".{path.name}.tmp")
    shutil.copyfile(copy, beside)
    beside.replace(path)
