"""One file -> rows: what becomes a capture, and what becomes a row of the quarantine.

Reads   a byte stream and a `Reading` (stages/sources/settings/reading.py). Writes nothing.
Rows seen = `Row` + `Broken`. The body of a row is the exact bytes of the file where the format holds bytes.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from stages.sources.formats import Broken, Record, UnreadableFile, content_key, format_of, lines, records
from stages.sources.settings.reading import Columns, Name, Reading

MAX_KEY = 256  # characters of an id
MAX_FILE = 64 << 20  # bytes of a file that is one document
MIME = {"html": "text/html"}

Rated = dict[str, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document as its source gives it. `key` tells it from others of its file; None = the file is the document."""

    body: bytes
    key: str | None
    mime: str = "text/plain"
    charset: str | None = None
    title: str | None = None
    author: str | None = None
    published_at: str | None = None
    given_label: str | None = None
    target_text: str | None = None
    ratings: list[int] | None = None
    meta: str | None = None


@dataclass(slots=True)
class RowNames:
    """Gives every row of one container a URI of its own: a repeated key gets `.2`, `.3`, in the order of the file."""

    container: str
    seen: dict[str, int] = field(default_factory=dict)

    def uri(self, key: str | None) -> str:
        """The URI of the next row with `key`."""
        if key is None:
            return self.container
        unique, count = key, self.seen.get(key, 0)
        while count and (unique := f"{key}.{count + 1}") in self.seen:
            count += 1
        self.seen[key] = count + 1
        if unique != key:
            self.seen[unique] = 1
        return f"{self.container}#{unique}"


def read_rows(stream: BinaryIO, path: str, reading: Reading, rated: Rated | None = None) -> Iterator[Row | Broken]:
    """Rows of one file. Errors: UnreadableFile when it is not what its format says; rows given before it stand."""
    kind = format_of(path, reading)
    rewrite = _rewriter(reading)
    if kind in ("text", "html"):
        yield _whole(stream, kind, reading, rewrite)
    elif kind == "lines":
        for line in lines(stream, reading.encoding):
            yield line if isinstance(line, Broken) else _line(line, reading, rewrite)
    else:
        charset = "utf-8" if kind in ("jsonl", "parquet") else reading.encoding
        for record in records(stream, kind, reading):
            yield record if isinstance(record, Broken) else _row(record, reading, charset, rewrite, rated)


def _whole(stream: BinaryIO, kind: str, reading: Reading, rewrite: Callable[[bytes], bytes]) -> Row:
    body = stream.read(MAX_FILE + 1)
    if len(body) > MAX_FILE:
        raise UnreadableFile(f"larger than {MAX_FILE} bytes; split it, or read it as `format: lines`")
    return Row(
        body=rewrite(body),
        key=None,
        mime=MIME.get(kind, "text/plain"),
        charset=reading.encoding,
        given_label=reading.label,
    )


def _line(line: bytes, reading: Reading, rewrite: Callable[[bytes], bytes]) -> Row:
    body = rewrite(line)
    return Row(body=body, key=content_key(body), charset=reading.encoding, given_label=reading.label)


def _rewriter(reading: Reading) -> Callable[[bytes], bytes]:
    """The source's `replace` as a function on bodies; bytes that are not text pass through it unchanged."""
    if reading.replace is None:
        return lambda body: body
    pattern, replacement = re.compile(reading.replace[0]), reading.replace[1]
    charset = reading.encoding or "utf-8"

    def rewrite(body: bytes) -> bytes:
        text = body.decode(charset, "surrogateescape")
        return pattern.sub(replacement, text).encode(charset, "surrogateescape")

    return rewrite


def _row(
    record: Record, reading: Reading, charset: str | None, rewrite: Callable[[bytes], bytes], rated: Rated | None
) -> Row | Broken:
    """A record as a row, by the column mapping of its source."""
    columns = reading.columns
    assert columns is not None, "records() refuses a table without columns"
    try:
        body = rewrite(_body(record, columns.text))
    except ValueError as error:
        return Broken(content_key(_spelled(record)), str(error))
    text = functools.partial(_text, record, encoding=reading.encoding or "utf-8")
    try:
        key = text(columns.id)
        if columns.id is not None:
            _check_key(key, columns.id)
        return Row(
            body=body,
            key=key if columns.id is not None else content_key(body),
            mime=reading.media_type or "text/plain",
            charset=reading.encoding if isinstance(record.get(columns.text), bytes) else charset,
            title=text(columns.title),
            author=text(columns.author),
            published_at=text(columns.published_at),
            given_label=reading.label or text(columns.label),
            target_text=text(columns.target_text),
            ratings=(rated or {}).get(key or ""),
            meta=_meta(columns, text),
        )
    except ValueError as error:
        return Broken(content_key(body), str(error))


def _body(record: Record, name: Name) -> bytes:
    """The text of a record as bytes. Errors: ValueError where it is missing, no text, or not encodable."""
    value = record.get(name)
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise ValueError(f"column {name!r} holds {'nothing' if value is None else type(value).__name__}, not a text")


def _spelled(record: Record) -> bytes:
    """A record as bytes, for the key of a row without a readable text."""
    return repr(sorted((str(name), value) for name, value in record.items())).encode("utf-8", "backslashreplace")


def _text(record: Record, name: Name | None, encoding: str) -> str | None:
    """A value as text; None where the column is not mapped, missing or empty. Errors: ValueError (undecodable)."""
    value = None if name is None else record.get(name)
    if value is None or value in ("", b""):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode(encoding)
        except UnicodeError as error:
            raise ValueError(f"column {name!r} is not {encoding}: {error}") from None
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    value.encode()  # a lone surrogate cannot be stored
    return value


def _check_key(key: str | None, name: Name) -> None:
    if key is None:
        raise ValueError(f"column {name!r}, the id, is empty")
    if len(key) > MAX_KEY or not key.isprintable():
        raise ValueError(f"column {name!r}, the id, is longer than {MAX_KEY} characters or not printable")


def _meta(columns: Columns, text: Callable[[Name], str | None]) -> str | None:
    """The other columns asked for, as canonical JSON; None where all are empty."""
    values: dict[str, Any] = {str(name): value for name in columns.meta if (value := text(name)) is not None}
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if values else None


def read_ratings(stream: BinaryIO, reading: Reading) -> Rated:
    """id -> scores, from the ratings member of a source: tab-separated, the scores as a JSON list of whole numbers.

    Errors: UnreadableFile naming the line; a lost rating would change every agreement computed from it.
    """
    ratings = reading.ratings
    assert ratings is not None
    found: Rated = {}
    for number, line in enumerate(lines(stream, reading.encoding), 1):
        cells = b"" if isinstance(line, Broken) else line
        parts = cells.decode("utf-8", "replace").split("\t")
        try:
            found[parts[ratings.id]] = _scores(parts[ratings.values])
        except (IndexError, ValueError) as error:
            raise UnreadableFile(f"line {number} of the ratings: {error}") from None
    return found


def _scores(text: str) -> list[int]:
    scores = json.loads(text)
    if not isinstance(scores, list) or not all(type(score) is int and -128 <= score <= 127 for score in scores):
        raise ValueError(f"{text[:80]!r} is not a list of whole numbers from -128 to 127")
    return scores


def sha256_hex(body: bytes) -> str:
    """sha256 of bytes, in hex."""
    return hashlib.sha256(body).hexdigest()
