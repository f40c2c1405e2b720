"""How the files of a source are read: format, columns, labels, rewriting."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, fields
from typing import Literal

Format = Literal[
    "text", "html", "markdown", "latex", "xml", "pdf", "epub", "docx",
    "lines", "jsonl", "json", "csv", "tsv", "tab", "parquet", "arrow", "stackexchange", "mediawiki", "mbox",
]  # fmt: skip
Name = str | int
TABLES = ("jsonl", "json", "csv", "tsv", "tab", "parquet", "arrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a table holds what; a name, or a position from 0 where the file has no header.

    In a table that nests, dots lead inwards (`data.body`), where no column has the whole name.
    """

    text: Name
    id: Name | None = None
    title: Name | None = None
    author: Name | None = None
    published_at: Name | None = None
    label: Name | None = None
    target_text: Name | None = None
    second_text: Name | None = None
    meta: tuple[Name, ...] = ()

    def used(self) -> tuple[Name, ...]:
        """Every column to read, each once, in the order of the fields."""
        single = [getattr(self, field.name) for field in fields(self) if field.name != "meta"]
        return tuple(dict.fromkeys([name for name in single if name is not None] + list(self.meta)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """A second member that holds one list of whole numbers per row, joined by id.

    `member` is (part of the text member's path, what to write instead); `id` and `values` are positions from 0.
    """

    member: tuple[str, str]
    id: int = 0
    values: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files that match a pattern become captures.

    `match`    glob over the path inside the archive or folder: `*` stays in a folder, `**` does not; `!` enters
               an archive inside the archive
    `format`   by default decided by the file name
    `header`   the first row of csv and tsv holds the column names
    `quoting`  csv and tsv: cells may be quoted with "
    `encoding` declared charset; by default undeclared, and decided by `clean`
    `media_type` of the texts in a table (by default `text/plain`), or of a file that is one document
    `label`    given label of every row
    `absent`   texts that say that the text was taken away (Reddit: `[deleted]`, `[removed]`); such rows are quarantined
    `namespaces`  of the pages of a MediaWiki dump, by number; 0 is that of the articles
    `replace`  (regular expression, replacement) applied to every text, compiled once
    """

    match: str = "**"
    format: Format | None = None
    columns: Columns | None = None
    header: bool = True
    quoting: bool = True
    encoding: str | None = None
    media_type: str | None = None
    label: str | None = None
    replace: tuple[str, str] | None = None
    ratings: Ratings | None = None
    absent: tuple[str, ...] = ()
    namespaces: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if self.format in TABLES and self.columns is None:
            raise ValueError(f"`columns` is missing: a {self.format} file needs at least `columns: {{text: NAME}}`")
        if self.replace:
            _check_pattern(self.replace)
        if self.encoding:
            _check_encoding(self.encoding)
        if self.ratings and (self.columns is None or self.columns.id is None):
            raise ValueError("`ratings` are joined by id, so `columns` needs `id`")


def _check_pattern(replace: tuple[str, str]) -> None:
    try:
        re.sub(replace[0], replace[1], "")
    except (re.error, IndexError) as error:
        raise ValueError(f"`replace` is not a regular expression and a replacement: {error}") from None


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"`encoding` is {encoding!r}, which Python does not know") from None
