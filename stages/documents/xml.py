"""XML -> prose: a tree without entities or network, walked once, and a grammar that says which elements break lines.

Sources libxml2 2.14: 256 elements deep and 10 MB in one text node are its limits with `huge_tree` off; attributes take
        linear time (200,000 in one tag: 0.07 s); what it was not told of, it does not load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from stages.documents.reading import UnreadableError
from stages.text.normalization.structure import CLOSE, HEADINGS, OPEN

NAMED = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
WHITE = re.compile(r"[ \t\r\n]+")
NO_MEMORY = 2  # XML_ERR_NO_MEMORY

Element = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Elements by local name, or as `parent/child`, and what they mean to the text."""

    paragraphs: frozenset[str]
    lines: frozenset[str] = frozenset()  # begin a line
    cells: frozenset[str] = frozenset()  # a space stands before them
    skipped: frozenset[str] = frozenset()
    verbatim: frozenset[str] = frozenset()  # white space counts
    part: Callable[[Element], str | None] | None = None  # which part of a structured text an element is

    def space(self, parent: str, name: str) -> str:
        """What parts an element from its surroundings."""
        if f"{parent}/{name}" in self.cells:
            return "\t"
        if name in self.paragraphs:
            return "\n\n"
        return "\n" if name in self.lines else "\t" if name in self.cells else ""


def names(listed: str) -> frozenset[str]:
    """The names in a text, which spaces part."""
    return frozenset(listed.split())


def parse_text(text: str) -> Element:
    """The root of what has been decoded, whatever charset it declares. Errors: UnreadableError."""
    return parse(text.encode("utf-8", "replace"), "utf-8")


def parse(body: bytes, charset: str | None = None) -> Element:
    """The root. Named characters of HTML are resolved, other entities left out. Errors: UnreadableError."""
    parser = etree.XMLParser(
        encoding=charset, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(NAMED.sub(_numbered, body), parser)
    except etree.XMLSyntaxError as error:
        if error.code == NO_MEMORY:
            raise MemoryError from None
        raise UnreadableError(f"not well-formed XML: {error.msg}") from None
    if root is None:
        raise UnreadableError("not well-formed XML: no element")
    return root


def _numbered(found: re.Match[bytes]) -> bytes:
    """A named character as a number, which needs no document type."""
    name = found.group(1).decode()
    characters = None if name in XML_NAMES else html5.get(f"{name};")
    return "".join(f"&#{ord(one)};" for one in characters).encode() if characters else found.group()


def local(element: Element) -> str:
    """Name of an element without its namespace; empty for an entity."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def within(element: Element, *names: str) -> Iterator[Element]:
    """Children of children ..., step by step along local names."""
    if not names:
        yield element
        return
    for child in element:
        if local(child) == names[0]:
            yield from within(child, *names[1:])


def line(element: Element | None, grammar: Grammar) -> str | None:
    """The text of an element on one line, None when it has none."""
    return (" ".join(prose(element, grammar).split()) or None) if element is not None else None


def headline(element: Element, section: str, above: int = 0) -> str:
    """The part that a heading is, by the number of sections it stands in."""
    depth = above + sum(1 for outer in element.iterancestors() if local(outer).startswith(section))
    return HEADINGS[min(max(depth, 1), len(HEADINGS)) - 1]


def prose(root: Element, grammar: Grammar, *, structure: bool = False) -> str:
    """The text below an element; its paragraphs are parted by blank lines. `structure`: its parts are marked."""
    parts: list[str] = []
    waiting: list[tuple[Element | str, bool]] = [(root, False)]  # what is still to come, last first
    while waiting:
        node, verbatim = waiting.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        parent, name = _parent(node), local(node)
        if not name or name in grammar.skipped or f"{parent}/{name}" in grammar.skipped:
            continue
        space, exact = grammar.space(parent, name), verbatim or name in grammar.verbatim
        part = grammar.part(node) if structure and grammar.part else None
        parts += [space, OPEN.get(part or "", ""), _spaced(node.text, exact)]
        if space == "\n\n":
            waiting.append((space, False))
        if part:
            waiting.append((CLOSE[part], False))
        for child in reversed(node):
            waiting += [(_spaced(child.tail, exact), False), (child, exact)]
    return "".join(parts)


def _parent(node: Element) -> str:
    parent = node.getparent()
    return "" if parent is None else local(parent)


def _spaced(text: str | None, exact: bool) -> str:
    return (text or "") if exact else WHITE.sub(" ", text or "")
