"""Plan: what goes when some documents are forgotten, before anything is written.

Reads   the catalog, and the rates that the journal measured
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from catalog.erasure.ledger import Trained
from catalog.erasure.selecting import Chosen
from catalog.errors import InputError
from catalog.incremental.journal import measured_rates
from catalog.integrity.references import named
from catalog.sql.asking import lent
from catalog.sql.placing import keys_of
from catalog.sql.render import printable

SHOWN = 10  # documents, and models, that the text lists


@dataclass(frozen=True, kw_only=True)
class ForgetPlan:
    """What goes. Counts are those of the catalog; none where no document of it goes."""

    chosen: Chosen
    counts: Mapping[str, int]
    """Table or view of the catalog -> its rows about the documents; `tokens` counts tokens."""
    splits: Mapping[str, int]
    exposed: tuple[Trained, ...]
    twins: tuple[tuple[str, str], ...]
    """(id, URI) of documents that were dropped because one of these stood for them; one of each cluster comes back."""
    segments: int
    """Files that hold one of them."""
    bytes: int
    seconds: float
    """CPU seconds to make again what they reached, at most, as far as this machine has measured it."""
    unmeasured: tuple[str, ...]
    """Operators among these that it has not."""

    def text(self) -> str:
        """The plan in words; safe for a terminal."""
        return "\n".join(_lines(self))


COUNTS = {
    "captures": "count(*) FROM documents WHERE id",
    "requests in the crawl log": "count(*) FROM fetches WHERE uri",
    "texts": "count(text_digest) FROM documents WHERE id",
    "votes": "count(*) FROM votes WHERE id",
    "answers of people": "count(*) FROM annotations WHERE id",
    "labels": "count(label) FROM labels WHERE id",
    "augmented copies": "count(*) FROM children WHERE parent",
    "tokens": "coalesce(sum(tokens), 0) FROM tokens WHERE id",
    "predictions": "count(*) FROM predictions WHERE id",
}
TWINS = """
    SELECT DISTINCT documents.id, documents.uri FROM clusters JOIN documents USING (id)
    WHERE clusters.drop_reason IS NOT NULL AND representative IN (FROM going) AND id NOT IN (FROM going)
    ORDER BY documents.uri
"""
EXPOSED = """
    SELECT stage, run, count(DISTINCT id) AS documents, any_value(fingerprint) AS fingerprint
    FROM exposure JOIN segments USING (stage)
    WHERE id IN (FROM going) AND segments.table_name = exposure.run GROUP BY ALL ORDER BY ALL
"""
TOUCHED = "SELECT count(*), coalesce(sum(bytes), 0) FROM segments WHERE key IN (SELECT unnest(?)) AND rows > 0"
WORK = """
    WITH captured AS (SELECT DISTINCT key FROM segments WHERE stage = 'crawl'),
    whole AS (SELECT DISTINCT operator FROM segments ANTI JOIN captured USING (key))
    SELECT operator, greatest(sum(rows), 1)::BIGINT AS rows FROM segments
    WHERE key IN (SELECT unnest(?)) OR operator IN (FROM whole) GROUP BY operator ORDER BY operator
"""  # whole: what reads all segments is made again as one; training counts as one row, as in its rate


def plan(chosen: Chosen) -> ForgetPlan:
    """What goes with the documents of a request. Errors: InputError where the catalog cannot be read."""
    if not chosen.documents:
        return ForgetPlan(
            chosen=chosen, counts={}, splits={}, exposed=(), twins=(), segments=0, bytes=0, seconds=0, unmeasured=()
        )
    keys = _keys(list(chosen.documents))
    with lent() as connection:
        return _planned(connection, chosen, keys)


def _planned(connection: duckdb.DuckDBPyConnection, chosen: Chosen, keys: list[str]) -> ForgetPlan:
    names = [*chosen.documents, *chosen.documents.values()]  # ids and URIs: no URI is an id
    connection.execute("CREATE TEMP TABLE going AS SELECT unnest(?::VARCHAR[]) AS name", [names])
    files, size = connection.execute(TOUCHED, [keys]).fetchall()[0]
    seconds, unmeasured = _work(dict(connection.execute(WORK, [keys]).fetchall()))
    return ForgetPlan(
        chosen=chosen,
        counts={
            name: int(connection.execute(f"SELECT {sql} IN (FROM going)").fetchall()[0][0])
            for name, sql in COUNTS.items()
        },
        splits=dict(connection.execute(
            "SELECT split, count(*) FROM splits WHERE id IN (FROM going) GROUP BY split ORDER BY split"
        ).fetchall()),
        exposed=tuple(
            Trained(stage=stage, run=run, documents=documents, fingerprint=fingerprint)
            for stage, run, documents, fingerprint in connection.execute(EXPOSED).fetchall()
        ),
        twins=tuple(connection.execute(TWINS).fetchall()),
        segments=files,
        bytes=size,
        seconds=seconds,
        unmeasured=unmeasured,
    )  # fmt: skip


def _keys(ids: list[str]) -> list[str]:
    """Keys of the segments that hold some documents; none where the catalog's files cannot be read."""
    try:
        return sorted(keys_of(ids))
    except InputError:
        return []


def _work(rows: Mapping[str, int]) -> tuple[float, tuple[str, ...]]:
    """(CPU seconds to compute some rows by operator, the operators whose cost is not known here)."""
    known = measured_rates()
    seconds = sum(known[name].produced * count for name, count in rows.items() if name in known)
    return seconds, tuple(name for name in rows if name not in known)


def _lines(found: ForgetPlan) -> Iterator[str]:
    documents = found.chosen.documents
    yield f"{named(len(documents), 'document')} of the corpus"
    for name, uri in list(documents.items())[:SHOWN]:
        yield f"  {name}  {printable(uri)}"
    if len(documents) > SHOWN:
        yield f"  and {len(documents) - SHOWN:,} more"
    for uri in found.chosen.unseen:
        yield f"not in the corpus, refused when it comes: {printable(uri)}"
    yield from (f"note: {note}" for note in found.chosen.notes)
    if not documents:
        return
    yield "goes with them"
    yield from (f"  {count:>12,}  {name}" for name, count in found.counts.items() if count)
    yield from (f"  {count:>12,}  of the split {split}" for split, count in found.splits.items())
    yield from _reached(found)


def _reached(found: ForgetPlan) -> Iterator[str]:
    """Models, twins and work."""
    for model in found.exposed[:SHOWN]:
        read = named(model.documents, "document")
        yield f"trained on {read} of them, trains again: {model.stage}/{printable(model.run)}"
    if len(found.exposed) > SHOWN:
        yield f"and {len(found.exposed) - SHOWN} more models"
    for name, uri in found.twins[:SHOWN]:
        yield f"was dropped for one of them, may come back: {name}  {printable(uri)}"
    if len(found.twins) > SHOWN:
        yield f"and {len(found.twins) - SHOWN:,} more twins"
    about = f"at most {found.seconds:,.0f} CPU-s here" if found.seconds else "not measured here"
    lacking = f", without {', '.join(found.unmeasured)}" if found.unmeasured and found.seconds else ""
    yield f"{named(found.segments, 'file')} hold them ({found.bytes:,} bytes); building again takes {about}{lacking}"
