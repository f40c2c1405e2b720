"""DOCX -> headings, paragraphs and tables, row by row; title, author and time are those of its properties.

Read by a walk of our own rather than python-docx, which unpacks every part of the file, however large it becomes.

Source  ECMA-376, part 1, 17: WordprocessingML; part 2, 11: core properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from stages.documents.reading import Read, UnreadableError, authors
from stages.documents.xml import Element, Grammar, line, local, names, parse, prose, within
from stages.documents.zipped import Zipped
from stages.text.normalization.structure import HEADINGS

MAIN, STYLES, PROPERTIES = "word/document.xml", "word/styles.xml", "docProps/core.xml"
GRAMMAR = Grammar(
    paragraphs=names("p tbl"),
    lines=names("br cr tr"),
    cells=names("tab tc/p"),
    # Deleted and moved text, codes of fields, what stands for a newer shape, and settings such as tab stops.
    skipped=names("del moveFrom instrText delText Fallback pPr rPr sectPr tblPr tblGrid trPr tcPr"),
    verbatim=names("t"),
)
PLAIN = Grammar(paragraphs=frozenset())
HEADING = re.compile(r"(?i)heading ([1-6])|title()")  # names of styles, which no language of Word translates


def read(body: bytes, *, max_members: int, max_unpacked_bytes: int, structure: bool = False) -> Read:
    """The document. Errors: UnreadableError."""
    package = Zipped(body, max_members=max_members, max_unpacked_bytes=max_unpacked_bytes)
    if MAIN not in package.names:
        raise UnreadableError("a zip file that is no DOCX")
    main = parse(package.read(MAIN))
    grammar = replace(GRAMMAR, part=partial(_part, _heading_styles(package))) if structure else GRAMMAR
    return Read(text=prose(main, grammar, structure=structure), charset="unicode", **_properties(package))


def _properties(package: Zipped) -> dict[str, str | None]:
    if PROPERTIES not in package.names:
        return {}
    root = parse(package.read(PROPERTIES))
    said = {name: line(next(within(root, name), None), PLAIN) for name in ("title", "creator", "created", "language")}
    author = authors((said["creator"] or "").split(";"))  # as Word parts them
    return {"title": said["title"], "author": author, "published": said["created"], "language": said["language"]}


def _heading_styles(package: Zipped) -> Mapping[str, str]:
    """Id of a style -> the heading that it is."""
    styles = within(parse(package.read(STYLES)), "style") if STYLES in package.names else ()
    found = ((style, HEADING.fullmatch(name)) for style in styles for name in _values(style, "name"))
    return {_value(style, "styleId"): HEADINGS[int(match[1] or 1) - 1] for style, match in found if match}


def _part(headings: Mapping[str, str], element: Element) -> str | None:
    name = local(element)
    if name == "p":
        styles = [headings.get(style) for style in _values(element, "pPr", "pStyle")]
        listed = next(within(element, "pPr", "numPr"), None) is not None
        return next(filter(None, styles), "item" if listed else None)
    return {"tr": "row", "tc": "cell"}.get(name)


def _values(element: Element, *path: str) -> Iterator[str]:
    for found in within(element, *path):
        yield _value(found, "val")


def _value(element: Element, name: str) -> str:
    """An attribute, whatever its namespace."""
    return next((str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
