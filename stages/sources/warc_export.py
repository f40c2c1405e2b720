"""Captures -> one WARC 1.1 file that other tools read, and that the source kind `warc` reads back without loss.

Reads   data/crawl/snapshot/captures/ and the crawl log, for the versions of websites and when they were fetched
Writes  DIR/captures.warc.gz (or .zst): response, resource and revisit records, each compressed by itself, sorted
Run     gristmill export warc DIR [--format zst]
The bytes follow from the captures and the log alone: a record's id is made of its address, digest and date, and what
was not fetched bears the date NEVER. The columns of a capture stand in the header X-Gristmill-Capture.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from catalog.digests import document_id
from catalog.errors import InputError, exit_on_error
from catalog.layout import stage_root
from catalog.parquet import read_parquet
from catalog.schema import CAPTURES, FETCHES
from stages.sources.log import DECLARED, GOOD, CrawlLog, read_log

NEVER = "1970-01-01T00:00:00Z"
COLUMNS = (
    "status",
    "mime",
    "charset",
    "content_language",
    "title",
    "author",
    "published_at",
    "given_label",
    "target_text",
    "second_text",
    "ratings",
    "meta",
)
RENAMED = ("content-encoding", "transfer-encoding", "content-length")  # true of the bytes sent, not of those kept
PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"

BLOCK = 128 << 20  # bytes of captures that are held at once

Fields = list[tuple[str, str]]
Key = tuple[str, str, str]
"""(URI, body digest, source): the order of the file."""


class Place(NamedTuple):
    """Where a capture stands: a file, and the number of its row."""

    path: Path
    row: int


class Fetched(NamedTuple):
    """When a version was answered (WARC-Date), first to last, and what the last answer declared."""

    dates: list[str]
    declared: Mapping[str, Any] = {}


Seen = Mapping[tuple[str, str, str], Fetched]
"""(source, URI, body digest) -> its answers."""


def record_bytes(fields: Fields, block: bytes) -> bytes:
    """One record, uncompressed."""
    lines = [("Content-Length", str(len(block))), ("WARC-Block-Digest", _sha1(block)), *fields]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return b"WARC/1.1\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def _sha1(block: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()


def info_record() -> bytes:
    """The first record of a file."""
    fields = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'gristmill export')}>"),
        ("WARC-Date", NEVER),
        ("Content-Type", "application/warc-fields"),
    ]
    return record_bytes(fields, b"software: Gristmill\r\nformat: WARC File Format 1.1\r\n")


def capture_record(capture: Mapping[str, Any], date: str) -> bytes:
    """A capture as a response, or as a resource where nothing was asked over HTTP."""
    body, head = capture["body"], http_head(capture) if capture["status"] is not None else b""
    fields = [
        *_common("response" if head else "resource", capture, date),
        ("WARC-Payload-Digest", _sha1(body)),
        ("Content-Type", "application/http; msgtype=response" if head else capture["mime"]),
        ("X-Gristmill-Capture", _columns(capture)),
    ]
    return record_bytes(fields, head + body)


def _columns(capture: Mapping[str, Any]) -> str:
    columns = {name: capture[name] for name in COLUMNS if capture[name] is not None}
    if capture.get("rights"):
        columns["rights"] = capture["rights"]
    return json.dumps(columns, sort_keys=True, separators=(",", ":"))


def revisit_record(capture: Mapping[str, Any], date: str, first: tuple[str, str]) -> bytes:
    """An answer that had the body of an earlier one, which is named by (date, URI)."""
    head = http_head({**capture, "body": b""})
    fields = [
        *_common("revisit", capture, date),
        ("WARC-Profile", PROFILE),
        ("WARC-Refers-To-Target-URI", first[1]),
        ("WARC-Refers-To-Date", first[0]),
        ("WARC-Payload-Digest", _sha1(capture["body"])),
        ("Content-Type", "application/http; msgtype=response"),
        ("X-Gristmill-Capture", _columns(capture)),
    ]
    return record_bytes(fields, head)


def _common(kind: str, capture: Mapping[str, Any], date: str) -> Fields:
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{capture['uri']}|{capture['body_digest']}|{date}|{kind}")
    return [
        ("WARC-Type", kind),
        ("WARC-Record-ID", f"<urn:uuid:{name}>"),
        ("WARC-Date", date),
        ("WARC-Target-URI", capture["uri"]),
    ]


def http_head(capture: Mapping[str, Any]) -> bytes:
    """The header of an answer: as it came where the capture has it, but true of the body as it is kept."""
    kept = _kept_head(capture)
    first = f"HTTP/1.1 {capture['status']} {'OK' if capture['status'] == 200 else ''}"
    lines = [one.rstrip("\r") for one in (kept or first).split("\n")]
    lines = [f"X-Crawl-{one}" if one.partition(":")[0].strip().lower() in RENAMED else one for one in lines if one]
    if not kept:
        charset = f"; charset={capture['charset']}" if capture["charset"] else ""
        lines.append(f"Content-Type: {capture['mime']}{charset}")
        if capture["content_language"]:
            lines.append(f"Content-Language: {capture['content_language']}")
    lines.append(f"Content-Length: {len(capture['body'])}")
    return "".join(f"{one}\r\n" for one in lines).encode("latin-1") + b"\r\n"


def _kept_head(capture: Mapping[str, Any]) -> str:
    try:
        head = json.loads(capture["meta"] or "{}").get("http_header", "")
    except (ValueError, AttributeError):
        return ""
    return head if isinstance(head, str) and head.startswith("HTTP/") and head.isascii() else ""


def exported(captures: Iterable[Mapping[str, Any]], seen: Seen) -> Iterator[bytes]:
    """The records of captures: of each body the first answer in the log, and a revisit for every other, at any URI."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for (source, uri, digest), fetched in seen.items():
        answer = (fetched.dates[0], uri)
        first[source, digest] = min(first.get((source, digest), answer), answer)
    for capture in captures:
        source, uri, digest = (capture[name] for name in ("source", "uri", "body_digest"))
        for date in seen.get((source, uri, digest), Fetched([NEVER])).dates:
            original = first.get((source, digest), (date, uri))
            yield capture_record(capture, date) if original == (date, uri) else revisit_record(capture, date, original)


def fetch_times(log: CrawlLog) -> dict[tuple[str, str, str], Fetched]:
    """The good answers of the log."""
    schema = FETCHES.remove(FETCHES.get_field_index("headers"))
    rows = [row for path in log.files("fetches") for row in read_log(path, schema).to_pylist()]
    found: dict[tuple[str, str, str], Fetched] = {}
    for row in sorted(rows, key=lambda row: str(row["fetched_at"])):
        if row["body_digest"] and row["outcome"] in GOOD:
            key, date = (row["source"], row["uri"], row["body_digest"]), warc_date(row["fetched_at"])
            before = found[key].dates if key in found else []
            declared = {name: row[name] for name in (*DECLARED, "rights")} if row["mime"] else {}
            found[key] = Fetched(before if date in before else [*before, date], declared)
    return found


def warc_date(moment: str) -> str:
    """A time of the log as WARC-Date writes it."""
    return moment.replace("+00:00", "Z")


def snapshot_captures(folder: Path, log: CrawlLog, seen: Seen) -> Iterator[dict[str, Any]]:
    """Captures of the snapshot and older versions of the log, sorted by (URI, body digest), each once."""
    files = [*sorted((folder / "captures").glob("*.parquet")), *log.files("pages")]
    places: dict[Key, Place] = {}
    bodies: dict[tuple[str, str], Place] = {}
    for path in files:
        keys = read_parquet(path, ["uri", "body_digest", "source"]).to_pylist()
        for number, row in enumerate(keys):
            places.setdefault((row["uri"], row["body_digest"], row["source"]), Place(path, number))
            bodies.setdefault((row["source"], row["body_digest"]), Place(path, number))
    for source, uri, digest in seen:
        if (source, digest) in bodies:
            places.setdefault((uri, digest, source), bodies[source, digest])
    for block in _blocks(sorted(places.items())):
        rows = _rows_at([place for _, place in block])
        yield from (_at(key[0], rows[place], seen) for key, place in block)


def _blocks(placed: list[tuple[Key, Place]]) -> Iterator[list[tuple[Key, Place]]]:
    """Parts of what was sorted, of about BLOCK bytes by the mean row of each file."""
    widths = {path: _row_bytes(path) for path in {path for _, (path, _) in placed}}
    ends = itertools.accumulate(widths[path] for _, (path, _) in placed)
    for _, part in itertools.groupby(zip(placed, ends, strict=True), key=lambda one: one[1] // BLOCK):
        yield [one for one, _ in part]


def _row_bytes(path: Path) -> int:
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number).total_byte_size for number in range(file.metadata.num_row_groups)]
        return sum(groups) // max(1, file.metadata.num_rows)


def _rows_at(places: list[Place]) -> dict[Place, dict[str, Any]]:
    """Captures by their places; each file is read once, since the order of addresses is not that of files."""
    rows: dict[Place, dict[str, Any]] = {}
    for path, part in itertools.groupby(sorted(set(places)), key=lambda place: place.path):
        numbers = [place.row for place in part]
        taken = read_log(path, CAPTURES).take(numbers).to_pylist()
        rows |= {Place(path, number): row for number, row in zip(numbers, taken, strict=True)}
    return rows


def _at(uri: str, row: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """A capture as that of `uri`, which had the same body."""
    fetched = seen.get((row["source"], uri, row["body_digest"]))
    if row["uri"] == uri or fetched is None:
        return row
    return {**row, "id": document_id(uri), "uri": uri, **fetched.declared}


def export_warc(folder: Path, captures: Iterable[Mapping[str, Any]], seen: Seen, form: str = "gz") -> tuple[Path, int]:
    """Write the file; its path, and the number of records."""
    folder.mkdir(parents=True, exist_ok=True)
    path, count = folder / f"captures.warc.{form}", 1
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as out:
        out.write(compressed(info_record(), form))
        for record in exported(captures, seen):
            out.write(compressed(record, form))
            count += 1
    beside.replace(path)
    return path, count


def compressed(record: bytes, form: str) -> bytes:
    """A record as a gzip member or a zstd frame of its own, so that its offset alone finds it."""
    if form == "gz":
        return gzip.compress(record, 6, mtime=0)
    from backports import zstd

    return zstd.compress(record)


def main() -> None:
    """Export; see the module."""
    parser = argparse.ArgumentParser(prog="python -m stages.sources.warc_export", description="captures -> WARC")
    parser.add_argument("folder", type=Path, help="where the file goes")
    parser.add_argument("--format", choices=("gz", "zst"), default="gz", help="how each record is compressed")
    arguments = parser.parse_args()
    snapshot, log = stage_root("crawl"), CrawlLog()
    if not (snapshot / "captures").is_dir():
        raise InputError(f"{snapshot}/captures is missing; run `dvc repro crawl` first")
    seen = fetch_times(log)
    path, count = export_warc(arguments.folder, snapshot_captures(snapshot, log, seen), seen, arguments.format)
    print(f"{count} records in {path}")


if __name__ == "__main__":
    exit_on_error(main)
