"""Forget: documents that must go and must not come back.

Reads and writes   data/tombstones.jsonl, which git tracks and the stage `crawl` depends on. A tombstone holds digests,
not the URI and not a word of the content: the document's id, and digests of the places that contain it, so that a
source knows which of its actions to run again. One of a host holds the digest of its name, and refuses every address
there and below it, also those that nobody has seen yet. What people answered about a document is taken out of their
log (catalog/annotations.py). Forgetting one document rebuilds what its segment reached; its twins, suppressed while it
stood for them, come back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow.compute as pc

from catalog.annotations import forget_annotations
from catalog.digests import document_id
from catalog.errors import GristmillError, InputError
from catalog.layout import DATA
from catalog.segments import read_segments

TOMBSTONES = DATA / "tombstones.jsonl"
HEADER = '{"tombstones": 1}'  # the version of the format; DVC warns of a dep that is empty
ID = re.compile(r"[0-9a-f]{32}")
URI = re.compile(r"[a-z][a-z0-9+.-]*:.+")


class Tombstone(NamedTuple):
    """One forgotten document, or host; see the module."""

    id: str
    """Of the document; of a host, the digest of its name (`host_id`)."""
    within: tuple[str, ...]
    reason: str
    host: bool = False


class Tombstones:
    """What may not be captured; `ids` are those of documents and of hosts."""

    def __init__(self, stones: Iterable[Tombstone]) -> None:
        self._below: dict[str, list[str]] = {}
        stones = list(stones)
        self.ids = frozenset(stone.id for stone in stones)
        self.hosts = frozenset(stone.id for stone in stones if stone.host)
        for stone in stones:
            for place in stone.within:
                self._below.setdefault(place, []).append(stone.id)

    def below(self, *places: str) -> list[str]:
        """Ids of what is forgotten that concern some files, archives or folders (URIs): documents in one of them, and
        hosts that have one; sorted.
        """
        documents = {name for place in places for name in self._below.get(document_id(place), ())}
        return sorted(documents | {name for place in places for name in self.hosts & set(_hosts(place))})


def is_forgotten(uri: str, ids: Collection[str]) -> bool:
    """Do tombstones with some ids name a document, or the host of its address?"""
    return any(name in ids for name in ids_of(uri))


def ids_of(uri: str) -> Iterator[str]:
    """The ids of all tombstones that would refuse a document: its own, and those of its hosts."""
    yield document_id(uri)
    yield from _hosts(uri)


def host_id(host: str) -> str:
    """The id of the tombstone of a host. No document has it: none has a URI that begins with `host:`."""
    return document_id(f"host:{host}")


def _hosts(uri: str) -> Iterator[str]:
    """Ids of the host of an address and of every domain above it; none where it has no host."""
    if "://" not in uri:
        return
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:  # half an IPv6 address
        return
    labels = host.rstrip(".").split(".")
    yield from (host_id(".".join(labels[start:])) for start in range(len(labels)))


def read_tombstones(path: Path = TOMBSTONES) -> list[Tombstone]:
    """Every tombstone, in the order of the file. Errors: InputError naming the line that is none, or a newer format."""
    found = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        if line == HEADER:
            continue
        if number == 1 and line.startswith('{"tombstones":'):
            raise InputError(f"{path} says {line}: a newer Gristmill wrote it; `git pull` that, then `make install`")
        try:
            row = json.loads(line)
            found.append(Tombstone(row["id"], tuple(row["within"]), row["reason"], row.get("host", False)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path}:{number} is no tombstone; restore it with `git checkout -- {path}`") from None
    return found


def forget(names: Iterable[str], reason: str, hosts: Iterable[str] = ()) -> list[Tombstone]:
    """Write a tombstone for each document, given by URI or by id, and for each host; those that are new.

    A URI need not be in the corpus: it is refused when it comes. Errors: GristmillError for a name that is neither a
    URI nor the id of a captured document.
    """
    known = read_tombstones()
    ids = {stone.id for stone in known}
    asked = [*(Tombstone(host_id(host), (), reason, True) for host in hosts), *_stones(names, reason)]
    fresh = [stone for stone in asked if stone.id not in ids]
    rows = [HEADER, *(json.dumps(_row(stone), ensure_ascii=False) for stone in [*known, *fresh])]
    TOMBSTONES.parent.mkdir(parents=True, exist_ok=True)
    forget_annotations({stone.id for stone in fresh})  # first: once the tombstone stands, nobody forgets again
    beside = TOMBSTONES.with_suffix(".tmp")
    beside.write_text("\n".join(rows) + "\n", encoding="utf-8")
    beside.replace(TOMBSTONES)
    return fresh


def _row(stone: Tombstone) -> dict[str, Any]:
    return {name: value for name, value in stone._asdict().items() if name != "host" or value}


def _stones(names: Iterable[str], reason: str) -> Iterator[Tombstone]:
    for name in dict.fromkeys(names):
        refuse_nameless(name)
        uri = _captured_uri(name) if ID.fullmatch(name) else name
        yield Tombstone(document_id(uri), tuple(map(document_id, containers(uri))), reason)


def refuse_nameless(name: str) -> None:
    """Errors: GristmillError for a name that is neither a URI nor an id."""
    if not ID.fullmatch(name) and not URI.fullmatch(name):
        raise GristmillError(
            f"{name} is neither a URI nor a document's id (32 hex digits); "
            'find it with `gristmill sql "select id, uri from documents where …"`, or say `--domain`, `--author`, '
            "`--source` or `--regex`"
        )


def _captured_uri(document: str) -> str:
    """The URI behind an id. Errors: GristmillError when nothing captured has it."""
    for segment in read_segments("crawl", "captures"):
        rows = segment.read(["id", "uri"])
        at = pc.index(rows["id"], document).as_py()
        if at >= 0:
            return str(rows["uri"][at])
    raise GristmillError(f"no captured document has the id {document}; give its URI")


def containers(uri: str) -> list[str]:
    """Every URI that ends before a `/` or the `#` of another: its archive, folders and file; a file contains itself."""
    whole = uri.partition("#")[0]
    return [whole[: found.start()] for found in re.finditer(r"(?<![:/])/", whole)] + [whole]
