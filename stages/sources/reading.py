"""One file -> rows: what becomes a capture, and what becomes a row of the quarantine.

Reads   a byte stream and a `Reading` (stages/sources/settings/reading.py). Writes nothing.
Rows seen = `Row` + `Broken`. The body of a row is the exact bytes of the file where the format holds bytes. A file
compressed on its own (x.jsonl.zst) is read through. The module of a format is imported when a file of it is read.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from stages.sources.formats import Broken, Record, UnreadableFile, content_key
from stages.sources.formats.lines import lines
from stages.sources.formats.names import DOCUMENTS, format_of
from stages.sources.packed import UNREADABLE, TooLarge, packing, unpacked
from stages.sources.rows import MAX_KEY, Row
from stages.sources.settings.reading import Columns, Name, Reading

MAX_FILE = 64 << 20  # bytes of a file that is one document
MAX_RATIO = 200  # bytes out / bytes in of a compressed file
DUMPS = ("stackexchange", "mediawiki", "mbox")  # formats that say themselves what a row holds

Rated = dict[str, list[int]]


def read_rows(stream: BinaryIO, path: str, reading: Reading, rated: Rated | None = None) -> Iterator[Row | Broken]:
    """Rows of one file. Errors: UnreadableFile when it is not what its format says; rows given before it stand."""
    kind = format_of(path, reading)
    start, stream = _start(stream)
    how = None if kind in DOCUMENTS and reading.format else packing(start)
    if how is None:
        yield from _rows(stream, kind, reading, rated)
        return
    try:
        yield from _rows(unpacked(stream, how, MAX_RATIO), kind, reading, rated)
    except TooLarge as error:
        raise UnreadableFile(f"a compressed file that {error}") from None
    except UNREADABLE as error:
        raise UnreadableFile(f"a damaged compressed file: {type(error).__name__}: {error}") from None


def _start(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and the stream with them."""
    buffered = stream if hasattr(stream, "peek") else io.BufferedReader(stream)  # type: ignore[type-var]
    return buffered.peek(8), buffered  # type: ignore[return-value]


def _rows(stream: BinaryIO, kind: str, reading: Reading, rated: Rated | None) -> Iterator[Row | Broken]:
    """Rows of a file that is not compressed."""
    rewrite = _rewriter(reading)
    if kind in DOCUMENTS:
        yield _whole(stream, kind, reading, rewrite)
    elif kind == "lines":
        for line in lines(stream, reading.encoding):
            yield line if isinstance(line, Broken) else _line(line, reading, rewrite)
    elif kind in DUMPS:
        for row in _dump(stream, kind, reading):
            yield row if isinstance(row, Broken) else _relabelled(row, reading, rewrite)
    else:
        charset = reading.encoding if kind in ("csv", "tsv", "tab") else "utf-8"
        for record in records(stream, kind, reading):
            yield record if isinstance(record, Broken) else _row(record, reading, charset, rewrite, rated)


def _dump(stream: BinaryIO, kind: str, reading: Reading) -> Iterator[Row | Broken]:
    if kind == "stackexchange":
        from stages.sources.formats.stackexchange import stackexchange_rows

        return stackexchange_rows(stream)
    if kind == "mediawiki":
        from stages.sources.formats.mediawiki import mediawiki_rows

        return mediawiki_rows(stream, reading.namespaces)
    from stages.sources.formats.mbox import mbox_rows

    return mbox_rows(stream)


def _relabelled(row: Row, reading: Reading, rewrite: Callable[[bytes], bytes]) -> Row:
    if not reading.label and not reading.replace:
        return row
    return dataclasses.replace(row, body=rewrite(row.body), given_label=reading.label or row.given_label)


def records(stream: BinaryIO, kind: str, reading: Reading) -> Iterator[Record | Broken]:
    """Records of a table file. Errors: UnreadableFile when not even its header can be read."""
    if reading.columns is None:
        raise UnreadableFile(f"a {kind} file needs `columns: {{text: NAME}}` in crawl.sources")
    names = reading.columns.used()
    if kind in ("jsonl", "json"):
        from stages.sources.formats.json_records import json_lines, json_values

        return (json_lines if kind == "jsonl" else json_values)(stream)
    if kind in ("parquet", "arrow"):
        from stages.sources.formats.columnar import arrow_records, parquet_records

        return (parquet_records if kind == "parquet" else arrow_records)(stream, names)
    from stages.sources.formats.cells import cell_records

    return cell_records(stream, kind, reading, names)


def value_at(record: Record, name: Name) -> Any:
    """A value of a record: that of the key `name`, or else at the path that its dots make; None where there is none."""
    if name in record or not isinstance(name, str) or "." not in name:
        return record.get(name)
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        inner = record.get(".".join(parts[:length]))
        if isinstance(inner, dict):
            return value_at(inner, ".".join(parts[length:]))
    return None


def _whole(stream: BinaryIO, kind: str, reading: Reading, rewrite: Callable[[bytes], bytes]) -> Row:
    body = stream.read(MAX_FILE + 1)
    if len(body) > MAX_FILE:
        raise UnreadableFile(f"larger than {MAX_FILE} bytes; split it, or read it as `format: lines`")
    return Row(
        body=rewrite(body),
        key=None,
        mime=reading.media_type or DOCUMENTS[kind],
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
        body = rewrite(_body(record, columns.text, reading.absent))
    except ValueError as error:
        return Broken(content_key(_spelled(record)), str(error))
    text = functools.partial(_text, record, encoding=reading.encoding or "utf-8")
    try:
        key, second = text(columns.id), text(columns.second_text)
        if columns.id is not None:
            _check_key(key, columns.id)
        return Row(
            body=body,
            key=key if columns.id is not None else content_key(_pair(body, second)),
            mime=reading.media_type or "text/plain",
            charset=reading.encoding if isinstance(value_at(record, columns.text), bytes) else charset,
            title=text(columns.title),
            author=text(columns.author),
            published_at=text(columns.published_at),
            given_label=reading.label or text(columns.label),
            target_text=text(columns.target_text),
            second_text=second,
            ratings=(rated or {}).get(key or ""),
            meta=_meta(columns, text),
        )
    except ValueError as error:
        return Broken(content_key(body), str(error))


def _pair(body: bytes, second: str | None) -> bytes:
    """What names a row without an id: many questions about one text are many rows."""
    return body if second is None else b"\0".join((body, second.encode()))


def _body(record: Record, name: Name, absent: tuple[str, ...]) -> bytes:
    """The text of a record as bytes. Errors: ValueError where it is missing, no text, or not encodable."""
    value = value_at(record, name)
    if absent and (value.decode("utf-8", "replace") if isinstance(value, bytes) else value) in absent:
        raise ValueError(f"column {name!r} says {value!r}: the text was taken away")
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
    value = None if name is None else value_at(record, name)
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
