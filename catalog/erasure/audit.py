"""Audit: search for what was forgotten, purge what may go, and certify the absence. The explorer calls it too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.digests import document_id
from catalog.erasure.certificate import certificate, write_certificate
from catalog.erasure.forget import ID, Tombstone, read_tombstones
from catalog.erasure.ledger import Ledger
from catalog.erasure.purge import Purged, purge
from catalog.erasure.search import Remains, Report, Search
from catalog.errors import GristmillError
from catalog.integrity.references import named
from catalog.integrity.remotes import Stores
from catalog.sql.render import printable

SHOWN = 5  # names that a line of the text gives


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit found, did and certified; the certificate is None where something remains."""

    stones: tuple[Tombstone, ...]
    report: Report
    purged: Purged | None
    certificate: dict[str, Any] | None

    def text(self) -> str:
        """In words; safe for a terminal."""
        return "\n".join(_lines(self))


def stones_of(names: Iterable[str]) -> list[Tombstone]:
    """The tombstones of documents (URIs or ids); all of them when none is named. Errors: GristmillError."""
    stones = {stone.id: stone for stone in read_tombstones()}
    wanted = {name if ID.fullmatch(name) else document_id(name): name for name in names}
    for name, said in wanted.items():
        if name not in stones:
            raise GristmillError(f"{said} was not forgotten; `gristmill forget` comes first")
    if not stones:
        raise GristmillError("nothing was forgotten in this project; `gristmill forget` comes first")
    return [stones[name] for name in wanted] or list(stones.values())


def audit(
    stones: Collection[Tombstone],
    remotes: Iterable[str] | None = None,
    *,
    agree: Callable[[Report], bool] = lambda report: False,
    folder: Path | None = None,
    key: Path | None = None,
) -> Audit:
    """Search for some tombstones in this project and some remotes, by default all that are configured.

    Where something purgeable is found and `agree` says so, it is purged, and all is searched again. A clean audit
    writes a certificate into `folder`, where one is given, signed with `key`; where all of every remote was searched,
    the ledger then forgets the documents.
    Errors: GristmillError as in search and purge.
    """
    ids = {stone.id for stone in stones}
    with Stores() as stores, Ledger() as ledger:
        places = stores.remotes() if remotes is None else list(remotes)
        report, purged = Search(stores, ledger, ids).run(places), None
        if any(one.purgeable for one in report.remains) and agree(report):
            purged = purge(stores, report.remains, ledger)
            report = Search(stores, ledger, ids).run(places)
        if report.remains:
            return Audit(stones=tuple(stones), report=report, purged=purged, certificate=None)
        said = certificate(report, stones, ledger)
        if folder:
            write_certificate(said, folder, key)
            if set(stores.remotes()) <= {one.place for one in report.searched if one.listed}:
                ledger.drop(ids)
        return Audit(stones=tuple(stones), report=report, purged=purged, certificate=said)


def _lines(found: Audit) -> Iterator[str]:
    report = found.report
    yield f"{named(len(found.stones), 'tombstone')}, {report.by_content} of them looked for by content too"
    for one in report.searched:
        same = f", {one.same:,} known by digest" if one.same else ""
        same += "" if one.listed else ", of those that git's history names: it cannot be listed"
        yield f"  {one.place:<12}{one.things:>9,} files and objects{one.bytes:>16,} bytes{same}"
    if found.purged:
        yield found.purged.text()
    if report.shared:
        yield f"documents that stay and say some of the same: {_some(report.shared)}"
    if not report.remains:
        yield "nothing of it was found"
        return
    yield f"something of it stands in {named(len(report.remains), 'place')}"
    groups: dict[tuple[str, str], list[Remains]] = {}
    for remain in report.remains:
        groups.setdefault((remain.place, remain.remedy), []).append(remain)
    for (place, remedy), remains in groups.items():
        kinds = sorted({kind for remain in remains for kind in remain.kinds})
        yield f"  {place}: {len(remains):,} with {', '.join(kinds)}. What deletes it: {remedy}"
        yield f"    {_some([remain.name for remain in remains])}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(map(printable, names[:SHOWN])) + more
