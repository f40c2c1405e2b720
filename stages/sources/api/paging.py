"""One answer of a list -> the URL of the next, the end of the list, or why there is no way on.

Pure: of the settings, the URL asked for, the answer's tree and headers. A next URL stays on the origin of `base`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from stages.sources.api.answers import Tree, text_of
from stages.sources.settings.api import ApiSource
from stages.web.credentials import origin_of, public_url

LINK = re.compile(r"<([^<>\s]*)>((?:\s*;\s*[\w!#$&*+.^`|~-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]*))*)")
REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]*))", re.I)


class NoWayOn(Exception):
    """The list goes on, and cannot be followed; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer of a list, and the number of records (or keys) in it."""

    url: str
    tree: Tree
    headers: Mapping[str, str]
    number: int


def first_url(source: ApiSource, since: str | None) -> str:
    """The URL that opens a list; `since` continues one that was read to its end."""
    paging = source.paging
    params = source.parameters(source.params)
    if paging.kind in ("page", "offset") and paging.param:
        params[paging.param] = str(paging.start)
    if paging.kind == "cursor" and paging.param and paging.first is not None:
        params[paging.param] = paging.first
    if source.since and since:
        params[source.since.param] = source.since.write.replace("{since}", since[: source.since.cut])
    return with_params(source.filled(source.base) + source.filled(source.path), params)


def item_urls(source: ApiSource, keys: list[str]) -> list[str]:
    """The URLs of the items with these keys, a batch each."""
    items = source.items
    assert items is not None
    packs = ([",".join(keys[start : start + items.batch])] for start in range(0, len(keys), items.batch))
    return [
        with_params(
            source.filled(source.base) + source.filled(items.url, key=pack), source.parameters(items.params, key=pack)
        )
        for (pack,) in packs
    ]


def with_params(url: str, params: Mapping[str, str]) -> str:
    """A URL with these parameters in place of its own of the same names."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in params]
    query = urlencode([*kept, *params.items()], quote_via=quote, safe="*:,/")
    return urlunsplit(parts._replace(query=query))


def next_url(source: ApiSource, page: Page) -> str | None:
    """The URL of the next answer; None at the end of the list. Errors: NoWayOn."""
    paging, tree = source.paging, page.tree
    if paging.kind == "none" or (paging.more and not _is_true(tree, paging.more)):
        return None
    if paging.size is not None and page.number < paging.size:
        return None
    if paging.kind in ("page", "offset"):
        return _counted(source, page)
    if paging.until_empty and page.number == 0:
        return None
    if paging.kind == "link":
        return checked(source, linked(page.headers.get("link", "")), page.url)
    found = tree.at(paging.path or "")
    if paging.kind == "merge":
        merged = found[0] if found and isinstance(found[0], dict) else {}
        return _merged(source, page.url, {str(name): text_of(value) for name, value in merged.items()})
    value = text_of(found[0]).strip() if found else ""
    if paging.kind == "url" or not value:
        return checked(source, value, page.url)
    return _with_cursor(source, page.url, value)


def _is_true(tree: Tree, path: str) -> bool:
    return any(value not in (False, None, 0, "", "false", "0") for value in tree.at(path))


def _counted(source: ApiSource, page: Page) -> str | None:
    """The next page by number. An empty page before the stated total is a failure of the interface, not the end."""
    paging = source.paging
    assert paging.param is not None
    here = int(dict(parse_qsl(urlsplit(page.url).query)).get(paging.param, paging.start))
    total = int(number) if (number := page.tree.text(paging.total) or "").isdigit() else None
    begins = here - paging.start if paging.kind == "offset" else None
    if page.number == 0:
        if total is not None and begins is not None and begins < total:
            raise NoWayOn(f"an empty page at record {begins} of {total}")
        return None
    ends = None if begins is None else begins + (page.number if paging.step == 1 else paging.step)
    if total is not None and ends is not None and ends >= total:
        return None
    step = page.number if paging.kind == "offset" and paging.step == 1 else paging.step
    return with_params(page.url, {paging.param: str(here + step)})


def _with_cursor(source: ApiSource, url: str, value: str) -> str:
    paging = source.paging
    assert paging.param is not None
    if paging.keep is None:
        return with_params(url, {paging.param: value})
    params = source.parameters({name: text for name, text in source.params.items() if name in paging.keep})
    return with_params(source.filled(source.base) + source.filled(source.path), params | {paging.param: value})


def _merged(source: ApiSource, url: str, values: Mapping[str, str]) -> str | None:
    """The URL that opened the list with `values`, but none of those merged into it before."""
    if not values:
        return None
    own = source.params.keys() | ({source.since.param} if source.since else set())
    parts = urlsplit(url)
    kept = {name: value for name, value in parse_qsl(parts.query, keep_blank_values=True) if name in own}
    return with_params(urlunsplit(parts._replace(query="")), {**kept, **values})


def linked(header: str) -> str:
    """The target of `rel=next` in a Link header; empty where there is none."""
    for target, attributes in LINK.findall(header):
        rel = REL.search(attributes)
        if rel and "next" in (rel[1] or rel[2] or "").lower().split():
            return str(target)
    return ""


def checked(source: ApiSource, target: str, page: str) -> str | None:
    """A URL that the interface gave, absolute and on its own origin. Errors: NoWayOn."""
    if not target:
        return None
    try:
        url = public_url(urljoin(page, target))
        home = origin_of(source.filled(source.base))
    except ValueError:
        raise NoWayOn("the next page is no URL") from None
    if origin_of(url) != home:
        raise NoWayOn(f"the next page is on another origin, {origin_of(url)}")
    return url
