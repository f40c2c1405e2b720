"""TEI texts -> title, abstract and the text; no header, page furniture, bibliography or superseded readings.

Source  https://tei-c.org/release/doc/tei-p5-doc/en/html/; GROBID writes articles so, with the abstract in the header.
"""

from __future__ import annotations

from collections.abc import Iterator

from stages.documents.reading import Read
from stages.documents.xml import Element, Grammar, line, local, names, parse_text, prose, within

GRAMMAR = Grammar(
    paragraphs=names(
        "head p ab div div1 div2 div3 front body back group text abstract lg sp speaker stage list item table quote "
        "cit opener closer salute signed dateline trailer titlePage docTitle docAuthor formula"
    ),
    lines=names("l lb row"),
    cells=names("cell"),
    skipped=names(
        "teiHeader listBibl fw figure note del facsimile standOff choice/sic choice/orig choice/abbr surplus"
    ),
)


def read(text: str, charset: str) -> Read:
    """The text, or all texts of a corpus. Errors: UnreadableError."""
    root = parse_text(text)
    texts = list(_texts(root))
    title = line(next(within(root, "teiHeader", "fileDesc", "titleStmt", "title"), None), GRAMMAR)
    abstracts = [found for text in texts for found in within(text, "teiHeader", "profileDesc", "abstract")]
    bodies = [found for text in texts for found in within(text, "text")]
    return Read(
        text="\n\n".join([title or "", *(prose(part, GRAMMAR) for part in (*abstracts, *bodies))]),
        title=title,
        charset=charset,
    )


def _texts(root: Element) -> Iterator[Element]:
    """A text, or those of a corpus, which may hold corpora."""
    yield root
    for child in root:
        if local(child) in ("TEI", "teiCorpus"):
            yield from _texts(child)
