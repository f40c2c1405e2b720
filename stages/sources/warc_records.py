"""Records of WARC, ARC and WET files, streamed: their headers, and their blocks up to a limit.

Reads   one file, plain or compressed by gzip, zstd or lz4. What fastwarc cannot read ends the file: what came before
        stands, and one `Ending` says where and why.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from backports import zstd

from stages.web.decode import CodingError, decoded

DOCUMENTS = ("response", "resource", "conversion", "revisit")
MAX_HEADER = 16 << 20  # bytes; captures that were exported carry their columns in one header line
HEAD = re.compile(rb"\r?\n\r?\n")
UNDONE = (b"content-encoding", b"transfer-encoding", b"content-length")  # they describe the bytes that were sent
PREFIX = b"X-Crawl-"  # as Common Crawl marks such headers
DICTIONARY = b"\x5d\x2a\x4d\x18"  # begins the frame with the dictionary of all others (WARC with Zstandard, 1.0)
MAX_DICTIONARY = 16 << 20  # bytes
DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record; `headers` have lower-case names. `whole`: does `block` hold all that the record should have?"""

    offset: int
    kind: str
    headers: Mapping[str, str]
    block: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a file stops to be readable, and why."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer of a block: its exact header, and the body as it was sent."""

    head: bytes
    sent: bytes
    status: int
    fields: Mapping[str, str]


def records(path: Path, *, quirks: bool, limit: int, start: int = 0) -> Iterator[Record | Ending]:
    """Every record of a file from byte `start` on, blocks cut at `limit` bytes; an `Ending` where it breaks off."""
    from fastwarc.warc import ArchiveIterator

    offset, size, whole = start, path.stat().st_size, True
    with path.open("rb") as stream:
        try:
            source = _placed(stream, start)
            for found in ArchiveIterator(source, parse_http=False, quirks_mode=quirks, max_header_len=MAX_HEADER):
                offset, kind = found.stream_pos, str(found.record_type).rpartition(".")[2]
                block = found.reader.read(min(limit, found.content_length)) if found.content_length else b""
                whole = len(block) == found.content_length
                yield Record(
                    offset=offset,
                    kind=kind,
                    headers={name.lower(): value for name, value in found.headers.to_tuples()},
                    block=block,
                    whole=whole,
                )
                if len(block) < min(limit, found.content_length) and kind not in DOCUMENTS:
                    yield Ending(offset, f"broken off in the record at byte {offset} of {size}")
                elif "content-length" not in found.headers:
                    whole = False
                    yield Ending(offset, f"broken off in the header of the record at byte {offset} of {size}")
        except (OSError, ValueError, EOFError, RuntimeError) as error:
            reason = re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
            yield Ending(offset, f"unreadable after the record at byte {offset} of {size}: {reason}")
            return
    if whole and breaks_off(path, offset):
        yield Ending(offset, f"broken off after the record at byte {offset} of {size}")


def _placed(stream: IO[bytes], start: int) -> Any:
    """A stream from byte `start` on, with the dictionary of its file where it has one. Errors: ValueError."""
    from fastwarc.stream_io import ZstdReader

    dictionary = dictionary_of(stream)
    stream.seek(start)
    return ZstdReader(stream, dictionary=dictionary) if dictionary and start else stream


def dictionary_of(stream: IO[bytes]) -> bytes:
    """The dictionary by which the records of a file were compressed by Zstandard; empty where there is none.

    Errors: ValueError for one that is larger than MAX_DICTIONARY, packed or unpacked.
    """
    head = stream.read(8)
    if not head.startswith(DICTIONARY):
        return b""
    size = int.from_bytes(head[4:], "little")
    content = stream.read(min(size, MAX_DICTIONARY))
    try:
        packed = content.startswith(b"\x28\xb5\x2f\xfd")
        whole = zstd.ZstdDecompressor().decompress(content, MAX_DICTIONARY + 1) if packed else content
    except zstd.ZstdError as error:
        raise ValueError(f"a broken dictionary: {error}") from None
    if max(size, len(whole)) > MAX_DICTIONARY:
        raise ValueError(f"a dictionary of more than {MAX_DICTIONARY} bytes")
    return whole


def breaks_off(path: Path, offset: int) -> bool:
    """Does the last gzip member at or after `offset` have no end? fastwarc passes over one that holds no block."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return False
        stream.seek(offset)
        member, held = zlib.decompressobj(31), b""
        if offset == path.stat().st_size:  # all records stood in one member
            return False
        while data := held or stream.read(1 << 20):
            if member.eof:
                member = zlib.decompressobj(31)
            try:
                member.decompress(data, 1 << 20)
            except zlib.error:
                return True
            held = member.unused_data if member.eof else member.unconsumed_tail
    return not member.eof


def answer_in(block: bytes) -> Answer | None:
    """The HTTP answer that a block holds; None where there is no header with a status."""
    end = HEAD.search(block)
    head = block[: end.end()] if end else block
    first, *lines = head.decode("latin-1").split("\n")
    status = re.match(r"HTTP/\S+ +(\d{3})\b", first)
    if not status:
        return None
    pairs = [line.partition(":") for line in lines if ":" in line]
    fields = {name.strip().lower(): value.strip() for name, _, value in reversed(pairs)}
    return Answer(head=head, sent=block[len(head) :], status=int(status[1]), fields=fields)


def unchunked(sent: bytes) -> bytes | None:
    """A body without its chunks; None where it is not chunked, whatever its header says."""
    pieces: list[bytes] = []
    position = 0
    while True:
        end = sent.find(b"\n", position, position + 1024)
        size = re.fullmatch(rb"\s*([0-9A-Fa-f]{1,8})\s*(;.*)?\s*", sent[position:end] if end >= 0 else b"")
        if not size:
            return None
        length = int(size[1], 16)
        if not length:
            return b"".join(pieces)
        piece = sent[end + 1 : end + 1 + length]
        if len(piece) < length:
            return None
        pieces.append(piece)
        position = end + 1 + length
        position += 2 if sent[position : position + 2] == b"\r\n" else 1


def body_of(answer: Answer, limit: int) -> tuple[bytes, bytes]:
    """The entity of an answer without its chunks, and without its coding. Errors: CodingError."""
    chunked = "chunked" in answer.fields.get("transfer-encoding", "").lower()
    entity = unchunked(answer.sent) if chunked else None
    entity = answer.sent if entity is None else entity
    try:
        return entity, decoded(entity, answer.fields.get("content-encoding", ""), limit)
    except CodingError as error:
        if str(error) == "broken content coding" and not entity.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            return entity, entity  # many tools store the decoded body below the old header
        raise


def stored_head(answer: Answer, changed: bool) -> str:
    """The header as captures keep it: exact, but where the body was decoded, what described it is prefixed."""
    lines = answer.head.split(b"\n")
    if changed:
        lines = [PREFIX + one if one.partition(b":")[0].strip().lower() in UNDONE else one for one in lines]
    return b"\n".join(lines).decode("latin-1")


def digest_fits(declared: str, *candidates: bytes) -> bool:
    """Is a declared digest (`sha1:...`, base 32 or hex) that of one of some bytes? True for an algorithm unknown."""
    name, _, value = declared.partition(":")
    name, value = name.strip().lower().replace("-", ""), value.strip()
    if name not in DIGEST_BYTES:
        return True
    return _digest_bytes(value, DIGEST_BYTES[name]) in {hashlib.new(name, one).digest() for one in candidates}


def _digest_bytes(value: str, size: int) -> bytes | None:
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        return base64.b32decode(value.upper() + "=" * (-len(value) % 8))
    except ValueError:
        return None
