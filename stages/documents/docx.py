"""DOCX -> headings, paragraphs and tables, row by row; the title is that of its properties.

Read by a walk of our own rather than python-docx, which unpacks every part of the file, however large it becomes.

Source  ECMA-376, part 1, 17: WordprocessingML.
"""

from __future__ import annotations

from stages.documents.reading import Read, UnreadableError
from stages.documents.xml import Grammar, line, names, parse, prose, within
from stages.documents.zipped import Zipped

MAIN, PROPERTIES = "word/document.xml", "docProps/core.xml"
GRAMMAR = Grammar(
    paragraphs=names("p tbl"),
    lines=names("br cr tr"),
    cells=names("tab tc/p"),
    # Deleted and moved text, codes of fields, what stands for a newer shape, and settings such as tab stops.
    skipped=names("del moveFrom instrText delText Fallback pPr rPr sectPr tblPr tblGrid trPr tcPr"),
    verbatim=names("t"),
)
PLAIN = Grammar(paragraphs=frozenset())


def read(body: bytes, *, max_members: int, max_unpacked_bytes: int) -> Read:
    """The document. Errors: UnreadableError."""
    package = Zipped(body, max_members=max_members, max_unpacked_bytes=max_unpacked_bytes)
    if MAIN not in package.names:
        raise UnreadableError("a zip file that is no DOCX")
    return Read(text=prose(parse(package.read(MAIN)), GRAMMAR), title=_title(package))


def _title(package: Zipped) -> str | None:
    if PROPERTIES not in package.names:
        return None
    return line(next(within(parse(package.read(PROPERTIES)), "title"), None), PLAIN)
