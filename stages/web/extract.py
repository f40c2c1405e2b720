"""Captures -> documents: bytes to Unicode, any format to its text, repair, normal form, redaction, language.

Reads   crawl/captures.
Writes  clean/text (one row per readable capture) and clean/quarantine (the others, each with its error), in order.

Everything that touches the bytes of a capture runs in a process that can be killed (catalog/processes/killable.py):
what hangs or crashes its parser is quarantined. Bombs that are known are refused before that, by what they are, not by
the time they take.
"""

from __future__ import annotations

import functools
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.processes import killable
from catalog.schema import DOCUMENTS, QUARANTINE
from stages.documents.kinds import BINARY, kind_of
from stages.documents.reading import Read, UnreadableError
from stages.text.language.identify import identify
from stages.text.language.mixture import language_columns
from stages.text.normalization.charset import decode, garbage_fraction
from stages.text.normalization.dates import iso_date
from stages.text.normalization.normalize import mend
from stages.text.normalization.structure import STRUCTURE, markdown
from stages.text.privacy.names import Finder, finder
from stages.text.privacy.redact import redact
from stages.web.extract_params import ExtractParams
from stages.web.metadata import language_tag, page_metadata
from stages.web.page import OPTIONS, opened, page_text, whole_text

__all__ = ["ExtractParams", "UnreadableError", "document", "extract"]

READS = ["id", "uri", "source", "mime", "charset", "content_language", "title", "author", "published_at", "body"]
# What reads a kind, and how: a page's extractor has options that decide its text.
LIBRARIES = {
    "resiliparse": "resiliparse", "trafilatura": "trafilatura", "pdf": "pypdfium2", "latex": "pylatexenc",
    "wikitext": "mwparserfromhell", "epub": "lxml", "docx": "lxml", "jats": "lxml", "tei": "lxml",
}  # fmt: skip
ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
STRUCTURED = ("resiliparse", "trafilatura", "latex", "wikitext", "epub", "docx", "jats", "tei")  # mark their parts
HARD_WRAPPED = ("plain", "pdf", "latex")  # formats whose lines may be those of a printed page
TAG = re.compile(r"<[A-Za-z/!]")
SMALL_PAGE = "<html><title>a</title><p>The old river — “caf\u00e9” – carries a letter to the sea, slowly.</p>".encode()
# A document, or why there is none.
OUTCOMES = pa.schema([field.with_nullable(True) for field in (*DOCUMENTS, QUARANTINE.field("error"))])


def extract(captures: pa.Table, *, params: ExtractParams) -> dict[str, pa.Table]:
    """Tables `text` and `quarantine`; together they have one row per capture."""
    _warm_up()
    for language in params.names:
        finder(params.names, language)
    limits = killable.Limits(seconds=params.max_seconds, memory=params.max_memory_mb << 20)
    job = killable.Job(work=_outcome, params=params, writes=OUTCOMES, limits=limits)
    outcomes = killable.results(captures.select(READS), job, lambda capture, how: _lost(capture, how, params))
    read = pc.is_null(outcomes["error"])
    unread = pc.invert(read)
    return {
        "text": outcomes.filter(read).select(DOCUMENTS.names).cast(DOCUMENTS),
        "quarantine": pa.table(
            [captures["id"].filter(unread), captures["uri"].filter(unread), outcomes["error"].filter(unread)],
            schema=QUARANTINE,
        ),
    }


@functools.cache
def _warm_up() -> None:
    """Load here what every child would load, and compile, on the time of its first capture."""
    capture = dict.fromkeys(READS) | {"uri": "", "mime": "text/html", "body": SMALL_PAGE}
    document(capture, ExtractParams(extractor="resiliparse"))
    document(capture, ExtractParams(extractor="trafilatura"))


def _outcome(capture: Mapping[str, Any], params: ExtractParams) -> dict[str, Any]:
    """The row of OUTCOMES for one capture."""
    try:
        return document(capture, params)
    except UnreadableError as unreadable:
        return {"error": str(unreadable)}


def _lost(capture: Mapping[str, Any], how: killable.How, params: ExtractParams) -> dict[str, Any]:
    """The row of OUTCOMES for a capture that ended the process that read it."""
    if how == "time":
        return {"error": f"reading it takes more CPU time than max_seconds {params.max_seconds:g}"}
    return {"error": f"reading it takes more memory than max_memory_mb {params.max_memory_mb}, or crashes the reader"}


def document(capture: Mapping[str, Any], params: ExtractParams) -> dict[str, Any]:
    """The row of `clean/text` for one capture. Errors: UnreadableError with the reason."""
    found, extractor = _read(capture, params)
    structured = params.structure and extractor in (*STRUCTURED, "markdown")
    text, repaired = mend(found.text, params.normalize, wrapped=extractor in HARD_WRAPPED, structured=structured)
    people = finder(params.names, identify(text).code) if params.names else None
    text, redacted = redact(text, people)
    dates = map(iso_date, (capture["published_at"], found.published))
    return {
        "id": capture["id"],
        "source": capture["source"],
        "text": text,
        "text_digest": hashlib.sha256(text.encode()).hexdigest(),
        **language_columns(text),
        "title": _said(capture["title"] or found.title, text, params, people),
        "author": None if params.names else _said(capture["author"] or found.author, text, params),
        "published": next(filter(None, dates), None),
        "canonical": found.canonical,
        "language_hint": language_tag(found.language) or language_tag(capture["content_language"]),
        "extractor": extractor,
        "extraction": extraction(extractor, structured),
        "charset": found.charset,
        "repairs": repaired.total(),
        "repaired": [{"kind": kind, "count": repaired[kind]} for kind in sorted(repaired)],
        "redactions": len(redacted),
        "redacted": [span._asdict() for span in redacted],
    }


def _said(words: str | None, text: str, params: ExtractParams, people: Finder | None = None) -> str | None:
    """A title or a name that stands beside a text, as it may be written."""
    return words and (redact(mend(words, params.normalize, beside=text)[0], people)[0] or None)


@functools.cache
def extraction(extractor: str, structured: bool = False) -> str | None:
    """Library, version and options of an extractor; None where no library reads and no option is on."""
    options = OPTIONS.get(extractor, {}) | ({STRUCTURE: True} if structured else {})
    library = LIBRARIES.get(extractor)
    said = [f"{library} {version(library)}"] if library else []
    return " ".join([*said, *(f"{name}={str(on).lower()}" for name, on in options.items())]) or None


def _read(capture: Mapping[str, Any], params: ExtractParams) -> tuple[Read, str]:
    """(text of a capture as its format has it, extractor). Errors: UnreadableError."""
    body: bytes = capture["body"]
    kind = kind_of(capture["mime"], body)
    limit = "max_document_bytes" if kind in BINARY else "max_body_bytes"
    if len(body) > getattr(params, limit):
        raise UnreadableError(f"body of {len(body)} bytes, more than {limit} {getattr(params, limit)}")
    try:
        if kind in BINARY or kind in ("jats", "tei"):
            found, extractor = _written(_parsed(kind, body, capture["charset"], params), kind, params), kind
            _refuse_garbage(found.text, kind, params)
        else:
            found, extractor = _decoded(kind, capture, params)
            found = _written(found, extractor, params)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:  # of a parser, which its file surprised
        raise UnreadableError(f"the reader of {kind} failed: {type(error).__name__}") from None
    return found, extractor


def _written(found: Read, extractor: str, params: ExtractParams) -> Read:
    """What was read, marks of its parts as Markdown."""
    return replace(found, text=markdown(found.text)) if params.structure and extractor in STRUCTURED else found


def _parsed(kind: str, body: bytes, declared: str | None, params: ExtractParams) -> Read:
    """A document whose format says itself how its bytes become characters; in XML a server may know better."""
    bounds = {"max_members": params.max_members, "max_unpacked_bytes": params.max_unpacked_bytes}
    if kind == "pdf":
        from stages.documents import pdf

        return pdf.read(body, max_pages=params.max_pages)
    if kind == "epub":
        from stages.documents import epub

        return epub.read(
            body, **bounds, as_html=lambda chapter: whole_text(chapter, params), structure=params.structure
        )
    if kind == "docx":
        from stages.documents import docx

        return docx.read(body, **bounds, structure=params.structure)
    from stages.documents import jats, tei

    text, charset = decode(body, declared, html=True)  # an XML declaration says what a meta element does
    return (jats if kind == "jats" else tei).read(text, charset, structure=params.structure)


def _decoded(kind: str, capture: Mapping[str, Any], params: ExtractParams) -> tuple[Read, str]:
    """(text, extractor) of a document that is text in some charset."""
    pages = kind in ("html", "xhtml")
    raw, charset = decode(capture["body"], capture["charset"], html=pages)
    _refuse_garbage(raw, charset, params)
    if pages:
        page = opened(raw) if kind == "xhtml" else raw
        text, extractor = page_text(page, params)
        return Read(text=text, charset=charset, **page_metadata(page, capture["uri"])), extractor
    if kind == "markdown":
        from stages.documents import markdown

        return markdown.read(raw, charset), kind
    if kind == "wikitext":
        from stages.documents import wikitext

        return wikitext.read(raw, charset, structure=params.structure), kind
    if kind == "latex":
        from stages.documents import latex

        return latex.read(raw, charset, structure=params.structure), kind
    return Read(text=_plain_text(raw), charset=charset), "plain"


def _refuse_garbage(text: str, read_as: str, params: ExtractParams) -> None:
    """Errors: UnreadableError for what is no text."""
    if garbage_fraction(text) > params.max_garbage:
        raise UnreadableError(f"not text: {garbage_fraction(text):.0%} control or replacement characters as {read_as}")


def _plain_text(text: str) -> str:
    """Plain text with its HTML entities resolved, if it has some and no tags: tweets often come that way."""
    if "&" not in text or not ENTITY.search(text) or TAG.search(text):
        return text
    return html.unescape(text)
