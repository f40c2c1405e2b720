"""Shipment: what a remote lacks of this version (or of all), by output, and the right copy of each object.

Reads   dvc.lock and *.dvc, listings, DVC's cache, data/ and .gristmill/objects; asks the remote for every object
DVC takes a listing that the remote has for all its files; here each is asked for, so that a lost one is sent again.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catalog.errors import GristmillError
from catalog.integrity.copies import Copies, Inventory, Item, inventory
from catalog.integrity.problems import again
from catalog.integrity.references import Out, named, outs_ever, working_outs
from catalog.integrity.remotes import Place, Stores, side_by_side
from catalog.integrity.torn import refuse_torn

IN_ALL = "in all"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What goes of one output. An object that several outputs have counts with the first."""

    out: Out
    new: Mapping[str, tuple[Item, Path]]
    """Object -> what it is, and a copy with its bytes."""
    bytes: int
    """Of the new objects."""
    there: int
    """Objects that the remote has."""


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """What goes to a remote."""

    place: Place
    parts: tuple[Part, ...]
    absent: int
    """Objects of other versions that are neither here nor there."""

    @property
    def objects(self) -> int:
        """How many are sent."""
        return sum(len(part.new) for part in self.parts)

    def text(self) -> str:
        """A line per output, and the sum."""
        return "\n".join(_lines(self))


@contextlib.contextmanager
def shipment(stores: Stores, name: str, targets: Sequence[str] = (), *, everything: bool = False) -> Iterator[Shipment]:
    """What the remote `name` lacks of `targets` (stages, or paths of outputs; all when none is named).

    `everything` adds what all commits have, as far as it is here. While the context is open the copies stay.
    Errors: GristmillError for an unknown remote or target, one that does not answer, or an object that is nowhere.
    """
    refuse_torn()
    place = stores.remote(name)
    sends = stores.sends(name)
    working = [out for out in _chosen(working_outs(), targets) if sends(out)]
    earlier = [out for out in _chosen(outs_ever(), targets) if sends(out)] if everything else []
    with Copies(stores.cache, [place]) as copies:
        needed = inventory(list(dict.fromkeys([*working, *earlier])), copies)
        present = place.present({item.oid for item in needed.items})
        found = _found(needed, present, copies)
        _refuse_missing(needed, found, present, set(working), place)
        nowhere = [item for item in needed.items if item.oid not in present and item.oid not in found]
        for item in nowhere:
            found.pop(item.out.oid, None)  # a listing stands for all its files
        yield Shipment(place=place, parts=tuple(_parts(needed, found, present)), absent=len(nowhere))


def _chosen(outs: list[Out], targets: Sequence[str]) -> list[Out]:
    """The outputs that targets name. Errors: GristmillError for one that names none."""
    asked = [PurePosixPath(target) for target in targets]
    for target in asked:
        if not any(_named_by(out, target) for out in outs):
            known = ", ".join(sorted({out.path for out in outs})) or "nothing: run `dvc repro` first"
            raise GristmillError(f"{target} is no stage or output of this version; known: {known}")
    return [out for out in outs if not asked or any(_named_by(out, target) for target in asked)]


def _named_by(out: Out, target: PurePosixPath) -> bool:
    return str(target) == out.stage or PurePosixPath(out.path).is_relative_to(target)


def _found(needed: Inventory, present: set[str], copies: Copies) -> dict[str, tuple[Item, Path]]:
    """Object that the remote lacks -> what it is, and a copy that was hashed just now."""
    lacking = list({item.oid: item for item in needed.items if item.oid not in present}.values())
    found = zip(lacking, side_by_side(copies.find, lacking), strict=True)
    return {item.oid: (item, copy.path) for item, copy in found if copy}


def _refuse_missing(
    needed: Inventory, found: Mapping[str, object], present: set[str], working: set[Out], place: Place
) -> None:
    """Errors: GristmillError where this version has objects that are neither here nor on the remote."""
    lost = [item for item in needed.items if item.oid not in present and item.oid not in found and item.out in working]
    if lost or (unknown := [out for out in needed.unknown if out in working]):
        first = lost[0] if lost else Item(oid=unknown[0].oid, out=unknown[0], file=unknown[0].path)
        raise GristmillError(
            f"{first.out.path} ({first.out.stage}): {named(max(len(lost), 1), 'object')} neither here nor on "
            f"{place.name}, as {first.file} ({first.oid}); `dvc pull {first.out.path}` from a remote that has it, "
            f"or {again(first)}, or name what to share"
        )


def _parts(needed: Inventory, found: Mapping[str, tuple[Item, Path]], present: set[str]) -> Iterator[Part]:
    """By output, in their order."""
    first = {item.oid: item.out for item in reversed(needed.items)}
    by_out: defaultdict[Out, list[str]] = defaultdict(list)
    for oid, out in reversed(first.items()):
        by_out[out].append(oid)
    for out, own in by_out.items():
        new = {oid: found[oid] for oid in own if oid in found}
        size = sum(path.stat().st_size for _, path in new.values())
        yield Part(out=out, new=new, bytes=size, there=len(present.intersection(own)))


def _lines(found: Shipment) -> Iterator[str]:
    yield f"to {found.place.name}, {found.place.url}:"
    yield f"  {'output':<28}{'objects to send':>16}{'bytes':>16}{'there already':>16}"
    by_path: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in found.parts:
        for path in (part.out.path, IN_ALL):
            by_path[path] += Counter(new=len(part.new), bytes=part.bytes, there=part.there)
    for path in (*(one for one in by_path if one != IN_ALL), IN_ALL):
        counts = by_path[path]
        yield f"  {path:<28}{counts['new']:>16,}{counts['bytes']:>16,}{counts['there']:>16,}"
    if found.absent:
        yield f"note: {named(found.absent, 'object')} of other versions neither here nor there"
