"""Wikitext -> its text: templates, references, tables, files and categories go; links and headings keep their words."""

from __future__ import annotations

import re

from stages.documents.reading import Read, UnreadableError
from stages.text.structure import HEADINGS, marked

DROPPED_TAGS = frozenset(
    {"ref", "references", "gallery", "math", "timeline", "imagemap", "syntaxhighlight", "source", "score", "table"}
)
NAMESPACED = re.compile(r"\s{0,8}:?\s{0,8}[^\W\d_][\w -]{1,40}:\S")  # File:, Datei:, Category:, de: ...
MAX_OPEN = 20_000  # openings of links and templates, whose nesting the parser tries
SPACES = re.compile(r"[ \t]{1,64}\n")
BLANKS = re.compile(r"\n{3,}")


def read(text: str, charset: str, *, structure: bool = False) -> Read:
    """The text. Errors: UnreadableError for more markup than an article has."""
    import mwparserfromhell

    if text.count("{{") + text.count("[[") + text.count("{|") > MAX_OPEN:
        raise UnreadableError(f"more than {MAX_OPEN} links and templates")
    code = mwparserfromhell.parse(text, skip_style_tags=False)
    for tag in code.filter_tags(recursive=True):
        if str(tag.tag).strip().lower() in DROPPED_TAGS:
            _drop(code, tag)
    for link in code.filter_wikilinks(recursive=True):
        if NAMESPACED.match(str(link.title)):
            _drop(code, link)
    for heading in code.filter_headings() if structure else ():
        code.replace(heading, f"\n\n{marked(HEADINGS[heading.level - 1], str(heading.title).strip())}\n\n")
    plain = code.strip_code(normalize=True, collapse=False)
    return Read(text=BLANKS.sub("\n\n", SPACES.sub("\n", plain)).strip(), charset=charset)


def _drop(code: object, node: object) -> None:
    """Take a node out, if it is not gone with the one it stood in."""
    try:
        code.remove(node)  # type: ignore[attr-defined]
    except ValueError:
        return
