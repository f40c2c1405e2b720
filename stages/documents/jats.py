"""JATS articles -> title, abstract and the sections of the body; no references, figures, tables or footnotes.

Source  https://jats.nlm.nih.gov/archiving/tag-library/1.3/
"""

from __future__ import annotations

from stages.documents.reading import Read
from stages.documents.xml import Element, Grammar, line, names, parse_text, prose, within

GRAMMAR = Grammar(
    paragraphs=names(
        "article-title subtitle title p sec abstract trans-abstract body disp-formula disp-quote list list-item "
        "def-list def-item boxed-text statement verse-group speech attrib preformat code"
    ),
    lines=names("break verse-line"),
    skipped=names(
        "ref-list fig fig-group table-wrap table-wrap-group fn fn-group supplementary-material graphic inline-graphic "
        "media object-id tex-math label journal-title-group permissions alternatives/textual-form"
    ),
    verbatim=names("preformat code"),
)
TEASERS = names("graphical toc teaser key-points web-summary")


def read(text: str, charset: str) -> Read:
    """The article. Errors: UnreadableError."""
    root = parse_text(text)
    title = line(next(within(root, "front", "article-meta", "title-group", "article-title"), None), GRAMMAR)
    parts = [*_abstracts(root), *within(root, "body")]
    text = "\n\n".join([title or "", *(prose(part, GRAMMAR) for part in parts)])
    return Read(text=text, title=title, charset=charset)


def _abstracts(root: Element) -> list[Element]:
    """Abstracts in every language, those for tables of contents left out."""
    found = [each for kind in ("abstract", "trans-abstract") for each in within(root, "front", "article-meta", kind)]
    return [abstract for abstract in found if abstract.get("abstract-type") not in TEASERS]
