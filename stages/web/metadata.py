"""What a page says of itself beside its text: title, author, date, canonical URL, language; None where it says nothing.

Reads   the start tags of the head, `time` elements and JSON-LD, by a tokenizer that takes linear time.
Sources Open Graph (ogp.me), Dublin Core, Highwire (`citation_*`), schema.org Article, Parsely and Sailthru names;
        RFC 6596 (canonical), RFC 5646 (languages).

The language is that of `<html lang>`, else of the hreflang by which the page links to itself, else of a meta element.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from stages.documents.reading import authors
from stages.text.normalization.dates import iso_date
from stages.web.tags import tags
from stages.web.urls import UrlError, canonical_url

HEAD = 262_144  # characters in which the head must end
MAX_JSON = 262_144  # characters of one JSON-LD block
MAX_VERSIONS = 200  # languages in which a page looks for itself
MAX_THINGS = 2000  # of one JSON-LD block that are looked at

# Names of meta elements, `:` written as `.`; the earlier ones are believed first.
AUTHORS = (
    "parsely-author", "sailthru.author", "citation_author", "dc.creator", "dcterms.creator", "author", "article.author",
    "byl",
)  # fmt: skip
DATES = (
    "article.published_time", "og.article.published_time", "datepublished", "parsely-pub-date", "sailthru.date",
    "citation_publication_date", "citation_date", "dcterms.issued", "dc.date.issued", "dcterms.date", "dc.date",
    "publishdate", "publish-date", "pubdate", "date",
)  # fmt: skip
LANGUAGES = ("content-language", "dc.language", "dcterms.language")
TITLES, ADDRESSES = ("og.title",), ("og.url",)
NAMED = frozenset((*AUTHORS, *DATES, *LANGUAGES, *TITLES, *ADDRESSES))
ARTICLES = ("article", "posting", "report", "webpage")  # ends of the schema.org types that are a text

# What stands in each tag that says something; most tags of a head are about its looks.
_TELLING = (
    "canonical", "date", "author", "og:title", "og:url", "language", "<html", "<base", "issued", "publish", "creator",
    "byl", "hreflang",
)  # fmt: skip
_TITLE = re.compile(r"<title\b[^>]{0,256}>([^<]{1,512})", re.I)
_HEAD_END = re.compile(r"</head\b|<body\b", re.I)
_JSON = re.compile(r"<script\b[^<>]{0,400}application/ld\+json[^<>]{0,400}>", re.I)
_JSON_END = re.compile("</script", re.I)
_CDATA = re.compile(r"^\s*<!\[CDATA\[|\]\]>\s*$")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,4}", re.I)


@dataclass(slots=True)
class _Said:
    """What tags say: values of meta elements by lower-case name, each in the order of the page."""

    meta: dict[str, list[str]] = field(default_factory=dict)
    canonical: str = ""
    base: str = ""
    language: str = ""
    versions: list[tuple[str, str]] = field(default_factory=list)  # (language, address) of the page in each language

    def values(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from self.meta.get(name, ())


def page_metadata(page: str, uri: str) -> dict[str, str | None]:
    """What an HTML page says, by the names of stages/documents/reading.py; links are resolved against its `uri`."""
    said = _head(page)
    things = [*_articles(page)]
    people = (*(_json_names(thing.get("author")) for thing in things), *filter(None, map(said.meta.get, AUTHORS)))
    canonical = _canonical(said, uri)
    languages = chain([said.language], _own_language(said, uri, {uri, canonical}), said.values(LANGUAGES))
    dates = chain((str(thing.get("datePublished")) for thing in things), said.values(DATES), _times(page))
    return {
        "title": next(filter(None, said.values(TITLES)), None) or _title(page),
        "author": next(filter(None, map(authors, people)), None),
        "published": next(filter(None, map(iso_date, dates)), None),
        "canonical": canonical,
        "language": next(filter(None, map(language_tag, languages)), None),
    }


def language_tag(text: str | None) -> str | None:
    """The first language of a list, as RFC 5646, 2.1.1, writes it; None for what is no tag."""
    tag = (text or "").partition(",")[0].strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        return None
    first, *rest = tag.lower().split("-")
    return "-".join([first, *(one.upper() if len(one) == 2 else one.title() if len(one) == 4 else one for one in rest)])


def _title(page: str) -> str | None:
    found = _TITLE.search(page, 0, HEAD)
    return html.unescape(found.group(1)).strip() or None if found else None


def _head(page: str) -> _Said:
    end = _HEAD_END.search(page, 0, HEAD)
    said = _Said()
    for tag, attributes in tags(page[: end.start() if end else HEAD], ("html", "meta", "link", "base"), _TELLING):
        if tag == "meta":
            named = " ".join(attributes.get(one, "") for one in ("property", "name", "itemprop", "http-equiv"))
            for name in NAMED.intersection(named.lower().replace(":", ".").split()):
                said.meta.setdefault(name, []).append(attributes.get("content", ""))
        elif tag == "link":
            kinds, address = attributes.get("rel", "").lower().split(), attributes.get("href", "")
            if not said.canonical and "canonical" in kinds:
                said.canonical = address
            if "alternate" in kinds and attributes.get("hreflang"):
                said.versions.append((attributes["hreflang"], address))
        elif tag == "base":
            said.base = said.base or attributes.get("href", "")
        else:
            said.language = said.language or attributes.get("lang") or attributes.get("xml:lang") or ""
    return said


def _canonical(said: _Said, uri: str) -> str | None:
    """The first address that is one."""
    given = chain(
        [_address(said.canonical, said.base, uri)], (_address(url, "", uri) for url in said.values(ADDRESSES))
    )
    return next(filter(None, given), None)


def _address(given: str, base: str, uri: str) -> str | None:
    """A link as an address; a page that came from no web server has nothing to resolve it against."""
    own = uri if uri.startswith(("http://", "https://")) else None
    try:
        return canonical_url(given, canonical_url(base, own) if base else own) if given else None
    except UrlError:
        return None


def _own_language(said: _Said, uri: str, own: Collection[str | None]) -> Iterator[str]:
    """Of the versions in several languages that a page lists, that of itself."""
    for language, link in said.versions[:MAX_VERSIONS]:
        address = _address(link, said.base, uri)
        if address and address in own:
            yield language


def _times(page: str) -> Iterator[str]:
    """Of the `time` elements that are marked as the date of publication."""
    for _, attributes in tags(page, ("time",)) if "<time" in page else ():
        if attributes.get("itemprop", "").lower() == "datepublished" or "pubdate" in attributes:
            yield attributes.get("datetime", "")


def _articles(page: str) -> Iterator[dict[str, Any]]:
    """The articles that the JSON-LD of a page describes."""
    position = page.find("ld+json") - 400 if "ld+json" in page else len(page)
    while start := _JSON.search(page, max(position, 0)):
        end = _JSON_END.search(page, start.end())
        if end is None:
            return
        position = end.end()
        if end.start() - start.end() <= MAX_JSON:
            yield from _things(page[start.end() : end.start()])


def _things(text: str) -> Iterator[dict[str, Any]]:
    try:
        waiting: list[Any] = [json.loads(_CDATA.sub("", text), strict=False)]
    except (ValueError, RecursionError):
        return
    for _ in range(MAX_THINGS):
        if not waiting:
            return
        thing = waiting.pop(0)
        if isinstance(thing, list):
            waiting += thing
        elif isinstance(thing, dict):
            kinds = thing.get("@type")
            if any(str(kind).lower().endswith(ARTICLES) for kind in (kinds if isinstance(kinds, list) else [kinds])):
                yield thing
            waiting += [thing[name] for name in ("@graph", "mainEntity") if name in thing]


def _json_names(author: Any) -> Iterator[str]:
    """Of a person, a name, or a list of either."""
    for one in author if isinstance(author, list) else [author]:
        name = one.get("name") if isinstance(one, dict) else one
        if isinstance(name, str):
            yield html.unescape(name)
