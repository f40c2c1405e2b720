"""HTML -> main text, by resiliparse or trafilatura; a page that would hang them is refused first.

Sources resiliparse main content: 1,210 pages/s/core, F1 0.934 on English; trafilatura `fast`: 110 pages/s/core, F1
        0.962, and 0.976 against 0.77 on Chinese and Japanese pages (shared notes, crawl-clean-security, 2.1). On the
        130 pages of `python -m bench clean`: 0.948; 0.935 alone and 0.966 with `min_share`; `auto` 0.964.
"""

from __future__ import annotations

import re
from typing import Any

import trafilatura
from resiliparse.extract.html2text import extract_plain_text
from trafilatura.settings import Document

from stages.documents.reading import UnreadableError
from stages.text.normalization.charset import decode
from stages.web.extract_params import ExtractParams
from stages.web.markup import scan
from stages.web.structured import marked_text, marked_tree

OPTIONS: dict[str, dict[str, Any]] = {
    "resiliparse": {"main_content": True, "alt_texts": False, "comments": False, "post_meta": False},
    "trafilatura": {"fast": True, "include_comments": False},
}
# Not those that have no end tag in HTML: `</br>` is a second line break.
_SELF_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)([a-z][a-z0-9]{0,15})\b"
    r"((?:\s[^<>]{0,4000})?)/>",
    re.I,
)
EAST_ASIAN = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def page_text(page: str, params: ExtractParams) -> tuple[str, str]:
    """(main text, extractor) of an HTML page. Errors: UnreadableError for a page that would hang a parser.

    With `structure` the parts of the text are marked (stages/text/normalization/structure.py).

    Where trafilatura finds far less than resiliparse, it has missed the text or taken a repeated one for an artefact:
    then resiliparse's is kept, as trafilatura itself does with other extractors' where it is not told to be `fast`.
    """
    refuse_bombs(page, params)
    bulk = _by_resiliparse(page, params.structure)
    if params.extractor == "trafilatura" or (params.extractor == "auto" and _wants_trafilatura(bulk, page, params)):
        better = _by_trafilatura(page, params.structure)
        if len(better) >= params.min_share * len(bulk):
            return better, "trafilatura"
    return bulk, "resiliparse"


def _by_resiliparse(page: str, structure: bool) -> str:
    if structure:
        return str(extract_plain_text(marked_tree(page), list_bullets=False, **OPTIONS["resiliparse"]))
    return str(extract_plain_text(page, **OPTIONS["resiliparse"]))


def _by_trafilatura(page: str, structure: bool) -> str:
    if structure:
        found = trafilatura.bare_extraction(page, **OPTIONS["trafilatura"])
        return marked_text(found.body) if isinstance(found, Document) else ""
    return trafilatura.extract(page, **OPTIONS["trafilatura"]) or ""


def opened(page: str) -> str:
    """A page written as XML with each element that closes itself opened and closed: HTML would not close it."""
    return _SELF_CLOSED.sub(r"<\1\2></\1>", page)


def whole_text(body: bytes, params: ExtractParams) -> str:
    """All text of a chapter that is HTML. Errors: UnreadableError for one that would hang a parser."""
    page, _ = decode(body, None, html=True)
    refuse_bombs(page, params)
    marked = marked_tree(page) if params.structure else page
    return str(extract_plain_text(marked, main_content=False, alt_texts=False, list_bullets=not params.structure))


def refuse_bombs(page: str, params: ExtractParams) -> None:
    """Errors: UnreadableError for a page that would hang a parser."""
    markup = scan(page.encode("utf-8", "replace"), params.max_depth)
    for measured in ("depth", "attributes", "tag_bytes", "elements"):
        value, most = getattr(markup, measured), getattr(params, f"max_{measured}")
        if value > most:
            raise UnreadableError(f"parser bomb: {measured} {value}, more than max_{measured} {most}")


def _wants_trafilatura(text: str, page: str, params: ExtractParams) -> bool:
    east_asian = len(EAST_ASIAN.findall(text))
    return east_asian > params.max_east_asian * len(text) or len(text) < params.min_yield * len(page)
