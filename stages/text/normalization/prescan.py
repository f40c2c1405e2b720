"""The charset that an HTML page declares: in its first 1024 bytes by the WHATWG prescan (HTML standard, 13.2.3.2), or
behind them, where a parser that has guessed meets it and changes the encoding (13.2.3.5).

Pure, and linear in the bytes looked at. What stands in a comment, in an attribute of another element, or in a meta
element that is no declaration (`<meta name=description content="charset=...">`) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PRESCAN_BYTES = 1024  # a charset declared later than this is not seen before the page is parsed
_MARK = re.compile(rb"<!--|<meta(?=[\t\n\f\r /])|</?[a-z]|<[!/?]", re.I)
_RAW = re.compile(
    rb"<(script|style|title|textarea|xmp|iframe|noembed|noframes)(?=[\t\n\f\r />])", re.I
)  # no tags in it
_NAME_END = re.compile(rb"[\t\n\f\r >]")
_QUOTED = rb"\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<open>[\"'])"
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*(?:(?P<end>>)|(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:" + _QUOTED + rb"|(?P<bare>[^\t\n\f\r >]+)|(?=>)))?)"
)
_IN_CONTENT = re.compile(
    rb"charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:" + _QUOTED + rb"|(?P<bare>[^\t\n\f\r ;]+))",
    re.I,
)
_XML = re.compile(rb"<\?xml[^>]*?encoding[\x00-\x20]*=[\x00-\x20]*(?:\"([^\"\x00-\x20>]+)\"|'([^'\x00-\x20>]+)')[^>]*>")
_XML_UTF16 = {b"<\0?\0x\0": "utf-16le", b"\0<\0?\0x": "utf-16be"}


def declared_labels(body: bytes) -> Iterator[str]:
    """The labels that a page declares, in the order in which a browser takes the first that it knows."""
    head = body[:PRESCAN_BYTES]
    if head[:6] in _XML_UTF16:
        yield _XML_UTF16[head[:6]]
        return
    for attributes in _metas(head):
        if label := _declared(attributes):
            yield _readable(label)
    if head.startswith(b"<?xml") and (found := _XML.match(head)):
        yield _readable(found[1] or found[2])


def late_labels(body: bytes) -> Iterator[str]:
    """The labels in the meta elements of the whole page, in their order, for a page whose prescan finds none."""
    for attributes in _metas(body, parsed=True):
        if label := _declared(attributes):
            yield _readable(label)


def _readable(label: bytes) -> str:
    """A label as it is meant: bytes that could be read as ASCII are not UTF-16; user-defined means windows-1252."""
    text = label.decode("latin-1").strip("\t\n\f\r ").lower()
    if text.startswith(("utf-16", "utf16", "ucs-2", "unicode", "iso-10646-ucs-2", "csunicode")):
        return "utf-8"
    return "windows-1252" if text == "x-user-defined" else text


def _metas(head: bytes, *, parsed: bool = False) -> Iterator[dict[bytes, bytes]]:
    """The attributes of each meta element, outside of comments and of other tags; `parsed`: and of scripts and such."""
    position = 0
    while mark := _MARK.search(head, position):
        opened = mark[0].lower()
        if opened == b"<!--":
            position = _after(head, b"-->", mark.end() - 2)
        elif opened in (b"<!", b"</", b"<?"):
            position = _after(head, b">", mark.end())
        else:
            start = mark.end() if opened == b"<meta" else _name_end(head, mark.end())
            attributes, position = _attributes(head, start)
            if opened == b"<meta" and position >= 0:
                yield attributes
            if parsed and position >= 0 and (raw := _RAW.match(head, mark.start())):
                position = _raw_end(head, raw[1], position)
        if position < 0:
            return


def _raw_end(head: bytes, name: bytes, position: int) -> int:
    """Where the end tag of an element begins that holds text only; -1 where it has none."""
    end = re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.I).search(head, position)
    return end.start() if end else -1


def _after(head: bytes, mark: bytes, position: int) -> int:
    found = head.find(mark, position)
    return found + len(mark) if found >= 0 else -1


def _name_end(head: bytes, position: int) -> int:
    found = _NAME_END.search(head, position)
    return found.start() if found else len(head)


def _attributes(head: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """(attributes, position behind the tag); -1 where the bytes end inside of it. Of equal names the first counts."""
    found: dict[bytes, bytes] = {}
    while one := _ATTRIBUTE.match(head, position):
        if one["end"]:
            return found, one.end()
        if one["open"] or one.end() == position:
            break
        position = one.end()
        found.setdefault(one["name"].lower(), one["double"] or one["single"] or one["bare"] or b"")
    return found, -1


def _declared(attributes: dict[bytes, bytes]) -> bytes | None:
    """The label in a meta element: its `charset`, or the one in its `content` beside `http-equiv=content-type`."""
    if b"charset" in attributes:
        return attributes[b"charset"]
    if attributes.get(b"http-equiv", b"").lower() != b"content-type":
        return None
    found = _IN_CONTENT.search(attributes.get(b"content", b""))
    return (found["double"] or found["single"] or found["bare"]) if found else None
