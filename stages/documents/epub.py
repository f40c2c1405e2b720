"""EPUB -> its chapters in the order of the spine, and what its package says of it; navigation and auxiliary chapters
stay out.

Reads   a zip file: META-INF/container.xml names the package, whose manifest and spine name the chapters. A chapter that
        is no well-formed XML is read as a browser would read it.
Source  https://www.w3.org/TR/epub-33/
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from stages.documents.reading import Read, UnreadableError, authors
from stages.documents.xml import Element, Grammar, line, local, names, parse, prose, within
from stages.documents.zipped import Zipped
from stages.text.normalization.structure import html_part

CONTAINER, ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
CHAPTERS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def _part(element: Element) -> str | None:
    return html_part(local(element), local(element.getparent()) if element.getparent() is not None else "")


GRAMMAR = Grammar(
    paragraphs=names(
        "h1 h2 h3 h4 h5 h6 p div section article aside header footer blockquote ul ol dl table figure hr body main pre"
    ),
    lines=names("br li dt dd tr caption figcaption"),
    cells=names("td th"),
    skipped=names("head script style template svg nav rt rp"),
    verbatim=names("pre"),
    part=_part,
)


def read(
    body: bytes, *, max_members: int, max_unpacked_bytes: int, as_html: Callable[[bytes], str], structure: bool = False
) -> Read:
    """The book; `as_html` reads a chapter that is no XML. Errors: UnreadableError."""
    book = Zipped(body, max_members=max_members, max_unpacked_bytes=max_unpacked_bytes)
    path = _package_path(book)
    package = parse(book.read(path))
    chapters = [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in _spine(package)]
    if _encrypted(book) & set(chapters):
        raise UnreadableError("encrypted")
    texts = [_chapter(book.read(name), as_html, structure) for name in chapters]
    return Read(text="\n\n".join(texts), charset="unicode", **_metadata(package))


def _metadata(package: Element) -> dict[str, str | None]:
    said = {
        name: [line(found, GRAMMAR) for found in within(package, "metadata", name)]
        for name in ("title", "creator", "date", "language")
    }
    first = {name: next(filter(None, values), None) for name, values in said.items()}
    return {
        "title": first["title"], "author": authors(said["creator"]), "published": first["date"],
        "language": first["language"],
    }  # fmt: skip


def _package_path(book: Zipped) -> str:
    for found in within(parse(book.read(CONTAINER)), "rootfiles", "rootfile"):
        return str(found.get("full-path", ""))
    raise UnreadableError(f"{CONTAINER} names no package")


def _spine(package: Element) -> Iterator[str]:
    """Paths of the chapters in reading order, relative to the package."""
    items = {item.get("id"): item for item in within(package, "manifest", "item")}
    for reference in within(package, "spine", "itemref"):
        item = items.get(reference.get("idref"))
        if item is None:
            raise UnreadableError(f"the spine names {reference.get('idref')!r}, which is not in the manifest")
        auxiliary = reference.get("linear") == "no" or "nav" in (item.get("properties") or "").split()
        if item.get("media-type") in CHAPTERS and not auxiliary:
            yield unquote((item.get("href") or "").partition("#")[0])


def _encrypted(book: Zipped) -> set[str]:
    """Paths that encryption.xml names; fonts often stand there."""
    if ENCRYPTION not in book.names:
        return set()
    return {
        unquote(found.get("URI") or "")
        for found in parse(book.read(ENCRYPTION)).iter()
        if local(found) == "CipherReference"
    }


def _chapter(body: bytes, as_html: Callable[[bytes], str], structure: bool) -> str:
    try:
        root = parse(body)
    except UnreadableError:
        return as_html(body)
    return prose(root, GRAMMAR, structure=structure)
