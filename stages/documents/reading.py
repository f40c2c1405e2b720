"""What every reader of a format returns, and how it says that it cannot."""

from __future__ import annotations

from dataclasses import dataclass


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
