"""Sitemaps -> the pages and further sitemaps they name. Pure functions of bytes nobody has vetted.

Takes   XML sitemaps and index files, text files with a URL per line, RSS and Atom; each perhaps gzipped.
Bounds  sitemaps.org: 50,000 URLs and 50 MB. Depth and entities are refused before anything is expanded; libxml2 opens
        no file and no connection for them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stages.web.decode import CodingError, Decoder
from stages.web.urls import UrlError, canonical_url

MAX_URLS = 50_000  # per file (sitemaps.org)
MAX_BYTES = 50 << 20  # of a file, undone (sitemaps.org)
MAX_DEPTH = 32  # elements open at once; a sitemap needs 3, its extensions 5
MAX_ATTRIBUTES = 64  # of one element
GZIP = b"\x1f\x8b"
NO_URL = "http://"  # what an entry without a URL is counted as: refused
TEXT_LINES = 2 * MAX_URLS  # lines of a text sitemap that are looked at
FEEDS = frozenset(("rss", "feed", "rdf"))
MAPS = frozenset(("urlset", "sitemapindex"))
XML_STARTS = (b"<", b"\xff\xfe<", b"\xfe\xff\x00<")


class SitemapError(ValueError):
    """No sitemap can be read; the message is short and stable: it becomes an outcome."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a sitemap names; `lastmod` in UTC as the crawl log writes times, a bare date at its first moment."""

    url: str
    lastmod: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """Canonical URLs in the order of the file, each once.

    `refused` counts entries that are no URLs; `problem` says why the file was not read to its end.
    """

    pages: tuple[Page, ...] = ()
    maps: tuple[str, ...] = ()
    refused: int = 0
    problem: str | None = None


Entry = tuple[str, str | None, str | None]  # "page" or "map", URL as written, lastmod as written


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """The sitemap that was fetched from `url`. Errors: SitemapError for what is none."""
    body = _undone(body)
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        return Sitemap()
    if start.startswith(XML_STARTS):
        return _collected(_elements(body, url), url)
    return _collected(_lines(start), url)


def _undone(body: bytes) -> bytes:
    """`body` without its gzip coding, if it has one; a server may have undone it already."""
    if body.startswith(GZIP):
        decoder = Decoder("gzip", MAX_BYTES)
        try:
            decoder.feed(body)
            return decoder.finish()
        except CodingError as error:
            raise SitemapError(str(error)) from None
    if len(body) > MAX_BYTES:
        raise SitemapError("too large")
    return body


def _collected(entries: Iterator[Entry], url: str) -> Sitemap:
    """Entries as far as they can be read; what was read before a problem stands."""
    found: dict[str, dict[str, str | None]] = {"page": {}, "map": {}}
    refused, problem = 0, None
    try:
        for kind, text, lastmod in entries:
            if len(found["page"]) + len(found["map"]) >= MAX_URLS:
                problem = f"more than {MAX_URLS} URLs"
                break
            try:
                target = canonical_url(text or NO_URL, url)
            except UrlError:
                refused += 1
                continue
            found[kind].setdefault(target, utc(lastmod))
    except SitemapError as error:
        if not found["page"] and not found["map"]:
            raise
        problem = str(error)
    pages = tuple(Page(target, lastmod) for target, lastmod in found["page"].items())
    return Sitemap(pages=pages, maps=tuple(found["map"]), refused=refused, problem=problem)


def _lines(body: bytes) -> Iterator[Entry]:
    """The URLs of a text sitemap. Errors: SitemapError where the first line is none: some other text was served."""
    lines = [line.strip() for line in body.decode("utf-8", "replace").splitlines()[:TEXT_LINES]]
    for position, line in enumerate(filter(None, lines)):
        if not position and not line.lower().startswith(("http://", "https://")):
            raise SitemapError("not a sitemap")
        if len(line) <= 4096:
            yield "page", line, None


def _elements(body: bytes, url: str) -> Iterator[Entry]:
    """The entries of an XML sitemap, its tree given back as it is read."""
    from lxml import etree  # type: ignore[import-untyped]  # only sites with sitemaps pay for it

    events = etree.iterparse(
        io.BytesIO(body), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    depth = 0
    try:
        for event, element in events:
            if event == "start":
                depth += 1
                _check(element, depth)
                if depth == 1 and _name(element) in FEEDS:
                    yield from _feed(body, url)
                    return
                continue
            depth -= 1
            if depth == 1:
                yield from _entry(element)
                _give_back(element)
    except etree.XMLSyntaxError:
        raise SitemapError("not well-formed XML") from None


def _check(element: Any, depth: int) -> None:
    """Refuse what no sitemap has. Errors: SitemapError."""
    if depth == 1:
        dtd = element.getroottree().docinfo.internalDTD
        if dtd is not None and any(True for _ in dtd.iterentities()):
            raise SitemapError("declares entities")
        if _name(element) not in MAPS | FEEDS:
            raise SitemapError("not a sitemap")
    if depth > MAX_DEPTH:
        raise SitemapError(f"deeper than {MAX_DEPTH} elements")
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise SitemapError(f"more than {MAX_ATTRIBUTES} attributes")


def _entry(element: Any) -> Iterator[Entry]:
    """What a `<url>` or a `<sitemap>` says; other elements say nothing here."""
    kind = {"url": "page", "sitemap": "map"}.get(_name(element))
    if kind:
        texts = {_name(child): (child.text or "").strip() for child in reversed(element)}
        yield kind, texts.get("loc") or None, texts.get("lastmod") or None


def _feed(body: bytes, url: str) -> Iterator[Entry]:
    from stages.web.feeds import FeedError, read_feed  # loads feedparser

    try:
        for item in read_feed(body, url):
            yield "page", item.url, item.published
    except FeedError as error:
        raise SitemapError(str(error)) from None


def _give_back(element: Any) -> None:
    """Free an element that was read, and all before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _name(element: Any) -> str:
    """The name of an element without its namespace, in lower case; real sitemaps have every namespace and none."""
    return str(element.tag).rpartition("}")[2].lower()


def utc(text: str | None) -> str | None:
    """A W3C date or time as the crawl log writes it (UTC, microseconds); None for what is none."""
    try:
        found = datetime.fromisoformat(text or "")
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return None
