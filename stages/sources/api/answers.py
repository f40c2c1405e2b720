"""The bytes of an answer -> a tree, within bounds; and what stands at a path of it.

JSON      at most MAX_DEPTH deep, no NaN; a path is written as stages/sources/settings/records.py says
XML       no entities of its own, no DTD loaded, no network, tags of at most MAX_TAG bytes; a path is an XPath
How many bytes an answer may have is the fetcher's (`max_bytes`).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from lxml import etree  # type: ignore[import-untyped]

from stages.sources.settings.records import Format

MAX_DEPTH = 100  # brackets open at once; real interfaces stay below 20
MAX_TAG = 1 << 16  # bytes of one XML tag: libxml2 takes quadratic time for very many attributes
STEP = re.compile(r"""\.?([^.\[\]"|]+)|\[(-?\d+|\*)\]|\["([^"]+)"\]""")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.S)  # takes an unfinished one too, hence linear time
_BRACKETS = re.compile(rb"[\[\]{}]")
_LONG_TAG = re.compile(rb"<[^<>]{%d}" % MAX_TAG)


class UnreadableAnswer(ValueError):
    """An answer is not what its format says; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed answer, or a part of one."""

    node: Any
    namespaces: Mapping[str, str] = field(default_factory=dict)

    def at(self, path: str) -> list[Any]:
        """What stands at `path`: JSON values (a list as its items), XML elements or texts; empty where nothing does."""
        if isinstance(self.node, etree._Element):
            found = xpath(path, tuple(sorted(self.namespaces.items())))(self.node)
            return found if isinstance(found, list) else [_number(found)]
        return next((values for one in steps(path) if (values := _walk(self.node, one))), [])

    def texts(self, path: str | None) -> list[str]:
        """The texts at `path`, without empty ones."""
        return [text for one in (() if path is None else self.at(path)) if (text := text_of(one))]

    def text(self, path: str | None) -> str | None:
        """The first text at `path`."""
        return next(iter(self.texts(path)), None)


def parsed(body: bytes, kind: Format, namespaces: Mapping[str, str]) -> Tree:
    """The tree of an answer. Errors: UnreadableAnswer with the reason."""
    if kind == "xml":
        return Tree(_xml(body), namespaces)
    return Tree(_json(body) if kind == "json" else None)


def _json(body: bytes) -> Any:
    depth = 0
    for bracket in _BRACKETS.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise UnreadableAnswer(f"JSON nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(body, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"not JSON: {_short(error)}") from None


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _xml(body: bytes) -> etree._Element:
    if _LONG_TAG.search(body):
        raise UnreadableAnswer(f"XML with a tag of more than {MAX_TAG} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableAnswer(f"not XML: {_short(error)}") from None
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise UnreadableAnswer("XML that declares entities")
    return root


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


@functools.cache
def steps(path: str) -> tuple[tuple[str | int, ...], ...]:
    """A path of JSON as its alternatives, each a tuple of keys, positions and `*`. Errors: ValueError."""
    return tuple(_steps(one.strip()) for one in path.split("|"))


def _steps(path: str) -> tuple[str | int, ...]:
    found: list[str | int] = []
    end = 0
    for step in STEP.finditer(path):
        if step.start() != end:
            break
        end = step.end()
        key, position, quoted = step.groups()
        found.append(int(position) if position and position != "*" else key or position or quoted)
    if end != len(path):
        raise ValueError(f"{path!r} is no path from {path[end:]!r} on")
    return tuple(found)


def _walk(node: Any, path: tuple[str | int, ...]) -> list[Any]:
    nodes = [node]
    for step in path:
        nodes = [below for one in nodes for below in _below(one, step)]
    items = [item for one in nodes for item in (one if isinstance(one, list) else [one])]
    return [one for one in items if one is not None]


def _below(node: Any, step: str | int) -> list[Any]:
    if step == "*":
        return node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    if isinstance(step, int):
        return node[step : step + 1 or None] if isinstance(node, list) else []
    return [node[step]] if isinstance(node, dict) and step in node else []


@functools.cache
def xpath(path: str, namespaces: tuple[tuple[str, str], ...]) -> etree.XPath:
    """A compiled XPath. Errors: ValueError."""
    try:
        return etree.XPath(path, namespaces=dict(namespaces), regexp=False, smart_strings=False)
    except etree.XPathSyntaxError as error:
        raise ValueError(f"{path!r} is no XPath: {error}") from None


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def text_of(value: Any) -> str:
    """A value as a text: of an element all its text, of a list or object its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, etree._Element):
        return "".join(value.itertext()).strip()
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def check_path(path: str, kind: Format, namespaces: Mapping[str, str]) -> None:
    """Errors: ValueError for a path that cannot be followed in an answer of this format."""
    if kind == "xml":
        xpath(path, tuple(sorted(namespaces.items())))
    elif kind == "json":
        steps(path)
