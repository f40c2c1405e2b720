"""What a document says of itself: title, author, date and language, in every format that has a place for them."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest

from stages.documents import jats, pdf, tei
from tests.stages.documents import files
from tests.stages.documents.test_documents import DOCX
from tests.stages.web.test_extract import run


def word() -> bytes:
    """A document whose properties name its authors."""
    from docx import Document

    document, held = Document(), io.BytesIO()
    properties = document.core_properties
    properties.title, properties.author, properties.language = "Mills", "Ann Miller; Bo Stone", "de-AT"
    properties.created = datetime.datetime(2024, 5, 1, 8, 0, 0)
    document.save(held)
    return held.getvalue()


JATS = """<article xml:lang="de-AT"><front><article-meta><title-group><article-title>Mills</article-title></title-group>
<contrib-group><contrib contrib-type="author"><name><surname>Miller</surname><given-names>Ann</given-names></name>
</contrib>
<contrib contrib-type="editor"><name><surname>Nobody</surname></name></contrib>
<contrib><string-name>Bo Stone</string-name><email>bo@example.com</email></contrib></contrib-group>
<pub-date><day>1</day><month>5</month><year>2024</year></pub-date></article-meta></front><body><p>x</p></body></article>"""
TEI = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>Mills</title></titleStmt>
<publicationStmt><date when="2024-05-01">first of May</date></publicationStmt><sourceDesc><biblStruct><analytic>
<author><persName><forename>Ann</forename> <surname>Miller</surname></persName><email>a@b.example</email></author>
<author>Bo Stone</author></analytic></biblStruct></sourceDesc></fileDesc><profileDesc><langUsage>
<language ident="de-at"/></langUsage></profileDesc></teiHeader><text><body><p>x</p></body></text></TEI>"""
STATED = [
    (files.pdf("x", title="Mills", Author="Ann Miller, Bo Stone", CreationDate="D:20240501100000+02'00'"),
     "application/pdf", "2024-05-01T08:00:00Z", None),
    (files.epub(files.CHAPTER.format(head="1", text="a"), title="Mills", said="<dc:creator>Ann Miller</dc:creator>"
                "<dc:creator>Bo Stone</dc:creator><dc:date>2024-05-01</dc:date><dc:language>de-AT</dc:language>"),
     "application/epub+zip", "2024-05-01", "de-AT"),
    (word(), DOCX, "2024-05-01T08:00:00Z", "de-AT"),
    (JATS.encode(), "application/jats+xml", "2024-05-01", "de-AT"),
    (TEI.encode(), "application/tei+xml", "2024-05-01", "de-AT"),
]  # fmt: skip


def only(row: dict[str, Any]) -> dict[str, Any]:
    """The document of one capture; if there is none, the failure says why."""
    found, lost = run(row)
    assert lost == []
    (document,) = found
    return document


@pytest.mark.parametrize(("body", "mime", "published", "language"), STATED)
def test_what_a_document_says_of_itself_is_a_column(body: bytes, mime: str, published: str, language: str) -> None:
    """As HTML does: names in order, ISO 8601, a language tag as RFC 5646 writes it."""
    document = only({"body": body, "mime": mime})
    found = [document[name] for name in ("title", "author", "published", "language_hint")]
    assert found == ["Mills", "Ann Miller, Bo Stone", published, language]


@pytest.mark.parametrize(
    ("written", "published"),
    [("2024", None), ("D:20240501", "2024-05-01"), ("D:202405011000Z", "2024-05-01T10:00:00Z"), ("yesterday", None),
     ("D:20240501100000-05", "2024-05-01T15:00:00Z")],
)  # fmt: skip
def test_dates_of_a_pdf(written: str, published: str | None) -> None:
    """With and without time and zone; what is no date says nothing."""
    document = only({"body": files.pdf("x", CreationDate=written), "mime": "application/pdf"})
    assert document["published"] == published


@pytest.mark.parametrize(
    ("date", "published"),
    [('<pub-date iso-8601-date="2024-05-01"/>', "2024-05-01"), ("<pub-date><season>May</season></pub-date>", None),
     ("<pub-date><month>May</month><year>2024</year></pub-date><pub-date><year>2023</year></pub-date>", "2024")],
)  # fmt: skip
def test_dates_of_an_article(date: str, published: str | None) -> None:
    """The first that has a year, as exactly as its numbers say."""
    text = f"<article><front><article-meta>{date}</article-meta></front><body/></article>"
    assert jats.read(text, "utf-8").published == published


def test_documents_that_say_nothing() -> None:
    """No element, no column."""
    for found in (tei.read("<TEI><text/></TEI>", "utf-8"), jats.read("<article><front/></article>", "utf-8"),
                  pdf.read(files.pdf("x"), max_pages=1)):  # fmt: skip
        assert (found.title, found.author, found.published, found.language) == (None,) * 4
