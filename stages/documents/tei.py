"""TEI texts -> title, abstract and the text; no header, page furniture, bibliography or superseded readings.

Source  https://tei-c.org/release/doc/tei-p5-doc/en/html/; GROBID writes articles so, with the abstract in the header.
"""

from __future__ import annotations

from collections.abc import Iterator

from stages.documents.reading import Read, authors
from stages.documents.xml import Element, Grammar, headline, line, local, names, parse_text, prose, within
from stages.text.normalization.structure import marked

AUTHORS = (("fileDesc", "titleStmt", "author"), ("fileDesc", "sourceDesc", "biblStruct", "analytic", "author"))
DATES = (
    ("fileDesc", "publicationStmt", "date"), ("fileDesc", "sourceDesc", "biblStruct", "monogr", "imprint", "date"),
)  # fmt: skip
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
NUMBERED = ("numbered", "ordered", "gloss-numbered")


def _part(element: Element) -> str | None:
    name, parent = local(element), element.getparent()
    if name == "item":
        return "numbered" if (parent.get("rend") or parent.get("type")) in NUMBERED else "item"
    if name == "head" and local(parent).startswith("div"):
        return headline(element, "div", above=1)
    return name if name in ("row", "cell") else None


GRAMMAR = Grammar(
    paragraphs=names(
        "head p ab div div1 div2 div3 front body back group text abstract lg sp speaker stage list item table quote "
        "cit opener closer salute signed dateline trailer titlePage docTitle docAuthor formula"
    ),
    lines=names("l lb row"),
    cells=names("cell"),
    part=_part,
    skipped=names(
        "teiHeader listBibl fw figure note del facsimile standOff choice/sic choice/orig choice/abbr surplus"
    ),
)


def read(text: str, charset: str, *, structure: bool = False) -> Read:
    """The text, or all texts of a corpus. Errors: UnreadableError."""
    root = parse_text(text)
    texts = list(_texts(root))
    title = line(next(within(root, "teiHeader", "fileDesc", "titleStmt", "title"), None), GRAMMAR)
    abstracts = [found for text in texts for found in within(text, "teiHeader", "profileDesc", "abstract")]
    bodies = [found for text in texts for found in within(text, "text")]
    head = marked("h1", title) if structure and title else title or ""
    parts = (prose(part, GRAMMAR, structure=structure) for part in (*abstracts, *bodies))
    language = next(
        (one.get("ident") for one in within(root, "teiHeader", "profileDesc", "langUsage", "language")), None
    )
    said = {"author": authors(_people(root)), "published": _date(root), "language": language or root.get(LANGUAGE)}
    return Read(text="\n\n".join([head, *parts]), title=title, charset=charset, **said)


def _people(root: Element) -> Iterator[str | None]:
    """Authors of the text; GROBID names them where it describes the source."""
    for path in AUTHORS:
        for found in within(root, "teiHeader", *path):
            person = next(within(found, "persName"), found)
            names = [line(name, GRAMMAR) for name in person if local(name) in ("forename", "surname")]
            yield " ".join(filter(None, names)) or line(person, GRAMMAR)


def _date(root: Element) -> str | None:
    dates = (date for path in DATES for date in within(root, "teiHeader", *path))
    return next(filter(None, (date.get("when") or line(date, GRAMMAR) for date in dates)), None)


def _texts(root: Element) -> Iterator[Element]:
    """A text, or those of a corpus, which may hold corpora."""
    yield root
    for child in root:
        if local(child) in ("TEI", "teiCorpus"):
            yield from _texts(child)
