"""The source kind `warc`: one file of a web archive -> captures.

Reads   one WARC 1.0 or 1.1, ARC or WET file, and what of it stands (stages/sources/warc_index.py)
Writes  tables for stages/crawl.py. A record that may be a document (response, resource, conversion, revisit) is a
        capture or a row of the quarantine, named by its file and byte offset; warcinfo, request and metadata are
        neither, and counted in the file's account.
WARC-Date is data of the file, so it is kept, with the exact header of the answer, in `meta`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.formats import Broken
from stages.sources.rows import Row
from stages.sources.settings.warc import WarcReading
from stages.sources.warc_index import EXPORTED, Standing, content_language, file_records, media_type, refusal, target_of
from stages.sources.warc_records import (
    DOCUMENTS,
    Ending,
    Record,
    answer_in,
    body_of,
    digest_fits,
    records,
    stored_head,
)
from stages.web.decode import CodingError

ALSO = (
    "charset", "content_language", "title", "author", "published_at", "given_label", "target_text", "second_text",
    "meta",
)  # fmt: skip


def read_warc(
    path: Path,
    uri: str,
    standing: Standing,
    paths: Mapping[str, Path],
    forgotten: Sequence[str] = (),
    *,
    params: WarcReading,
) -> Iterator[Output]:
    """Tables of one file, whose address is `uri`; `paths` has the files that its revisits refer to.

    Documents whose ids are `forgotten` are left out.
    """
    located = Reader(path, uri, standing, paths, params).located()
    return capture_tables(located, Origin(source=params.name, licence=params.licence), frozenset(forgotten))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a file of a source."""

    path: Path
    uri: str
    standing: Standing
    paths: Mapping[str, Path]
    params: WarcReading

    def located(self) -> Iterator[Located]:
        """Every record that may be a document, and the place where the file breaks off."""
        older = frozenset(self.standing.older)
        for record in file_records(self.path, quirks=self.params.quirks, limit=self.params.limit):
            if isinstance(record, Ending):
                yield Located(f"{self.uri}#end", Broken("", record.reason))
            elif record.kind in DOCUMENTS:
                yield self._record(record, older)

    def _record(self, record: Record, older: frozenset[int]) -> Located:
        """A record as a capture, or why it is none."""
        reason = refusal(record, self.params.media_types)
        if reason is None and record.offset in older:
            reason = "an older version; a later one stands"
        found = self._original(record) if reason is None and record.kind == "revisit" else record
        row = self._captured(found) if reason is None and isinstance(found, Record) else found
        if record.kind == "revisit" and isinstance(row, Row) and "mime" in _columns(record):
            found, row = record, exported_row(record.headers[EXPORTED], row.body)
        if reason or isinstance(row, Broken) or not isinstance(row, Row) or not isinstance(found, Record):
            broken = row if isinstance(row, Broken) else Broken("", str(reason))
            return Located(f"{self.uri}#{record.offset}", broken)
        return Located(target_of(record), row, _status(found))

    def _original(self, revisit: Record) -> Record | Broken:
        """The record that a revisit stands for, read where it is."""
        place = self.standing.originals.get(revisit.offset)
        if place is None:
            return Broken("", "a revisit of a record that this source does not have")
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
        # ClueWeb gives the digest of the whole block as that of the payload; it proves the payload as well.
        if not digest_fits(record.headers.get("warc-payload-digest", ""), sent, entity, body, record.block):
            return Broken("", "its payload is not what its WARC-Payload-Digest says")
        if not digest_fits(record.headers.get("warc-block-digest", ""), record.block):
            return Broken("", "its block is not what its WARC-Block-Digest says")
        if EXPORTED in record.headers:
            return exported_row(record.headers[EXPORTED], body)
        mime, charset = media_type(record, answer)
        head = stored_head(answer, body != answer.sent) if answer else None
        language = content_language(answer) if answer else None
        return Row(body=body, key=None, mime=mime, charset=charset, content_language=language, meta=_meta(record, head))


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
    try:
        columns = json.loads(record.headers.get(EXPORTED, "{}"))
    except (ValueError, RecursionError):
        return {}
    return columns if isinstance(columns, dict) else {}


def _meta(record: Record, head: str | None) -> str:
    """The rest of a record as canonical JSON: its date, and the answer's header in latin-1, which loses no byte."""
    values = {"warc_date": record.headers.get("warc-date"), "http_header": head}
    given = {name: value for name, value in values.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
