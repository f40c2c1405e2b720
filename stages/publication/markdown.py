"""Markdown: tables and words of the reports. What comes from the corpus cannot become markup."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"([\\`*_\[\]|])")


def escaped(value: Any) -> str:
    """A value as it is read, whatever signs it holds."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\1", text)


def cell(value: Any) -> str:
    """A value in a table: numbers with separators, nothing for null."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else escaped(value)


def table(rows: Sequence[Mapping[str, Any]], **columns: str) -> str:
    """Some columns of rows under their headings; numbers on the right. A sentence where there are no rows."""
    if not rows:
        return "None."
    right = {name for name in columns if {type(row[name]) for row in rows} - {type(None)} == {int}}
    lines = [
        "| " + " | ".join(columns.values()) + " |",
        "|" + "|".join("--:" if name in right else "---" for name in columns) + "|",
        *("| " + " | ".join(cell(row[name]) for name in columns) + " |" for row in rows),
    ]
    return "\n".join(lines)


def counted(count: int, thing: str) -> str:
    """`1 document`, `2,000 documents`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
