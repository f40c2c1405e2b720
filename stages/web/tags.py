"""Start tags of a page with their attributes, found by a tokenizer in time linear in the page.

Not a parser, for the reason that stands in stages/web/links.py: pages that nobody has vetted can hang one. Comments and
the contents of script, style, template and textarea hold no tags.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import lru_cache

_ATTRIBUTE = re.compile(r"""([a-z:_-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)
RAW = frozenset(("script", "style", "template", "textarea"))
_ENDS = {name: re.compile(f"</{name}", re.I) for name in RAW}
_COMMENT_END = re.compile("-->")
MAX_ATTRIBUTES = 64  # of one tag


@lru_cache(16)
def _starts(names: tuple[str, ...]) -> re.Pattern[str]:
    """What may begin one of the elements, a comment or raw text."""
    return re.compile(rf"<(?:!--|({'|'.join(sorted({*names, *RAW}))})(?![a-z0-9:-])([^<>]{{0,4000}}))", re.I)


def tags(page: str, names: tuple[str, ...], holding: tuple[str, ...] = ("",)) -> Iterator[tuple[str, dict[str, str]]]:
    """(name, attributes) of each element of one of `names`; names in lower case, of equal ones the first counts.

    Tags in which none of the lower-case texts `holding` stands are left out, before they are taken apart.
    """
    starts, position = _starts(names), 0
    while start := starts.search(page, position):
        position = start.end()
        name = (start[1] or "").lower()
        if name in names and _holds(start[0].lower(), holding):
            yield name, _attributes(start[2])
        if not name or name in RAW:
            end = (_ENDS[name] if name else _COMMENT_END).search(page, position)
            if end is None:
                return
            position = end.end()


def _holds(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - three times as fast as any()
        if word in text:
            return True
    return False


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, one in enumerate(_ATTRIBUTE.finditer(text)):
        if number >= MAX_ATTRIBUTES:
            break
        found.setdefault(one[1].lower(), html.unescape(one[2] or one[3] or one[4] or "").strip())
    return found
