"""What an archive holds, whatever its format: members that can be read, refused ones, and which paths may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Member:
    """One readable file: its path (with `!` for nesting), its stream, valid until the next member is asked for, and
    the glob that asked for it."""

    path: str
    stream: BinaryIO
    glob: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that is not read, and why."""

    path: str
    reason: str


def path_refusal(path: str) -> str | None:
    """Why a path is not that of a member inside the archive."""
    if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    if ".." in re.split(r"[/\\]", path):
        return "a path with `..`"
    if "\0" in path or len(path) > 4096:
        return "an impossible path"
    return None
