"""What stands in each file of a web archive, and which record is the document of its address over all files.

Reads   one WARC, ARC or WET file, of each record its header and the first bytes of its block
Writes  the table `warc_records`, one row per record of any type: the account of a file. It holds no address, so that
        there is nothing in it to forget.
Of several captures of one address the latest by WARC-Date stands, then the last one read; a revisit stands for the
record it refers to. What stands in a file is decided by the tables of all files, so that a file that comes is read
alone, and of the others those in which another record stands now.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import document_id
from catalog.schema import WARC_RECORDS
from stages.sources.arc_records import arc_records, is_arc
from stages.sources.captures import Output
from stages.sources.settings.warc import Indexing
from stages.sources.warc_records import DOCUMENTS, Answer, Ending, Record, answer_in, records

EXPORTED = "x-gristmill-capture"  # the columns of a capture, as warc_export.py writes them
FIRST = 64 << 10  # bytes of a block that the index looks at
ROWS = 100_000  # of a segment


class Place(NamedTuple):
    """Where a record stands: the address of its file, and its byte offset."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of one file is decided by all: the offsets of records that a later one replaces, and what revisits mean."""

    older: tuple[int, ...] = ()
    originals: Mapping[int, Place] = field(default_factory=dict)


def index_warc(path: Path, uri: str, *, params: Indexing) -> Iterator[Output]:
    """The account of the file at the address `uri`, in its order; where it breaks off, a last row of the type `end`."""
    found = file_records(path, quirks=params.quirks, limit=FIRST)
    rows = ({"file": uri} | _row(one, params.media_types) for one in found)
    part = list(itertools.islice(rows, ROWS))
    yield "warc_records", None, _table(part)
    while part := list(itertools.islice(rows, ROWS)):
        yield "warc_records", None, _table(part)


def file_records(path: Path, *, quirks: bool, limit: int) -> Iterator[Record | Ending]:
    """Every record of a file of any of the formats."""
    return arc_records(path, limit=limit) if is_arc(path) else records(path, quirks=quirks, limit=limit)


def _table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=WARC_RECORDS.remove_metadata())


def _row(record: Record | Ending, media_types: tuple[str, ...]) -> dict[str, object]:
    if isinstance(record, Ending):
        return {"offset": record.offset, "type": "end", "refusal": record.reason}
    headers, uri = record.headers, target_of(record)
    row: dict[str, object] = {"offset": record.offset, "type": record.kind, "date": headers.get("warc-date")}
    if record.kind not in DOCUMENTS:
        return row
    row |= {"document": document_id(uri), "payload": headers.get("warc-payload-digest")}
    if record.kind == "revisit":
        about = headers.get("warc-refers-to-target-uri", uri).strip("<> ")
        row |= {"refers_to": document_id(about), "refers_date": headers.get("warc-refers-to-date")}
    return row | {"refusal": refusal(record, media_types)}


def target_of(record: Record) -> str:
    """The address that a record is about."""
    return record.headers.get("warc-target-uri", "").strip("<> ")


def refusal(record: Record, media_types: tuple[str, ...]) -> str | None:
    """Why a record is no document, as far as its headers say."""
    exported = EXPORTED in record.headers
    if not exported and not target_of(record).startswith(("http://", "https://")):
        return "its target is no http or https URL"
    if record.kind == "revisit":
        return None
    answer = answer_in(record.block) if record.kind == "response" else None
    if record.kind == "response" and answer is None:
        return "a response without the header of an HTTP answer"
    if exported:
        return None
    if answer and answer.status != 200:
        return f"HTTP status {answer.status}"
    mime = media_type(record, answer)[0]
    return None if mime in media_types else f"media type {mime or 'not given'} is not wanted"


def media_type(record: Record, answer: Answer | None) -> tuple[str, str | None]:
    """(media type, charset) as declared, in lower case."""
    declared = record.headers.get("content-type", "")
    if answer:
        declared = answer.fields.get("content-type", "")
    mime, _, rest = declared.partition(";")
    found = rest.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    return mime.strip().lower(), found if found.isascii() and found.isprintable() and found else None


def content_language(answer: Answer) -> str | None:
    """The header Content-Language, as written."""
    found = answer.fields.get("content-language", "").strip()
    return found if found.isascii() and found.isprintable() and found else None


def standing(account: pa.Table, files: Sequence[str]) -> dict[str, Standing]:
    """File -> what of it stands, by the accounts of all; `files` are in the order in which they are read."""
    at = pc.index_in(account["file"], pa.array(files, pa.string()))
    rows = account.set_column(0, "file", at)
    good = rows.filter(pc.and_(pc.and_(pc.is_valid(at), pc.is_valid(rows["document"])), pc.is_null(rows["refusal"])))
    again = pc.equal(good["type"], "revisit")
    means = _originals(good.filter(again), good.filter(pc.invert(again)), files)
    older = _older(good, means, files)
    originals: dict[str, dict[int, Place]] = {}
    for place, original in sorted(means.items()):
        if place.offset not in older.get(place.file, ()):
            originals.setdefault(place.file, {})[place.offset] = original
    return {file: Standing(older=tuple(older.get(file, ())), originals=originals.get(file, {})) for file in files}


def _originals(revisits: pa.Table, captured: pa.Table, files: Sequence[str]) -> dict[Place, Place]:
    """What revisits refer to: by address and date (the last one read), or else by the digest of the payload."""
    wanted = pc.or_kleene(
        pc.is_in(captured["document"], revisits["refers_to"].combine_chunks()),
        pc.is_in(captured["payload"], revisits["payload"].drop_null().combine_chunks()),
    )
    named: dict[tuple[str, str | None], Place] = {}
    payloads: dict[str | None, Place] = {}
    for row in captured.filter(wanted).to_pylist():
        place = Place(files[row["file"]], row["offset"])
        named[row["document"], row["date"]] = place
        if row["payload"]:
            payloads.setdefault(row["payload"], place)
    found = {}
    for row in revisits.to_pylist():
        original = named.get((row["refers_to"], row["refers_date"] or "")) or payloads.get(row["payload"])
        if original:
            found[Place(files[row["file"]], row["offset"])] = original
    return found


def _older(good: pa.Table, means: Mapping[Place, Place], files: Sequence[str]) -> dict[str, list[int]]:
    """File -> offsets of records that are not the latest of their address; a revisit of nothing replaces nothing."""
    order = good.append_column("at", pc.fill_null(good["date"], "")).sort_by(
        [("document", "ascending"), ("at", "ascending"), ("file", "ascending"), ("offset", "ascending")]
    )
    older: dict[str, list[int]] = {}
    later = None
    for row in reversed(order.select(["document", "type", "file", "offset"]).to_pylist()):
        place = Place(files[row["file"]], row["offset"])
        if row["type"] == "revisit" and place not in means:
            continue
        if row["document"] == later:
            older.setdefault(place.file, []).append(place.offset)
        later = row["document"]
    return {file: sorted(offsets) for file, offsets in older.items()}
