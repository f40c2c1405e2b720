"""Sending: bring a shipment to its remote, files before the listings that name them, and say what did not arrive.

Writes  objects on the remote, each hashed before it is sent and measured when it has arrived
What arrived stays, so that whoever sends again sends the rest. A remote never has a listing whose files it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from catalog.errors import GristmillError
from catalog.integrity.copies import Item
from catalog.integrity.references import LISTING, files_in, named
from catalog.sharing.shipment import Shipment

AT_ONCE = 256  # objects between two measurements
SHOWN = 3  # objects that an error names


def send(shipment: Shipment) -> int:
    """Send all of it; how many objects. Errors: GristmillError naming what did not arrive, and why."""
    new = {oid: source for part in shipment.parts for oid, source in part.new.items()}
    files = {oid: path for oid, (_, path) in new.items() if not oid.endswith(LISTING)}
    listings = {oid: path for oid, (_, path) in new.items() if oid.endswith(LISTING)}
    failed: dict[str, str] = {}
    with tqdm(total=len(new), unit="object", desc=f"to {shipment.place.name}", disable=None) as bar:
        for batch in _batches(files):
            failed |= shipment.place.send(batch)
            bar.update(len(batch))
        for batch in _batches(_whole(listings, failed)):
            failed |= shipment.place.send(batch)
            bar.update(len(batch))
    if failed:
        raise GristmillError(_said(shipment, new, failed))
    return len(new)


def _whole(listings: Mapping[str, Path], failed: Mapping[str, str]) -> dict[str, Path]:
    """The listings all of whose files arrived."""
    return {
        oid: path for oid, path in listings.items() if failed.keys().isdisjoint(files_in(path.read_bytes()).values())
    }


def _batches(sources: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    rest = iter(sources.items())
    while batch := dict(islice(rest, AT_ONCE)):
        yield batch


def shown(failed: Sequence[tuple[Item, str]]) -> list[str]:
    """A line for each of the first objects and what is wrong with it, and how many more there are."""
    lines = [f"  {item.file} ({item.oid}): {why}" for item, why in failed[:SHOWN]]
    return lines + ([f"  and {len(failed) - SHOWN:,} more"] if len(failed) > SHOWN else [])


def _said(shipment: Shipment, new: Mapping[str, tuple[Item, Path]], failed: Mapping[str, str]) -> str:
    """Which objects did not arrive, and what to do."""
    place = shipment.place
    lines = [f"{named(len(failed), 'object')} of {len(new):,} did not arrive on {place.name} ({place.url}):"]
    lines += shown([(new[oid][0], why) for oid, why in failed.items()])
    lines.append(
        f"What arrived stays: `gristmill share -r {place.name}` sends the rest; `gristmill doctor` asks all remotes"
    )
    return "\n".join(lines)
