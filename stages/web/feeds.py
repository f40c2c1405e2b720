"""Feeds -> the pages they name; pages -> the feeds they announce. Pure functions of bytes nobody has vetted.

feedparser reads every dialect (RSS 0.9 to 2.0, RDF, Atom, CDF) and forgives broken XML, in a time that is quadratic in
the depth and in the attributes of a tag: 3.5 MB of nested elements took it 8.7 s. Hence the bounds, checked before by
one linear pass over the bytes. It is given a stream, since it opens a text that looks like a path or a URL.
"""

from __future__ import annotations

import calendar
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stages.web.tags import tags
from stages.web.urls import UrlError, canonical_url

MAX_BYTES = 5 << 20  # of a feed (news-crawl)
MAX_ITEMS = 10_000
MAX_TAGS = 50_000  # `<` of a feed: 1.5 s of feedparser
MAX_REFERENCES = 200_000  # `&` of a feed
MAX_DEPTH = 100  # elements open at once; XHTML in Atom needs some 20
MAX_ATTRIBUTES = 64  # `=` of one tag
MAX_FEEDS = 32  # that one page may announce
FEED_TYPES = frozenset(("application/rss+xml", "application/atom+xml", "application/rdf+xml"))
_MARK = re.compile(rb"<!\[CDATA\[|<!--|<!ENTITY|<(/?)[A-Za-z_]([^<>]*)>?", re.I)


class FeedError(ValueError):
    """No feed can be read; the message is short and stable: it becomes an outcome."""


@dataclass(frozen=True, slots=True)
class Item:
    """A page that a feed names; `published` (or else updated) in UTC as the crawl log writes times."""

    url: str
    published: str | None = None


def read_feed(body: bytes, url: str) -> tuple[Item, ...]:
    """The items of the feed that was fetched from `url`, in its order, each URL once. Errors: FeedError."""
    check_feed(body)
    import feedparser  # type: ignore[import-untyped]  # only sites with feeds pay for it

    found = feedparser.parse(
        io.BytesIO(body), response_headers={"content-location": url}, sanitize_html=False, resolve_relative_uris=False
    )
    if not found.get("version"):
        raise FeedError("not a feed")
    items: dict[str, str | None] = {}
    for entry in found["entries"][:MAX_ITEMS]:
        target = _target(entry, url)
        if target is not None:
            items.setdefault(target, _time(entry))
    return tuple(Item(target, published) for target, published in items.items())


def check_feed(body: bytes) -> None:
    """Refuse what feedparser would need seconds for. Errors: FeedError."""
    if len(body) > MAX_BYTES:
        raise FeedError("too large")
    if b"\0" in body[:64]:  # UTF-16 and UTF-32 would pass the scan below unseen
        raise FeedError("not in a charset that extends ASCII")
    if body.count(b"<") > MAX_TAGS or body.count(b"&") > MAX_REFERENCES:
        raise FeedError(f"more than {MAX_TAGS} tags")
    depth = position = 0
    while mark := _MARK.search(body, position):
        position = mark.end()
        if mark[0] in (b"<![CDATA[", b"<!--"):
            position = body.find(b"]]>" if mark[0] != b"<!--" else b"-->", position)
            if position < 0:
                return
        elif mark[2] is None:
            raise FeedError("declares entities")
        else:
            depth = _checked(depth, mark)


def _checked(depth: int, mark: re.Match[bytes]) -> int:
    """The depth after a tag. Errors: FeedError for one too deep, or with too many attributes."""
    if mark[2].count(b"=") > MAX_ATTRIBUTES + mark[2].count(b"&"):
        raise FeedError(f"more than {MAX_ATTRIBUTES} attributes")
    if mark[1]:
        return max(depth - 1, 0)
    if mark[2].rstrip().endswith(b"/"):
        return depth
    if depth >= MAX_DEPTH:
        raise FeedError(f"deeper than {MAX_DEPTH} elements")
    return depth + 1


def _target(entry: Any, url: str) -> str | None:
    """The page of an entry: its link, or an id that is a URL."""
    for text in (entry.get("link"), entry.get("id")):
        try:
            if text:
                return canonical_url(str(text), url)
        except UrlError:
            continue
    return None


def _time(entry: Any) -> str | None:
    moment: Sequence[int] | None = entry.get("published_parsed") or entry.get("updated_parsed")
    if not moment:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(tuple(moment)), UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return None


def feed_links(html: str, base: str) -> list[str]:
    """Canonical URLs of the feeds that a page at `base` announces by `<link rel=alternate>`, in its order."""
    found: dict[str, None] = {}
    for _, attributes in tags(html, ("link",)) if "alternate" in html.lower() else ():
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        if "alternate" not in attributes.get("rel", "").lower().split() or kind not in FEED_TYPES:
            continue
        try:
            found[canonical_url(attributes.get("href", ""), base)] = None
        except UrlError:
            continue
        if len(found) >= MAX_FEEDS:
            break
    return list(found)
