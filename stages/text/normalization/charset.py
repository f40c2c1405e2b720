"""Bytes -> Unicode, and the name of the charset used; nothing else is read or written.

The order is BOM, the charset that the server declared, the one the HTML declares in its first 1024 bytes (WHATWG
encoding sniffing, stages/text/normalization/prescan.py), UTF-8 when the bytes are valid UTF-8 (a detector gets short
lines of it wrong), the charset that the HTML declares later (at which a browser changes the encoding that it guessed),
then `resiliparse.parse.encoding.detect_encoding` (right for 99.8 % of 867 zh, ja, ru and de samples). A
candidate that leaves more than 1 % replacement characters gives way to the next; if all do, the first one decodes, and
`garbage_fraction` says how bad the result is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ftfy import bad_codecs
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from stages.text.normalization.prescan import declared_labels, late_labels

bad_codecs.ok()  # registers sloppy-windows-1252, which decodes the five bytes that Python's cp1252 refuses

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# Name that resiliparse gives -> the Python codec that decodes it as browsers do.
CODECS = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "euc_jp": "euc_jis_2004",
    "cp1252": "sloppy-windows-1252",
    "iso8859-11": "cp874",
}
NOT_NAMED = {"x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic"}  # labels unknown to resiliparse
MAX_REPLACED = 0.01  # replacement characters / characters: one broken byte must not cost a page its charset

# Controls, replacement and private-use characters and non-characters: what wrong bytes turn into.
GARBAGE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff]")


def decode(body: bytes, declared: str | None, *, html: bool) -> tuple[str, str]:
    """(text without BOM, name of the charset); bytes that do not fit become U+FFFD."""
    for bom, name in BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace"), name
    names = _candidates(body, declared, html)
    first = next(names)
    for name in (first, *names):
        text = _decoded(body, name)
        if text.count("\ufffd") <= MAX_REPLACED * len(text):
            return text, name
    return _decoded(body, first), first


def garbage_fraction(text: str) -> float:
    """Control, replacement and private-use characters / characters; 0 for an empty text."""
    return len(GARBAGE.findall(text)) / max(len(text), 1)


def known_charset(label: str) -> str | None:
    """Name of the charset that browsers understand by a label; None for labels that none does."""
    plain = label.strip("\t\n\f\r ").lower()
    return NOT_NAMED.get(plain) or map_encoding_to_html5(plain, fallback_utf8=False)


def _candidates(body: bytes, declared: str | None, html: bool) -> Iterator[str]:
    """Names of charsets in the order in which to try them; at least one."""
    if declared and (name := known_charset(declared)):
        yield name
    early = _first_known(declared_labels(body)) if html else None
    if early:
        yield early
    if _is_utf8(body):
        yield "utf-8"
        return
    if html and not early and (late := _first_known(late_labels(body))):
        yield late
    yield detect_encoding(body) or "utf-8"


def _first_known(labels: Iterator[str]) -> str | None:
    return next(filter(None, map(known_charset, labels)), None)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(body: bytes, name: str) -> str:
    return body.decode(CODECS.get(name, name), "replace")
