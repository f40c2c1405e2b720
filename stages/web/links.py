"""Links of an HTML page, found by a tokenizer in time linear in the page.

Not a parser on purpose: native HTML parsers need minutes for a page of a hundred thousand attributes or nested
elements (notes/crawl-clean-security.md, T4), and the crawler reads pages nobody has vetted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from stages.web.urls import UrlError, canonical_url

MAX_LINKS = 5000  # per page; more is a trap
_START = re.compile(r"<!--|<(script|style|template|textarea)\b|<(a|area|base)\b([^<>]{0,4000})>", re.I)
_HREF = re.compile(r"""(?:^|[\s"'])href\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)


def links(page: str, url: str) -> list[str]:
    """Canonical http(s) URLs that a page at canonical `url` links to, each once, in document order."""
    base = url
    found: dict[str, None] = {}
    met: set[tuple[str, str]] = set()
    for tag, text in _hrefs(page):
        href = text.partition("#")[0]  # most pages link to places in themselves; no `#` stands before a fragment
        if tag != "base" and (base, href) in met:
            continue
        met.add((base, href))
        try:
            target = canonical_url(href, base)
        except UrlError:
            continue
        if tag == "base":
            base = target
        else:
            found[target] = None
        if len(found) >= MAX_LINKS:
            break
    return list(found)


def _hrefs(page: str) -> Iterator[tuple[str, str]]:
    """(tag, href) of a, area and base outside of comments and raw text."""
    position = 0
    while start := _START.search(page, position):
        position = start.end()
        if start[2]:
            if href := _HREF.search(start[3]):
                yield start[2].lower(), html.unescape(href[1] or href[2] or href[3] or "").strip()
            continue
        end = "-->" if not start[1] else f"</{start[1].lower()}"
        position = _after(page, end, position)
        if position < 0:
            return


def _after(page: str, text: str, position: int) -> int:
    """Where `text` (any case) next stands, or -1."""
    found = re.compile(re.escape(text), re.I).search(page, position)
    return found.end() if found else -1
