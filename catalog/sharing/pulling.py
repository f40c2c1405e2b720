"""Pulling: bring outputs, or some files of them, from a remote; every object is hashed before DVC may have it.

Reads   dvc.lock and *.dvc, the remote
Writes  DVC's cache, then data/ by `dvc checkout`; .gristmill/pull/ while an object is on its way
An object must have its md5 and, where a manifest gives it, its sha256: `dvc pull` checks the md5 alone, if at all. What
arrived stays, so that whoever pulls again gets the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from catalog.errors import GristmillError
from catalog.integrity.copies import Copies, Item, inventory
from catalog.integrity.problems import again
from catalog.integrity.references import LISTING, Out, named, working_outs
from catalog.integrity.remotes import Bytes, Place, Stores, bytes_of, side_by_side
from catalog.integrity.torn import refuse_torn
from catalog.layout import LOCAL
from catalog.sharing.sending import shown

ARRIVING = LOCAL / "pull"


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What a pull brought."""

    objects: int
    bytes: int
    files: int
    """In data/, brought or there before."""


def pull(stores: Stores, name: str, targets: Sequence[str] = ()) -> Pulled:
    """Bring what the remote `name` has of `targets` (stages, outputs, or paths below one; all when none is named).

    Errors: GristmillError naming the objects that did not come, or came wrong; InputError for a torn dvc.lock.
    """
    refuse_torn()
    place = stores.remote(name)
    asked = [PurePosixPath(target) for target in targets]
    outs = [out for out in working_outs() if not asked or any(_touches(out, target) for target in asked)]
    with Copies(stores.cache, [place]) as copies:
        needed = inventory(outs, copies)
        items = [item for item in needed.items if item.oid.endswith(LISTING) or _within(item, asked)]
        files = [item for item in items if not item.oid.endswith(LISTING)]
        _refuse_unknown([target for target in asked if not any(_within(item, [target]) for item in files)], outs, place)
        here = stores.cache.present(item.oid for item in items)
        lacking = list({item.oid: item for item in items if item.oid not in here}.values())
        count, size = _bring(stores, place, lacking)
    _check_out(targets or [out.path for out in outs])
    return Pulled(objects=count, bytes=size, files=len(files))


def _touches(out: Out, target: PurePosixPath) -> bool:
    """Is an output named by a target, or does it hold what is?"""
    path = PurePosixPath(out.path)
    return str(target) == out.stage or target.is_relative_to(path) or path.is_relative_to(target)


def _within(item: Item, asked: Sequence[PurePosixPath]) -> bool:
    path = PurePosixPath(item.file)
    return not asked or any(str(target) == item.out.stage or path.is_relative_to(target) for target in asked)


def _refuse_unknown(unknown: Sequence[PurePosixPath], outs: Iterable[Out], place: Place) -> None:
    if unknown and any(_touches(out, unknown[0]) for out in outs):
        raise GristmillError(
            f"{place.name} ({place.url}) has no {unknown[0]} of this version; whoever built it sends it with "
            f"`gristmill share -r {place.name}`, or `dvc repro` builds it"
        )
    if unknown:
        raise GristmillError(f"{unknown[0]} is no stage, output or file of this version; see dvc.lock")


def _bring(stores: Stores, place: Place, lacking: Sequence[Item]) -> tuple[int, int]:
    """(objects, bytes) that came. Errors: GristmillError naming those that did not."""
    failed: list[tuple[Item, str]] = []
    size = 0
    arrivals = zip(lacking, side_by_side(lambda item: _arrived(place, item), lacking, remote=True), strict=True)
    for item, found in arrivals:
        if isinstance(found, str):
            failed.append((item, found))
        else:
            stores.cache.send({item.oid: ARRIVING / item.oid})
            size += found.size
        (ARRIVING / item.oid).unlink(missing_ok=True)
    shutil.rmtree(ARRIVING, ignore_errors=True)
    if failed:
        raise GristmillError(_said(place, failed, len(lacking)))
    return len(lacking), size


def _arrived(place: Place, item: Item) -> Bytes | str:
    """Fetch an object; what it is, or why it may not be had."""
    target = ARRIVING / item.oid
    try:
        place.fetch(item.oid, target)
    except FileNotFoundError:
        return "it is not there"
    except GristmillError as error:
        return str(error)
    with target.open("rb") as stream:
        found = bytes_of(stream)
    if item.is_right(found):
        return found
    return "wrong bytes: expected {}, found {}".format(*item.difference(found))


def _said(place: Place, failed: Sequence[tuple[Item, str]], count: int) -> str:
    lines = [f"{named(len(failed), 'object')} of {count:,} did not come from {place.name} ({place.url}):"]
    lines += shown(failed)
    lines.append(
        "What came stays: `gristmill pull` again gets the rest. What is lost or wrong there, "
        f"`gristmill fsck -r {place.name} --repair` mends in a clone that has it; or {again(failed[0][0])}"
    )
    return "\n".join(lines)


def _check_out(targets: Sequence[str]) -> None:
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    try:
        with Repo() as repo:
            repo.checkout(targets=list(targets), force=False)
    except DvcException as error:
        raise GristmillError(
            f"all objects are here, and DVC cannot put them into data/: {error}; `dvc status` says what differs"
        ) from None
