"""Which URLs a crawl may ask for: below one of its places, matched by an include glob if there are any, and by no
exclude glob. Pure functions of canonical URLs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stages.web.urls import in_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The places (canonical URLs that end with `/`) and the globs over whole URLs; `*` is any text, `/` too."""

    bases: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def holds(self, url: str) -> bool:
        """May a canonical URL be asked for?"""
        if not any(in_scope(url, base) for base in self.bases):
            return False
        return (not self.include or matches(url, self.include)) and not matches(url, self.exclude)


def matches(url: str, globs: Iterable[str]) -> bool:
    """Does a glob match the whole of a URL?"""
    return any(_matches(url, glob.split("*")) for glob in globs)


def _matches(url: str, parts: list[str]) -> bool:
    """Do the literal parts stand in the URL in order, the first at its start, the last at its end? Never backtracks."""
    first, *inner = parts
    if not inner:
        return url == first
    last = inner.pop()
    if not (url.startswith(first) and url.endswith(last) and len(url) >= len(first) + len(last)):
        return False
    at = len(first)
    for part in inner:
        found = url.find(part, at, len(url) - len(last))
        if found < 0:
            return False
        at = found + len(part)
    return True
