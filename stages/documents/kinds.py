"""Which reader a capture goes to: by its media type, or by its first bytes where the type says nothing.

Reads   a media type and the bytes. XML is told apart by its root element: JATS articles, TEI texts, and anything else,
        which stays the text that it was. HTML that is written as XML is `xhtml`, whatever it is called.
"""

from __future__ import annotations

import re

from stages.documents.reading import UnreadableError

TYPES = {
    "text/html": "html", "application/xhtml+xml": "xhtml",
    "text/markdown": "markdown", "text/x-markdown": "markdown", "text/x-wiki": "wikitext",
    "application/x-tex": "latex", "application/x-latex": "latex", "text/x-tex": "latex", "text/x-latex": "latex",
    "application/pdf": "pdf", "application/x-pdf": "pdf",
    "application/epub+zip": "epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/xml": "xml", "text/xml": "xml", "application/jats+xml": "xml", "application/vnd.jats+xml": "xml",
    "application/tei+xml": "xml",
    "application/json": "text", "application/x-ndjson": "text",
}  # fmt: skip
UNSAID = ("", "application/octet-stream")
BINARY = frozenset({"pdf", "epub", "docx"})

SEEN = 1024  # bytes in which a PDF may begin (PDF 1.7, appendix H)
HTML_START = re.compile(rb"\s{0,64}(?:<!--.{0,512}?-->\s{0,64})?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}<\?xml\s")
# What may stand before the root: declaration, instructions, comments, a document type without internal subset or with.
# Atomic, or fifty comments might be taken for one, or two, in 2^50 ways.
PROLOGUE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s|<\?[^>]{0,512}>|<!--(?s:.){0,4096}?-->|<!DOCTYPE[^\[>]{0,512}(?:\[[^\]]{0,4096}\]\s{0,8})?>)"
    rb"{0,64}+<(?:[\w.-]{1,32}:)?([\w.-]{1,64})"
)
JATS_FRONT = re.compile(rb"<(?:[\w.-]{1,32}:)?(?:front|front-stub|article-meta)[\s>]")
LATEX_START = re.compile(rb"(?:\s|%[^\n]{0,512}\n){0,64}\\document(?:class|style)\b")


def kind_of(media_type: str | None, body: bytes) -> str:
    """The name of a reader: html, xhtml, text, markdown, latex, ..., or tei. Errors: UnreadableError."""
    named = (media_type or "").partition(";")[0].strip().lower()
    kind = _by_content(body) if named in UNSAID else TYPES.get(named) or ("text" if named.startswith("text/") else None)
    if kind is None:
        raise UnreadableError(f"no extractor for media type {named}")
    return _by_root(body) if kind == "xml" else kind


def _by_content(body: bytes) -> str:
    if b"%PDF-" in body[:SEEN]:
        return "pdf"
    if body.startswith(b"PK\x03\x04"):
        return "epub" if body[30:].startswith(b"mimetypeapplication/epub+zip") else "docx"
    if HTML_START.match(body):
        return "html"
    if XML_START.match(body):
        return "xml"
    return "latex" if LATEX_START.match(body) else "text"


def _by_root(body: bytes) -> str:
    """`jats`, `tei` or `xhtml`, `text` for other XML. DocBook has articles too, but no front matter in them."""
    found = PROLOGUE.match(body)
    root = found[1] if found else b""
    if (found and root.lower() == b"html" and found[0].endswith(b"<" + root)) or HTML_START.match(
        body
    ):  # `h:html` only XML reads
        return "xhtml"
    if root in (b"TEI", b"TEI.2", b"teiCorpus"):
        return "tei"
    return "jats" if root == b"article" and JATS_FRONT.search(body) else "text"
