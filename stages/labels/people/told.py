"""Told: an answer as a file of a labelling tool tells it, before anything of it is believed.

`value_of` turns the ways in which tools write a label into the one value of `label/annotations`, or says what is wrong.
Offsets of spans are characters there (code points, as in Python). Tools that run in a browser have also written UTF-16
code units, which differ behind an emoji, and some count what looks like one character: so every span is held to the
text that came with it. One that came without text is believed only where all ways to count agree.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.errors import InputError


class Misfit(ValueError):
    """Why an answer cannot be taken in."""


class Unanswered(ValueError):
    """The row asks and nobody answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer of a file; an empty text stands for what the file does not say."""

    place: str
    """Where it stands in the file, for people."""
    document: str
    text_digest: str
    guideline: str
    text: str
    annotator: str
    created_at: str
    skipped: bool
    label: Any
    """As the tool writes it."""


def field(row: Mapping[str, Any], name: str) -> str:
    """A value as text, empty where it is not there."""
    value = row.get(name)
    return "" if value is None else str(value)


def value_of(kind: str, labels: Sequence[str], label: Any, text: str) -> Any:
    """The value of an answer to a task of a kind. Errors: Misfit, Unanswered."""
    if isinstance(label, Mapping):
        label = label.get("choices", label.get("text", label))
    if isinstance(label, str) and label.startswith("[") and kind == "spans":
        label = _decoded(label)
    if label is None or label == "":
        raise Unanswered
    if kind == "spans":
        return _spans(label, labels, text)
    said = [label] if isinstance(label, str) else label
    if not isinstance(said, list) or not all(isinstance(item, str) for item in said):
        raise Misfit(f"its label is not one of a task of kind {kind}")
    if len(said) != 1:
        raise Misfit(f"it has {len(said)} labels, and the task takes one") if said else Unanswered
    if kind == "classification" and said[0] not in labels:
        raise Misfit(f"the label {said[0]!r} is not in the task's {list(labels)}")
    return said[0]


def _decoded(label: str) -> Any:
    try:
        return json.loads(label)
    except ValueError:
        raise Misfit("its spans are not JSON") from None


def _spans(label: Any, labels: Sequence[str], text: str) -> list[list[int | str]]:
    if not isinstance(label, list):
        raise Misfit("its label is no list of spans")
    return sorted([_span(item, labels, text) for item in label], key=lambda span: (span[0], span[1], str(span[2])))


def _span(item: Any, labels: Sequence[str], text: str) -> list[int | str]:
    """One span: {start, end, text, labels} as Label Studio writes it, or [start, stop, label] as doccano does."""
    if isinstance(item, list) and len(item) == 3:
        item = {"start": item[0], "end": item[1], "labels": [item[2]]}
    try:
        start, stop, (label,) = item["start"], item["end"], item["labels"]
    except (KeyError, TypeError, ValueError):
        raise Misfit(f"a span has no start, end and one label: {json.dumps(item, ensure_ascii=False)}") from None
    if label not in labels:
        raise Misfit(f"the label {label!r} is not in the task's {list(labels)}")
    if type(start) is not int or type(stop) is not int or not 0 <= start < stop:
        raise Misfit(f"the span {start}-{stop} is none")
    return [*_offsets(start, stop, item.get("text"), text), label]


def _offsets(start: int, stop: int, said: str | None, text: str) -> tuple[int, int]:
    """The offsets of a span in characters, held to the text that came with it."""
    if said is None:
        if stop > len(text):
            raise Misfit(f"the span {start}-{stop} ends behind its text of {len(text)} characters")
        if not all(_counts_once(character) for character in text[:stop]):
            raise Misfit(f"the span {start}-{stop} came without its text, and before it tools count in different ways")
        return start, stop
    if text[start:stop] == said:
        return start, stop
    units = text.encode("utf-16-le")
    before, within = units[: 2 * start], units[2 * start : 2 * stop]
    if within == said.encode("utf-16-le"):
        first = len(before.decode("utf-16-le", "replace"))
        return first, first + len(said)
    raise Misfit(f"at {start}-{stop} stands {text[start:stop]!r}, and the answer says {said!r}")


def _counts_once(character: str) -> bool:
    """Is it one UTF-16 unit, and never a part of a longer visible character?"""
    joins = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf") or character == "\r"
    return ord(character) < 0x10000 and not joins


def told(row: Mapping[str, Any], place: str, label: Any, **more: Any) -> Told:
    """An answer from the fields that `gristmill label queue` wrote and the tool gave back."""
    return Told(
        place=place, document=field(row, "document"), text_digest=field(row, "text_digest"),
        guideline=field(row, "guideline"), text=field(row, "text"), label=label,
        **{"annotator": field(row, "annotator"), "created_at": "", "skipped": False, **more},
    )  # fmt: skip


def parsed(content: str, path: str) -> Any:
    """JSON. Errors: InputError naming the file."""
    try:
        return json.loads(content)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}; export it again") from None
