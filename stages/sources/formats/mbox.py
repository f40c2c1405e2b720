"""A mailbox (mbox, as mailbox.mbox reads it) -> one document per message, a message at a time.

A message begins with a line `From ` at the start or after a blank line. Its text is the first part that is plain text,
else the first that is HTML; attachments are not read. A message without a text, or with one that is not in the charset
it declares, is a broken row.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import BinaryIO

from stages.sources.formats import MAX_ROW, Broken, UnreadableFile, content_key
from stages.sources.rows import MAX_KEY, Row


def mbox_rows(stream: BinaryIO) -> Iterator[Row | Broken]:
    """A row per message. Errors: UnreadableFile for a file that does not begin with a message."""
    for message in _messages(stream):
        yield message if isinstance(message, Broken) else _row(message)


def _messages(stream: BinaryIO) -> Iterator[bytes | Broken]:
    """The bytes of each message, without its line `From `."""
    held: list[bytes] = []
    size, blank, begun = 0, True, False
    while line := stream.readline(MAX_ROW):
        if blank and line.startswith(b"From "):
            if begun:
                yield _whole(held, size)
            held, size, begun, blank = [], 0, True, False
            continue
        if not begun and line.strip():
            raise UnreadableFile("a mailbox begins with a line `From `")
        blank = not line.rstrip(b"\r\n")
        size += len(line)
        if size <= MAX_ROW:
            held.append(line)
    if begun:
        yield _whole(held, size)


def _whole(held: list[bytes], size: int) -> bytes | Broken:
    body = b"".join(held)
    return body if size <= MAX_ROW else Broken(content_key(body), f"a message longer than {MAX_ROW} bytes")


def _row(raw: bytes) -> Row | Broken:
    """A message as a row."""
    try:
        mail: Message = message_from_bytes(raw)
        return _document(mail, raw)
    except Exception as error:  # the parser of a format that anybody may have written
        return Broken(content_key(raw), f"not a readable message: {type(error).__name__}: {error}")


def _document(mail: Message, raw: bytes) -> Row:
    part = _text_part(mail)
    if part is None:
        raise ValueError("no part of it is a text")
    body, charset = _decoded(part)
    replies = {name: _header(mail, name) for name in ("In-Reply-To", "List-Id")}
    known = {name: value for name, value in replies.items() if value}
    return Row(
        body=body,
        key=_key(mail, raw),
        mime=part.get_content_type(),
        charset=charset,
        title=_header(mail, "Subject"),
        author=_header(mail, "From"),
        published_at=_date(mail),
        meta=json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if known else None,
    )


def _text_part(mail: Message) -> Message | None:
    """The part to read: plain before HTML, the first of each, never an attachment."""
    texts: dict[str, Message] = {}
    for part in mail.walk():
        if not part.is_multipart() and part.get_content_disposition() != "attachment":
            texts.setdefault(part.get_content_type(), part)
    return texts.get("text/plain") or texts.get("text/html")


def _decoded(part: Message) -> tuple[bytes, str | None]:
    """(bytes of a part, its charset). Errors: ValueError where they are not what it declares; LookupError."""
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes) or any("Base64" in type(defect).__name__ for defect in part.defects):
        raise ValueError("its transfer encoding is broken")
    charset = part.get_content_charset()
    if charset is not None:
        body.decode(codecs.lookup(charset).name)
    return body, charset


def _key(mail: Message, raw: bytes) -> str:
    key = (_header(mail, "Message-ID") or "").strip("<>")
    return key if key and len(key) <= MAX_KEY and key.isprintable() else content_key(raw)


def _header(mail: Message, name: str) -> str | None:
    """A header as text, on one line; as it is written where it says an impossible charset."""
    value = mail.get(name)
    if value is None:
        return None
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        text = str(value)
    text = " ".join(text.split())
    return text.encode("utf-8", "replace").decode() or None


def _date(mail: Message) -> str | None:
    """The time of a message, ISO 8601; None where it has none that can be read."""
    try:
        return parsedate_to_datetime(str(mail["Date"])).isoformat()
    except (TypeError, ValueError, OverflowError):
        return None
