"""Told: an answer as a file of a labelling tool tells it, before anything of it is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer of a file; an empty text stands for what the file does not say."""

    place: str
    """Where it stands in the file, for people."""
    document: str
    text_digest: str
    guideline: str
    text: str
    about: str
    """The second text, where the task has one."""
    annotator: str
    created_at: str
    skipped: bool
    label: Any
    """As the tool writes it."""


def field(row: Mapping[str, Any], name: str) -> str:
    """A value as text, empty where it is not there."""
    value = row.get(name)
    return "" if value is None else str(value)


def told(row: Mapping[str, Any], place: str, label: Any, **more: Any) -> Told:
    """An answer from the fields that `gristmill label queue` wrote and the tool gave back."""
    return Told(
        place=place, document=field(row, "document"), text_digest=field(row, "text_digest"),
        guideline=field(row, "guideline"), text=field(row, "text"), about=field(row, "about"), label=label,
        **{"annotator": field(row, "annotator"), "created_at": "", "skipped": False, **more},
    )  # fmt: skip


def parsed(content: str, path: str) -> Any:
    """JSON whose texts can be stored. Errors: InputError naming the file."""
    try:
        found = json.loads(content)
        if "\\u" in content:
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}; export it again") from None
    return found
