"""One row of a source, and the URIs of the rows of one container; stages/sources/reading.py makes rows of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MAX_KEY = 256  # characters of an id


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document as its source gives it. `key` tells it from others of its file; None = the file is the document."""

    body: bytes
    key: str | None
    mime: str = "text/plain"
    charset: str | None = None
    content_language: str | None = None
    title: str | None = None
    author: str | None = None
    published_at: str | None = None
    given_label: str | None = None
    target_text: str | None = None
    second_text: str | None = None
    ratings: list[int] | None = None
    meta: str | None = None
    rights: Sequence[Mapping[str, str]] = ()  # as_rows() of stages/web/refusals.py


@dataclass(slots=True)
class RowNames:
    """Gives every row of one container a URI of its own: a repeated key gets `.2`, `.3`, in the order of the file."""

    container: str
    seen: dict[str, int] = field(default_factory=dict)

    def uri(self, key: str | None) -> str:
        """The URI of the next row with `key`."""
        if key is None:
            return self.container
        unique, count = key, self.seen.get(key, 0)
        while count and (unique := f"{key}.{count + 1}") in self.seen:
            count += 1
        self.seen[key] = count + 1
        if unique != key:
            self.seen[unique] = 1
        return f"{self.container}#{unique}"


def sha256_hex(body: bytes) -> str:
    """sha256 of bytes, in hex."""
    return hashlib.sha256(body).hexdigest()
