"""Wikitext -> its text: templates, references, tables, files and categories go; links and headings keep their words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from stages.documents.reading import Read, UnreadableError
from stages.text.normalization.structure import HEADINGS, marked

if TYPE_CHECKING:
    from mwparserfromhell.nodes import Node
    from mwparserfromhell.wikicode import Wikicode

DROPPED_TAGS = frozenset(
    {"ref", "references", "gallery", "math", "timeline", "imagemap", "syntaxhighlight", "source", "score", "table"}
)
NAMESPACED = re.compile(r"\s{0,8}:?\s{0,8}[^\W\d_][\w -]{1,40}:\S")  # File:, Datei:, Category:, de: ...
MAX_OPEN = 20_000  # openings of links and templates, whose nesting the parser tries
SINGLE = frozenset({"br", "wbr", "hr", "meta", "link", "img", "li", "dt", "dd", "th", "td", "tr"})  # need no end
SURPLUS = 100  # openings of a tag that are tried, though nothing ends them
TAG = re.compile(r"<(\s{0,8}/\s{0,8})?([A-Za-z][A-Za-z0-9]*)(?:[^<>]{0,4096}(>))?")
SPACES = re.compile(r"[ \t]{1,64}\n")
BLANKS = re.compile(r"\n{3,}")


def read(text: str, charset: str, *, structure: bool = False) -> Read:
    """The text. Errors: UnreadableError for more markup than an article has."""
    import mwparserfromhell

    if text.count("{{") + text.count("[[") + text.count("{|") > MAX_OPEN:
        raise UnreadableError(f"more than {MAX_OPEN} links and templates")
    code = mwparserfromhell.parse(without_open_ends(text), skip_style_tags=False)
    _drop(code)
    for heading in code.filter_headings() if structure else ():
        code.replace(heading, f"\n\n{marked(HEADINGS[heading.level - 1], str(heading.title).strip())}\n\n")
    plain = code.strip_code(normalize=True, collapse=False)
    return Read(text=BLANKS.sub("\n\n", SPACES.sub("\n", plain)).strip(), charset=charset)


def without_open_ends(text: str) -> str:
    """The same page, with `&lt;` for the `<` of a tag that nothing ends.

    The parser reads from each of them to the end of the page before it takes it for text: 11 seconds for 64 KB of
    `<p>`. Of a tag with SURPLUS openings too many, those that are not ended one by one are no tags either.
    """
    tags = list(TAG.finditer(text))
    surplus: Counter[str] = Counter()
    for found in tags:
        surplus[found[2].lower()] += -1 if found[1] else 1
    ended: Counter[str] = Counter()
    pieces: list[str] = []
    end = len(text)
    for found in reversed(tags):
        closing, name = found[1], found[2].lower()
        if closing:
            ended[name] += 1
            continue
        single = name in SINGLE or found[0].endswith("/>")
        whole = bool(found[3]) if single else ended[name] > 0
        if whole and not single and surplus[name] > SURPLUS:
            ended[name] -= 1
        if not whole:
            pieces += [text[found.start() + 1 : end], "&lt;"]
            end = found.start()
    return "".join(reversed([*pieces, text[:end]]))


def _drop(code: Wikicode) -> None:
    """Take out the nodes without text of an article, in one pass: `code.remove` searches the page for each."""
    inside = [code]
    while inside:
        part = inside.pop()
        part.nodes = [node for node in part.nodes if not _dropped(node)]
        inside += [child for node in part.nodes for child in node.__children__()]


def _dropped(node: Node) -> bool:
    from mwparserfromhell.nodes import Tag, Wikilink

    if isinstance(node, Tag):
        return str(node.tag).strip().lower() in DROPPED_TAGS
    return isinstance(node, Wikilink) and NAMESPACED.match(str(node.title)) is not None
