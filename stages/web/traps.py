"""Crawl traps: URLs that a site makes up without end. Judged before a URL is fetched, learned from what was.

    refusal   pure: the URL itself (length, segments, repetitions, session ids) and what `seen` has counted
    seen      one fetched URL and the digest of its body

The state is a function of the calls of `seen` in their order and of nothing else, so that a crawl that was interrupted
has it back by repeating them. It holds at most `memory` values; the patterns longest unheard of are forgotten first.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, fields
from urllib.parse import SplitResult, urlsplit
from zlib import crc32

SESSION = re.compile(
    r"[;/?&](?:jsessionid|phpsessid|aspsessionid\w{0,20}|sessionid|session_id|cfid|cftoken|zenid|oscsid)=[^&;/]"
    r"|/\((?:[a-z]\([0-9a-z]{20,40}\)){1,3}\)/",
    re.I,
)
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}([-/_.])(?:1[0-2]|0?[1-9])(?:\1(?:3[01]|[12]\d|0?[1-9]))?"
    r"|(?:19|20|21)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)"
)
_DATE_PARAMETER = re.compile(r"(?<=[?&])(year|month|day|date|week|yr|mo)=[^&]*", re.I)
_VARIABLE = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])|\d+", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapLimits:
    """When a URL is one of too many."""

    characters: int = 2083  # of a URL (Heritrix TooLong, Scrapy URLLENGTH_LIMIT)
    segments: int = 20  # of a path (Heritrix TooManyPathSegmentsDecideRule)
    repeats: int = 2  # times that a run of segments follows itself: /a/a/a (Heritrix PathologicalPathDecideRule)
    parameters: int = 12  # of a query; facets without end have more
    same_name: int = 3  # parameters of one name in a query
    values: int = 20_000  # of the one parameter of a path: a forum's topics, a wiki's titles
    queries: int = 2000  # of a path with two parameters or more: the product of what one can sort and choose by
    dates: int = 1000  # distinct dates of one path or query that differ in nothing else: days of three years
    twins: int = 20  # URLs of one pattern with one and the same body...
    twin_percent: int = 50  # ... while they are so many of a hundred of its URLs
    memory: int = 200_000  # values held: some 20 MB

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"`{field.name}` is {getattr(self, field.name)}, must be >= 1")


class Traps:
    """The traps of one site."""

    def __init__(self, limits: TrapLimits | None = None) -> None:
        self.limits = limits or TrapLimits()
        self._values: OrderedDict[str, set[int]] = OrderedDict()  # what was counted -> checksums of its distinct values
        self.held = 0  # values in memory
        self._stopped: OrderedDict[str, None] = OrderedDict()  # patterns that lead to one body

    def refusal(self, url: str) -> str | None:
        """Why a canonical URL is not worth a request; None = it may be."""
        return _shape_refusal(url, self.limits) or self._count_refusal(url)

    def seen(self, url: str, body_digest: str) -> None:
        """Learn from an answer."""
        parts = urlsplit(url)
        if parts.query:
            self._add(_query_key(parts), parts.query)
        if (dateless := without_dates(url)) != url:
            self._add(f"date {dateless}", url)
        pattern = pattern_of(url)
        self._add(f"pattern {pattern}", url)
        self._add(f"twins {body_digest} {pattern}", url)
        self._stop_twins(pattern, body_digest)

    def _count_refusal(self, url: str) -> str | None:
        parts = urlsplit(url)
        if pattern_of(url) in self._stopped:
            return "trap: one page under many URLs"
        most = self.limits.queries if "&" in parts.query else self.limits.values
        if parts.query and self._full(_query_key(parts), parts.query, most):
            return "trap: endless queries"
        dateless = without_dates(url)
        if dateless != url and self._full(f"date {dateless}", url, self.limits.dates):
            return "trap: endless calendar"
        return None

    def _full(self, key: str, value: str, most: int) -> bool:
        """Would `value` be one too many? What was counted already is not: a page may be asked for again."""
        values = self._values.get(key, ())
        return len(values) >= most and crc32(value.encode()) not in values

    def _stop_twins(self, pattern: str, digest: str) -> None:
        same = len(self._values.get(f"twins {digest} {pattern}", ()))
        urls = len(self._values.get(f"pattern {pattern}", ()))
        if same >= self.limits.twins and 100 * same >= self.limits.twin_percent * urls:
            self._stopped[pattern] = None
            if len(self._stopped) > self.limits.memory // 10:
                self._stopped.popitem(last=False)

    def _add(self, key: str, value: str) -> None:
        values = self._values.setdefault(key, set())
        self._values.move_to_end(key)
        before = len(values)
        values.add(crc32(value.encode()))
        self.held += len(values) - before
        while self.held > self.limits.memory:
            self.held -= len(self._values.popitem(last=False)[1])


def _query_key(parts: SplitResult) -> str:
    """What the queries of a path are counted under, those of one parameter apart."""
    return f"{'queries' if '&' in parts.query else 'values'} {parts.netloc}{parts.path}"


def _shape_refusal(url: str, limits: TrapLimits) -> str | None:
    """What the URL alone says."""
    if len(url) > limits.characters:
        return f"trap: URL longer than {limits.characters} characters"
    parts = urlsplit(url)
    segments = parts.path.split("/")[1:]
    if len(segments) > limits.segments:
        return f"trap: more than {limits.segments} path segments"
    if SESSION.search(url):
        return "trap: session id"
    names = [one.partition("=")[0] for one in parts.query.split("&")]
    if len(names) > limits.parameters or any(names.count(name) > limits.same_name for name in set(names)):
        return "trap: too many parameters"
    return "trap: repeated path segments" if repeats(segments) >= limits.repeats else None


def repeats(segments: list[str]) -> int:
    """The most times that a run of segments, of any length, follows itself at once; 0 where none does."""
    most = 0
    for size in range(1, len(segments) // 2 + 1):
        equal = 0  # segments that equal the one `size` before them, in a row
        for place in range(size, len(segments)):
            equal = equal + 1 if segments[place] and segments[place] == segments[place - size] else 0
            most = max(most, equal // size)
    return most


def without_dates(url: str) -> str:
    """The URL with each date, in path or query, written as `#`."""
    return _DATE.sub("#", _DATE_PARAMETER.sub(r"\1=#", url))


def pattern_of(url: str) -> str:
    """Host and path with each number and long hexadecimal word written as `#`, and the names of the parameters."""
    parts = urlsplit(url)
    names = sorted({one.partition("=")[0] for one in parts.query.split("&")})
    return f"{parts.netloc}{_VARIABLE.sub('#', parts.path)}?{'&'.join(names)}"
