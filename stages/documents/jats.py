"""JATS articles -> title, abstract and the sections of the body, and who wrote it when; no references, figures, tables
or footnotes.

Source  https://jats.nlm.nih.gov/archiving/tag-library/1.3/
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from stages.documents.reading import Read, authors
from stages.documents.xml import Element, Grammar, headline, line, local, names, parse_text, prose, within
from stages.text.normalization.structure import marked

PARTS = {"preformat": "code_block", "disp-quote": "quote"}


def _part(element: Element) -> str | None:
    name, parent = local(element), element.getparent()
    if name == "list-item":
        return "numbered" if parent.get("list-type") == "order" else "item"
    if name == "title" and local(parent) in ("sec", "abstract", "trans-abstract"):
        return headline(element, "sec", above=1 if local(parent) == "sec" else 2)
    return PARTS.get(name)


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
    part=_part,
)
TEASERS = names("graphical toc teaser key-points web-summary")


def read(text: str, charset: str, *, structure: bool = False) -> Read:
    """The article. Errors: UnreadableError."""
    root = parse_text(text)
    title = line(next(within(root, "front", "article-meta", "title-group", "article-title"), None), GRAMMAR)
    parts = [*_abstracts(root), *within(root, "body")]
    head = marked("h1", title) if structure and title else title or ""
    text = "\n\n".join([head, *(prose(part, GRAMMAR, structure=structure) for part in parts)])
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang")
    said = {"author": authors(_people(root)), "published": _date(root), "language": language}
    return Read(text=text, title=title, charset=charset, **said)


def _people(root: Element) -> Iterator[str | None]:
    """Authors as they sign, given names first; a group by its name."""
    for contrib in within(root, "front", "article-meta", "contrib-group", "contrib"):
        if contrib.get("contrib-type", "author") != "author":
            continue
        for named in (one for one in contrib.iter() if local(one) in ("name", "string-name", "collab")):
            given, family = (line(next(within(named, part), None), GRAMMAR) for part in ("given-names", "surname"))
            yield " ".join(filter(None, (given, family))) or line(named, GRAMMAR)
            break


def _date(root: Element) -> str | None:
    """The day of publication, of several the first."""
    for date in within(root, "front", "article-meta", "pub-date"):
        if stated := date.get("iso-8601-date"):
            return str(stated)
        parts = [line(next(within(date, part), None), GRAMMAR) for part in ("year", "month", "day")]
        numbers = list(takewhile(lambda part: part is not None and part.isdigit(), parts))
        if numbers:
            return "-".join(f"{int(number):02}" for number in numbers if number)
    return None


def _abstracts(root: Element) -> list[Element]:
    """Abstracts in every language, those for tables of contents left out."""
    found = [each for kind in ("abstract", "trans-abstract") for each in within(root, "front", "article-meta", kind)]
    return [abstract for abstract in found if abstract.get("abstract-type") not in TEASERS]
