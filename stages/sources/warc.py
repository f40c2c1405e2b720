"""The source kind `warc`: web archives -> captures.

Reads   WARC 1.0 and 1.1, ARC and WET files of one source, twice: first only what tells versions apart, then bodies.
Writes  tables for stages/crawl.py. A record that may be a document (response, resource, conversion, revisit) is a
        capture or a row of the quarantine, named by its file and byte offset; warcinfo, request and metadata are none.
Of several captures of one URL the latest by WARC-Date stands, then the last one read; a revisit stands for the record
it refers to. WARC-Date is data of the file, so it is kept, with the exact header of the answer, in `meta`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from stages.sources.arc_records import arc_records, is_arc
from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.formats import Broken
from stages.sources.rows import Row
from stages.sources.settings.warc import WarcSource
from stages.sources.warc_records import (
    DOCUMENTS,
    Answer,
    Ending,
    Record,
    answer_in,
    body_of,
    digest_fits,
    records,
    stored_head,
)
from stages.web.decode import CodingError

EXPORTED = "x-gristmill-capture"  # the columns of a capture, as warc_export.py writes them
ALSO = ("charset", "title", "author", "published_at", "given_label", "target_text", "meta")
FIRST = 64 << 10  # bytes of a block that the first reading looks at


class Place(NamedTuple):
    """Where a record stands: the position of its file in the source, and its byte offset."""

    file: int
    offset: int


@dataclass(slots=True)
class Index:
    """What the first reading found: the latest version of each URL, and the records that revisits may refer to."""

    latest: dict[str, tuple[str, Place]] = field(default_factory=dict)
    payloads: dict[str, Place] = field(default_factory=dict)
    captured: dict[tuple[str, str], Place] = field(default_factory=dict)

    def add(self, record: Record, place: Place) -> None:
        """Take a record down that can be a document by its header."""
        uri, date = target_of(record), record.headers.get("warc-date", "")
        self.latest[uri] = max(self.latest.get(uri, (date, place)), (date, place))
        if record.kind != "revisit":
            self.captured[uri, date] = place
            if digest := record.headers.get("warc-payload-digest"):
                self.payloads.setdefault(digest, place)

    def original(self, revisit: Record) -> Place | None:
        """The record that a revisit refers to: by address and date, or else by the digest of its payload."""
        headers = revisit.headers
        uri = headers.get("warc-refers-to-target-uri", target_of(revisit)).strip("<> ")
        named = self.captured.get((uri, headers.get("warc-refers-to-date", "")))
        return named or self.payloads.get(headers.get("warc-payload-digest", ""))


def read_warcs(
    paths: Sequence[Path], places: Sequence[str], forgotten: Sequence[str] = (), *, params: WarcSource
) -> Iterator[Output]:
    """Tables of the files of one source; `places` are their URIs. Documents whose ids are `forgotten` are left out."""
    located = Reader(paths, places, params).located()
    return capture_tables(located, Origin(source=params.name, licence=params.licence), frozenset(forgotten))


def target_of(record: Record) -> str:
    """The address that a record is about."""
    return record.headers.get("warc-target-uri", "").strip("<> ")


@dataclass(slots=True)
class Reader:
    """Reads the files of a source."""

    paths: Sequence[Path]
    places: Sequence[str]
    params: WarcSource
    index: Index = field(default_factory=Index)

    def located(self) -> Iterator[Located]:
        """Every record that may be a document, and every place where a file breaks off, in the order of the files."""
        for record, place in self._all(FIRST):
            if isinstance(record, Record) and self._refusal(record) is None:
                self.index.add(record, place)
        for record, place in self._all(self.params.limit):
            yield self._ended(record, place) if isinstance(record, Ending) else self._record(record, place)

    def _all(self, limit: int) -> Iterator[tuple[Record | Ending, Place]]:
        for number, path in enumerate(self.paths):
            arc = arc_records(path, limit=limit) if is_arc(path) else None
            for record in arc or records(path, quirks=self.params.quirks, limit=limit):
                if isinstance(record, Ending) or record.kind in DOCUMENTS:
                    yield record, Place(number, record.offset)

    def _ended(self, ending: Ending, place: Place) -> Located:
        return Located(f"{self.places[place.file]}#end", Broken("", ending.reason))

    def _record(self, record: Record, place: Place) -> Located:
        """A record as a capture, or why it is none."""
        reason = self._refusal(record)
        if reason is None and self.index.latest[target_of(record)][1] != place:
            reason = "an older version; a later one stands"
        found = self._original(record) if reason is None and record.kind == "revisit" else record
        row = self._captured(found) if reason is None and isinstance(found, Record) else found
        if reason or isinstance(row, Broken) or not isinstance(row, Row) or not isinstance(found, Record):
            broken = row if isinstance(row, Broken) else Broken("", str(reason))
            return Located(f"{self.places[place.file]}#{place.offset}", broken)
        return Located(target_of(record), row, _status(found))

    def _refusal(self, record: Record) -> str | None:
        """Why a record is no document, as far as its headers say."""
        exported = EXPORTED in record.headers
        if not exported and not target_of(record).startswith(("http://", "https://")):
            return "its target is no http or https URL"
        if record.kind == "revisit":
            return None if self.index.original(record) else "a revisit of a record that this source does not have"
        answer = answer_in(record.block) if record.kind == "response" else None
        if record.kind == "response" and answer is None:
            return "a response without the header of an HTTP answer"
        if exported:
            return None
        if answer and answer.status != 200:
            return f"HTTP status {answer.status}"
        mime = _media_type(record, answer)[0]
        return None if mime in self.params.media_types else f"media type {mime or 'not given'} is not wanted"

    def _original(self, revisit: Record) -> Record | Broken:
        """The record that a revisit stands for, read where it is."""
        place = self.index.original(revisit)
        assert place is not None, "a revisit without its original is refused"
        path = self.paths[place.file]
        found = next(records(path, quirks=self.params.quirks, limit=self.params.limit, start=place.offset), None)
        if isinstance(found, Record) and found.kind in DOCUMENTS:
            return found
        return Broken("", f"a revisit of the record at byte {place.offset} of {path.name}, which cannot be read alone")

    def _captured(self, record: Record) -> Row | Broken:
        if not record.whole:
            length = record.headers.get("content-length", "?")
            return Broken("", f"{len(record.block)} of {length} bytes: longer than the limit, or broken off")
        answer = answer_in(record.block) if record.kind == "response" else None
        try:
            entity, body = body_of(answer, self.params.limit) if answer else (record.block, record.block)
        except CodingError as error:
            return Broken("", str(error))
        sent = answer.sent if answer else record.block
        if not digest_fits(record.headers.get("warc-payload-digest", ""), sent, entity, body):
            return Broken("", "its payload is not what its WARC-Payload-Digest says")
        if not digest_fits(record.headers.get("warc-block-digest", ""), record.block):
            return Broken("", "its block is not what its WARC-Block-Digest says")
        if EXPORTED in record.headers:
            return exported_row(record.headers[EXPORTED], body)
        mime, charset = _media_type(record, answer)
        head = stored_head(answer, body != answer.sent) if answer else None
        return Row(body=body, key=None, mime=mime, charset=charset, meta=_meta(record, head))


def exported_row(columns: str, body: bytes) -> Row | Broken:
    """The row of a capture that was exported, with the columns that stood in its header."""
    try:
        values = json.loads(columns)
        texts = {name: values.get(name) for name in ("mime", *ALSO)}
        ratings, rights = values.get("ratings"), values.get("rights")
        json.dumps([texts, rights], ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, AttributeError, RecursionError):
        return Broken("", "X-Gristmill-Capture is no JSON object")
    scores = ratings is None or (isinstance(ratings, list) and all(type(n) is int and -128 <= n < 128 for n in ratings))
    texts_fit = all(one is None or isinstance(one, str) for one in texts.values())
    if not (scores and texts_fit and texts["mime"]):
        return Broken("", "X-Gristmill-Capture has a column of another type")
    if rights and not _are_rights(rights):
        return Broken("", "X-Gristmill-Capture has rights of another shape")
    more = {"rights": rights} if rights else {}
    return Row(body=body, key=None, ratings=ratings, **texts, **more)


def _are_rights(rights: Any) -> bool:
    """A list of signals, each of texts alone?"""
    names = {"signal", "value", "where"}
    return isinstance(rights, list) and all(
        isinstance(one, dict) and one.keys() == names and all(isinstance(value, str) for value in one.values())
        for one in rights
    )


def _status(record: Record) -> int | None:
    if EXPORTED in record.headers:
        status = _columns(record).get("status")
        return status if type(status) is int and 0 <= status < 1000 else None
    answer = answer_in(record.block) if record.kind == "response" else None
    return answer.status if answer else None


def _columns(record: Record) -> Mapping[str, Any]:
    columns = json.loads(record.headers[EXPORTED])  # `exported_row` has read it before
    return columns if isinstance(columns, dict) else {}


def _media_type(record: Record, answer: Answer | None) -> tuple[str, str | None]:
    """(media type, charset) as declared, in lower case."""
    declared = record.headers.get("content-type", "")
    if answer:
        declared = answer.fields.get("content-type", "")
    mime, _, rest = declared.partition(";")
    found = rest.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    return mime.strip().lower(), found if found.isascii() and found.isprintable() and found else None


def _meta(record: Record, head: str | None) -> str:
    """The rest of a record as canonical JSON: its date, and the answer's header in latin-1, which loses no byte."""
    values = {"warc_date": record.headers.get("warc-date"), "http_header": head}
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
