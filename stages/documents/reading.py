"""What every reader of a format returns, and how it says that it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_AUTHOR = 200  # characters
_BY = re.compile(r"(?:written )?by[ :]\s{0,8}", re.I)
_ADDRESS = re.compile(r"https?:|www\.|[@/#]", re.I)  # an account or a link is no name


class UnreadableError(Exception):
    """A capture that cannot become text; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The text of a document, not yet in normal form: paragraphs are parted by blank lines."""

    text: str
    title: str | None = None
    author: str | None = None
    published: str | None = None  # as the document writes it
    canonical: str | None = None  # URL by which it wants to be known
    language: str | None = None  # RFC 5646 tag, as the document says
    charset: str = "unicode"  # as the file names it; `unicode` where the format leaves no choice


def authors(given: Iterable[str | None]) -> str | None:
    """Names, each once, parted by commas; what is an address is left out."""
    names = (_BY.sub("", " ".join((one or "").split()), count=1) for one in given)
    once = {name.casefold(): name for name in reversed([*names]) if name and not _ADDRESS.search(name)}
    found = ", ".join(reversed(once.values()))
    return found if 0 < len(found) <= MAX_AUTHOR else None
