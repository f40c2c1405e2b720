"""The bytes of one file -> what it holds, a module per format; stages/sources/reading.py chooses among them.

A table's record maps a column (name, or position where there is no header) to its value: `bytes` where the file holds
bytes (csv, tsv, tab), a Python value where it holds values (JSON, Parquet, Arrow). A row that cannot be read is a
`Broken`, never an exception and never lost; blank lines are no rows. Memory is bounded by the longest row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

MAX_ROW = 32 << 20  # bytes of one row; longer ones are quarantined unread
KEY_DIGITS = 16  # hex digits of a content-defined row key

Record = dict[str | int, Any]


class UnreadableFile(ValueError):
    """A whole file, or the rest of it, is not what its format says."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be processed: the key that tells it from others in its file, and why."""

    key: str
    error: str


def content_key(body: bytes) -> str:
    """The key of a row without id: it depends on the row alone, so that an inserted row renames no other."""
    return hashlib.sha256(body).hexdigest()[:KEY_DIGITS]
