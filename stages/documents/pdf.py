"""PDF -> the text of its pages in order, parted by blank lines; the title is that of its properties.

Words that were hyphenated at the end of a line come with an invisible mark, which the normal form removes. Scanned
pages have no text, and such a document is empty.

Source  pypdfium2 5: 850-1,050 pages/s/core, Chinese exact (shared notes, crawl-clean-security, 2).
"""

from __future__ import annotations

from typing import Any

from stages.documents.reading import Read, UnreadableError


def read(body: bytes, *, max_pages: int) -> Read:
    """The document. Errors: UnreadableError where it is broken, encrypted or too long."""
    import pypdfium2  # type: ignore[import-untyped]

    try:
        document = pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        encrypted = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise UnreadableError("encrypted" if encrypted else "not a readable PDF") from None
    try:
        if len(document) > max_pages:
            raise UnreadableError(f"{len(document)} pages, more than max_pages {max_pages}")
        pages = [_page_text(document, number) for number in range(len(document))]
        return Read(text="\n\n".join(pages), title=document.get_metadata_value("Title").strip("\0 ") or None)
    except pypdfium2.PdfiumError:
        raise UnreadableError("not a readable PDF: a page is broken") from None
    finally:
        document.close()


def _page_text(document: Any, number: int) -> str:
    page = document[number]
    text = page.get_textpage()
    try:
        return str(text.get_text_bounded())
    finally:
        text.close()
        page.close()
