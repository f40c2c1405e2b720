"""Sending: bring a shipment to its remote, files before the listings that name them, and say what did not arrive.

Writes  objects on the remote, each hashed before it is sent and measured when it has arrived
What arrived stays, so that whoever sends again sends the rest. A remote never has a listing whose files it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def _said(shipment: Shipment, new: Mapping[str, tuple[Item, Path]], failed: Mapping[str, str]) -> str:
    """Which objects did not arrive, and what to do."""
    place = shipment.place
    lines = [f"{named(len(failed), 'object')} of {len(new):,} did not arrive on {place.name} ({place.url}):"]
    lines += [f"  {new[oid][0].file} ({oid}): {why}" for oid, why in islice(failed.items(), SHOWN)]
    if len(failed) > SHOWN:
        lines.append(f"  and {len(failed) - SHOWN:,} more")
    lines.append(
        f"What arrived stays: `gristmill share -r {place.name}` sends the rest; `gristmill doctor` asks all remotes"
    )
    return "\n".join(lines)
