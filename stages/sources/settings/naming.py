"""How a source is named."""

from __future__ import annotations

import re

SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_name(name: str) -> None:
    """Errors: ValueError for a name that cannot stand in a file name and a URI."""
    if not SOURCE_NAME.fullmatch(name):
        raise ValueError(f"`name` is {name!r}, must be lower-case letters, digits, `-` and `_`")
