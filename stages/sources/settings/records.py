"""Where the answer of an interface holds its records, and each record its columns; for the source kind `api`.

A path of JSON is `message.items`, `authors[*].name`, `[-1].id`, `["odd.key"]`, with `|` between alternatives, of which
the first that finds something counts; a path of XML is an XPath. A column is a path, or a mapping with `path` and how
its value is made (`match`, `transform`, `join`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["json", "xml", "page"]
Transform = Literal["inverted_index", "base64", "lower", "plain", "markup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A value of a record.

    `match`      regular expression; its first group, or all it found, is the value
    `transform`  inverted_index: word -> positions becomes a text (OpenAlex); base64: decoded; lower: in lower case;
                 plain: the text of markup, without its tags; markup: the element itself, as XML
    `join`       stands between several values; None takes the first
    """

    path: str
    match: str | None = None
    transform: Transform | None = None
    join: str | None = "; "

    def __post_init__(self) -> None:
        try:
            re.compile(self.match or "")
        except re.error as error:
            raise ValueError(f"`match` is no regular expression: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A record whose value at `path` is one of `values` says that its document is deleted."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """How an answer becomes documents.

    `format`      json, xml, or page: the whole answer is one document, and its URL its URI
    `path`        the list of records; by default the answer itself (a list, or one record)
    `namespaces`  prefix -> URI, for the XPaths
    `uri`         the document's address; `{id}` stands for the column `id`
    `media_type`  of the texts
    `licence`     of a record, in place of that of the source
    `meta`        name -> column, kept as JSON
    `rights`      kind of signal -> column: what a record says of its use (stages/web/refusals.py says what refuses)
    """

    text: Column | str = ""
    id: Column | str = ""
    format: Format = "json"
    path: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)
    uri: str = "{id}"
    media_type: str = "text/plain"
    title: Column | str | None = None
    author: Column | str | None = None
    published_at: Column | str | None = None
    licence: Column | str | None = None
    label: Column | str | None = None
    meta: dict[str, Column | str] = field(default_factory=dict)
    rights: dict[str, Column | str] = field(default_factory=dict)
    gone: Gone | None = None

    def __post_init__(self) -> None:
        missing = [name for name in ("text", "id") if self.format != "page" and not getattr(self, name)]
        if missing:
            raise ValueError(f"`{missing[0]}` is missing: where does a record hold its {missing[0]}?")
        if self.format == "xml" and not self.path:
            raise ValueError("`path` is missing: the XPath of the records")

    def paths(self) -> list[str]:
        """Every path of a record, and that of the list."""
        columns = (self.text, self.id, self.title, self.author, self.published_at, self.licence, self.label)
        found = [self.path, self.gone.path if self.gone else ""]
        more = (*self.meta.values(), *self.rights.values())
        found += [one.path if isinstance(one, Column) else one or "" for one in (*columns, *more)]
        return [path for path in found if path]
