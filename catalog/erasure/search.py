"""Search: where something of forgotten documents remains.

Reads   every place (catalog/erasure/places.py) for what the ledger knows of the documents, at least for their ids
What a document that stays says too is not looked for: a twin that came back, a quotation, the template of a site. Those
documents are named in the report instead; whoever wants them gone forgets them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.annotations import annotation_files
from catalog.erasure.contents import HEAD, Parts, values_of
from catalog.erasure.forget import HEADER, is_forgotten
from catalog.erasure.ledger import CONTENT, ID_KIND, Ledger
from catalog.erasure.places import CACHE, Thing, cache, git_objects, remote, told, workspace
from catalog.erasure.shingles import Finder
from catalog.integrity.copies import Copies, inventory
from catalog.integrity.gc import objects_in
from catalog.integrity.references import working_outs
from catalog.integrity.remotes import Stores, side_by_side
from catalog.layout import CRAWL_LOG, LOCAL, MANIFEST, stage_root
from catalog.segments import read_segments

FETCHED = LOCAL / "audit"
EXEMPT = (HEADER.encode(), b'{\n  "certificate"', b"# Certificate of absence")
"""How files begin that name forgotten documents by their ids on purpose."""
EVIDENCE = 16  # shingles of one document in one file that are no chance: together they are 31 bytes or more
SHOWN = 20  # documents that say the same, by name

Known = dict[int, tuple[int, set[tuple[str, str]]]]


@dataclass(frozen=True, kw_only=True)
class Remains:
    """One file or object in which something of forgotten documents stands."""

    place: str
    name: str
    kinds: tuple[str, ...]
    """id, address, content."""
    documents: tuple[str, ...]
    remedy: str
    purgeable: bool
    oid: str


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What was read in one place. `bytes` are unpacked, each file once, under whichever of its names came first;
    `same` counts objects of a remote that are named like one of the cache.
    """

    place: str
    things: int
    bytes: int
    same: int
    listed: bool
    """False of a remote that cannot be listed, where only what git's history names was looked at."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a search found."""

    documents: tuple[str, ...]
    searched: tuple[Searched, ...]
    remains: tuple[Remains, ...]
    shared: tuple[str, ...]
    """Documents that stay and say something that a forgotten one said: SHOWN of them."""
    by_content: int
    """Documents that were looked for by their content, not only by id and address."""


class Search:
    """One search for some documents (ids of tombstones), in this project and some of its remotes."""

    def __init__(self, stores: Stores, ledger: Ledger, ids: Collection[str]) -> None:
        self._stores = stores
        self._ids = frozenset(ids)
        self._known: Known = ledger.known(self._ids)
        everything = Finder(ledger.key, {digest: rolling for digest, (rolling, _) in self._known.items()})
        shared, self._shared = _shared(everything, self._known, self._ids)
        self._finder = everything.without(shared)
        known = (pair for digest, (_, pairs) in self._known.items() if digest not in shared for pair in pairs)
        self._needed = {pair: min(EVIDENCE, count) for pair, count in Counter(known).items()}
        self._noted = ledger.noted()
        self._seen: dict[tuple[int, int], set[int]] = {}
        self._counts: Counter[str] = Counter()
        self._sizes: Counter[str] = Counter()
        self._same: Counter[str] = Counter()
        self._unlisted: set[str] = set()

    def run(self, remotes: Iterable[str]) -> Report:
        """Search everything. Errors: GristmillError when a remote cannot be asked."""
        outs = working_outs()
        with Copies(self._stores.cache) as copies:
            current = {item.oid for item in inventory(outs, copies).items}
        found = list(self._in_files({out.path for out in outs}, current))
        local = {oid for oid, _ in objects_in(self._stores.folder)}
        wrong = {one.oid for one in found if one.oid}
        for name in remotes:
            found += self._in_remote(name, local - wrong, current)
        found += self._in_git()
        return Report(
            documents=tuple(sorted(self._ids)), searched=self._searched(), remains=tuple(found),
            shared=self._shared, by_content=sum(self._has_content(one) for one in self._ids),
        )  # fmt: skip

    def _has_content(self, document: str) -> bool:
        contents, short = self._noted.get(document, (0, 0))
        return contents > short

    def _searched(self) -> tuple[Searched, ...]:
        return tuple(
            Searched(
                place=place,
                things=count,
                bytes=self._sizes[place],
                same=self._same[place],
                listed=place not in self._unlisted,
            )
            for place, count in self._counts.items()
        )

    def _in_files(self, outputs: set[str], current: set[str]) -> Iterator[Remains]:
        """Remains in files of this machine; an inode is read once."""

        def is_current(thing: Thing) -> bool:
            if thing.place == CACHE:
                return thing.oid in current
            return any(Path(thing.name).is_relative_to(path) for path in outputs)

        things = chain(workspace(), cache(self._stores.folder))
        return self._remaining(side_by_side(self._with_hits, things), is_current)

    def _remaining(
        self, things: Iterable[tuple[Thing, set[int]]], is_current: Callable[[Thing], bool]
    ) -> Iterator[Remains]:
        """Remains among things that were read; every thing is counted."""
        for thing, hits in things:
            self._counts[thing.place] += 1
            if hits:
                yield self._remains(thing, hits, is_current(thing))

    def _with_hits(self, thing: Thing) -> tuple[Thing, set[int]]:
        return thing, self._hits(thing)

    def _hits(self, thing: Thing) -> set[int]:
        """Digests that a thing has, without ids where they stand on purpose."""
        if thing.inode and thing.inode in self._seen:
            return self._seen[thing.inode]
        try:
            hits = self._evident(self._finder.find(self._counted(thing)))
        except FileNotFoundError:  # another process took it away
            hits = set()
        if hits and bytes(next(iter(thing.parts()), b"")[:HEAD]).startswith(EXEMPT):
            hits = {digest for digest in hits if any(kind != ID_KIND for _, kind in self._known[digest][1])}
        if thing.inode:
            self._seen[thing.inode] = hits
        return hits

    def _evident(self, hits: set[int]) -> set[int]:
        """The hits that are no chance: of one kind and document as many as are needed, or all that there are."""
        counts = Counter(pair for digest in hits for pair in self._known[digest][1])
        sure = {pair for pair, count in counts.items() if count >= self._needed[pair]}
        return {digest for digest in hits if not self._known[digest][1].isdisjoint(sure)}

    def _counted(self, thing: Thing) -> Parts:
        for part in thing.parts():
            self._sizes[thing.place] += len(part)
            yield part

    def _in_remote(self, name: str, clean: set[str], current: set[str]) -> Iterator[Remains]:
        """Remains in a remote. What is named like a clean object of the cache has its bytes, and is only counted."""
        place = self._stores.remote(name)
        self._counts[name] += 0
        self._unlisted.update(() if place.listable else (name,))

        def known(oid: str) -> bool:
            self._same[name] += oid in clean
            return oid in clean

        things = remote(place, self._stores.cache, FETCHED, known)
        read = side_by_side(self._with_hits, things, remote=not place.local)
        return self._remaining(read, lambda thing: thing.oid in current)

    def _in_git(self) -> Iterator[Remains]:
        return self._remaining(map(self._with_hits, git_objects()), lambda thing: False)

    def _remains(self, thing: Thing, hits: set[int], current: bool) -> Remains:
        found = [pair for digest in hits for pair in self._known[digest][1]]
        name, what, purgeable = told(thing, current)
        return Remains(
            place=thing.place, name=name, kinds=tuple(sorted({kind for _, kind in found})),
            documents=tuple(sorted({one for one, _ in found})),
            remedy=what, purgeable=purgeable, oid=thing.oid,
        )  # fmt: skip


def _shared(finder: Finder, known: Known, ids: frozenset[str]) -> tuple[set[int], tuple[str, ...]]:
    """(what documents that stay say too, SHOWN of these documents), by the tables of this version."""
    digests: set[int] = set()
    names: dict[str, None] = {}
    for path in _living_tables():
        if not path.exists():
            continue
        table = pq.read_table(path, partitioning=None)
        if not finder.find(_values(table)):
            continue
        table = _living(table, ids)
        found = {one for one in finder.find(_values(table)) if any(kind != ID_KIND for _, kind in known[one][1])}
        contents = {one for one in found if any(kind == CONTENT for _, kind in known[one][1])}
        digests |= found
        if contents and "id" in table.column_names and len(names) < SHOWN:
            names |= dict.fromkeys(_saying(finder, table, contents))
    return digests, tuple(list(names)[:SHOWN])


def _living_tables() -> Iterator[Path]:
    """Tables whose rows are documents, with what they say."""
    for stage, name in (("crawl", "captures"), ("crawl", "quarantine"), ("clean", "text")):
        if (stage_root(stage) / MANIFEST).exists():
            yield from (segment.path for segment in read_segments(stage, name))
    yield from (path for name in ("pages", "fetches") for path in sorted((CRAWL_LOG / name).glob("*.parquet")))
    yield from annotation_files()


def _living(table: pa.Table, ids: frozenset[str]) -> pa.Table:
    """The rows of documents that were not forgotten."""
    by = [name for name in ("uri", "id") if name in table.column_names]
    stays = [
        not any(is_forgotten(value, ids) or value in ids for value in row)
        for row in zip(*(table[name].to_pylist() for name in by), strict=True)
    ]
    return table.filter(pa.array(stays, pa.bool_()))


def _values(table: pa.Table) -> Parts:
    for column in table.combine_chunks().columns:
        for piece in column.chunks:
            yield from values_of(piece)


def _saying(finder: Finder, table: pa.Table, contents: set[int]) -> Iterator[str]:
    """The documents of a table that say one of some contents."""
    for number, name in enumerate(table["id"].to_pylist()):
        row = table.slice(number, 1).take(pa.array([0]))
        if finder.find(_values(row)) & contents:
            yield name
