"""Canonical URLs by the WHATWG rules (ada), and the scope of a site.

Two spellings of one page must give one URI, and no spelling may mean one host to this check and another to the
connection: so one parser (ada, which agrees with browsers) decides both, and its output is what is requested.
"""

from __future__ import annotations

import re

import ada_url

from stages.web.credentials import public_url, redacted

MAX_URL = 2083  # characters; longer ones are traps (limit of Heritrix and Scrapy)
TRACKING_NAMES = frozenset(
    [
        *("__hsfp", "__hssc", "__hstc", "_hsenc", "_hsmi", "_openstat", "dclid", "fbclid", "gbraid", "gclid", "gclsrc"),
        *("hsctatracking", "igshid", "mc_cid", "mc_eid", "mkt_tok", "ml_subscriber", "ml_subscriber_hash", "msclkid"),
        *("oly_anon_id", "oly_enc_id", "rb_clickid", "s_cid", "srsltid", "ttclid", "twclid", "vero_conv", "vero_id"),
        *("wbraid", "wickedid", "yclid"),
    ]
)
"""Query parameters that say where a reader came from, never which page (Firefox's query stripping, and Matomo's)."""
TRACKING_PREFIXES = ("utm_", "oft_", "pk_campaign", "pk_kwd")
MAX_SEGMENTS = 20  # path segments, against /a/a/a/... traps (Heritrix TooManyPathSegmentsDecideRule)
NOT_PAGES = frozenset(
    [
        *("7z", "bz2", "gz", "rar", "tar", "tgz", "xz", "zip", "exe", "wasm"),
        *("avi", "mp3", "mp4", "mpeg", "ogg", "wav", "webm"),
        *("bmp", "gif", "ico", "jpeg", "jpg", "png", "svg", "webp", "otf", "ttf", "woff", "woff2"),
        *("css", "js", "map", "inv", "csv", "json", "rss", "txt", "xml"),
        *("doc", "docx", "eot", "epub", "odt", "pdf", "ppt", "pptx", "ps", "xls", "xlsx"),
    ]
)
"""Extensions that never hold an HTML page."""
PLAIN = re.compile(r"[^?#@;]*")  # a URL without these hides no secret and has no fragment


class UrlError(ValueError):
    """A text is not a URL that may be crawled; the message says why."""


def canonical_url(text: str, base: str | None = None) -> str:
    """`text`, resolved against `base`, as WHATWG writes it, without fragment, password, secrets and tracking.

    Errors: UrlError for invalid text, schemes other than http and https, and over-long URLs.
    """
    try:
        href = str(ada_url.URL(text, base=base).href)
    except ValueError:
        raise UrlError(f"{redacted(text[:200])!r} is not a URL") from None
    if not href.startswith(("http://", "https://")):
        scheme = href.partition(":")[0]
        raise UrlError(f"{redacted(text[:200])!r} has scheme {scheme}, only http and https are crawled")
    if not PLAIN.fullmatch(href):
        href = untracked(public_url(href))
    if len(href) > MAX_URL:
        raise UrlError(f"{href[:80]!r}... has {len(href)} characters, the limit is {MAX_URL}")
    return href


def untracked(href: str) -> str:
    """A URL without its tracking parameters; the others keep their order and spelling."""
    before, mark, query = href.partition("?")
    parameters = query.split("&")
    kept = [one for one in parameters if not _is_tracking(one.partition("=")[0].lower())]
    if not mark or len(kept) == len(parameters):
        return href
    return f"{before}?{'&'.join(kept)}" if kept else before


def _is_tracking(name: str) -> bool:
    return name in TRACKING_NAMES or name.startswith(TRACKING_PREFIXES)


def in_scope(url: str, base: str) -> bool:
    """Is a canonical `url` below `base` (same scheme, host and port, path starts with base's) and no path trap?"""
    return url.startswith(base) and url.count("/") - 3 <= MAX_SEGMENTS


def is_page(url: str) -> bool:
    """May a canonical URL be an HTML page, by the extension of its path?"""
    path = ada_url.URL(url).pathname
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    return not dot or not stem or extension.lower() not in NOT_PAGES


def origin(url: str) -> str:
    """`scheme://host[:port]` of a canonical URL."""
    return str(ada_url.URL(url).origin)
