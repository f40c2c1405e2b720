"""Rows -> tables of captures, verdicts and quarantine, cut into segments at content-defined boundaries.

A segment ends after a row whose body digest is a multiple of CUT (so about TARGET rows after the last end), never
before MIN_ROWS and at the latest at MAX_ROWS or MAX_BYTES. Boundaries move with the content: a row inserted
anywhere changes the segment around it and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from catalog.digests import document_id
from catalog.erasure.forget import is_forgotten
from catalog.schema import CAPTURES, QUARANTINE, VERDICTS
from stages.sources.formats import Broken
from stages.sources.rows import Row, sha256_hex

MIN_ROWS, TARGET, MAX_ROWS = 500, 2000, 8000
MAX_BYTES = 32 << 20
CUT = TARGET - MIN_ROWS  # one row in CUT may end a segment

Output = tuple[str, None, pa.Table]
WRITES = {"captures": CAPTURES, "verdicts": VERDICTS, "quarantine": QUARANTINE}
OWN = ("id", "uri", "source", "licence", "status", "body_digest")
FROM_ROW = tuple(name for name in CAPTURES.names if name not in OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What all captures of a source share."""

    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Located:
    """A row or a broken one, with its URI; `status` is that of HTTP."""

    uri: str
    row: Row | Broken
    status: int | None = None


def capture_tables(
    located: Iterable[Located], origin: Origin, forgotten: frozenset[str] = frozenset()
) -> Iterator[Output]:
    """Tables in pairs (captures, verdicts of the same rows), at least one, then the quarantine if it has rows.

    A row that `forgotten` names (catalog/erasure/forget.py) is passed over as if it had never been there.
    """
    held: list[tuple[Located, str]] = []
    refused: list[Located] = []
    size, pairs = 0, 0
    for one in located:
        if forgotten and is_forgotten(one.uri, forgotten):
            continue
        if isinstance(one.row, Broken):
            refused.append(one)
            continue
        digest = sha256_hex(one.row.body)
        held.append((one, digest))
        size += len(one.row.body)
        if ends_segment(len(held), size, digest):
            yield from _pair(held, origin)
            held, size, pairs = [], 0, pairs + 1
    if held or not pairs:
        yield from _pair(held, origin)
    for start in range(0, len(refused), MAX_ROWS):
        yield "quarantine", None, _quarantine(refused[start : start + MAX_ROWS])


def ends_segment(rows: int, size: int, digest: str) -> bool:
    """Does a segment of `rows` rows and `size` bytes end with the row whose body has this digest?"""
    if rows >= MAX_ROWS or size >= MAX_BYTES:
        return True
    return rows >= MIN_ROWS and int(digest[:8], 16) % CUT == 0


def _pair(held: list[tuple[Located, str]], origin: Origin) -> Iterator[Output]:
    captures = captures_table(held, origin)
    yield "captures", None, captures
    nothing = pa.nulls(len(held), pa.string())
    yield "verdicts", None, pa.table([captures.column("id"), nothing], schema=VERDICTS.remove_metadata())


def captures_table(held: list[tuple[Located, str]], origin: Origin) -> pa.Table:
    """The captures table of rows with their body digests."""
    uris = [one.uri for one, _ in held]
    columns = {
        "id": [document_id(uri) for uri in uris],
        "uri": uris,
        "source": [origin.source] * len(held),
        "licence": [origin.licence] * len(held),
        "status": [one.status for one, _ in held],
        "body_digest": [digest for _, digest in held],
    }
    columns |= {name: [getattr(one.row, name) for one, _ in held] for name in FROM_ROW}
    return pa.table(
        [pa.array(columns[field.name], field.type) for field in CAPTURES], schema=CAPTURES.remove_metadata()
    )


def _quarantine(refused: list[Located]) -> pa.Table:
    rows = [(document_id(one.uri), one.uri, one.row.error) for one in refused if isinstance(one.row, Broken)]
    ids, uris, errors = map(list, zip(*rows, strict=True))
    return pa.table([ids, uris, errors], schema=QUARANTINE.remove_metadata())
