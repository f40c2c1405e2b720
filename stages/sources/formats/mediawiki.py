"""A dump of a MediaWiki (Wikipedia) -> one document per page: the exact wikitext of its latest revision.

Rows are pages of the namespaces asked for, by default the main one. A redirect says only where another page is, so it
is no row, and neither is a page of another namespace. The dump is read by expat rather than mwxml, which keeps an
element for every page it has read, expands entities, and gives up at a tag it does not know; a test compares the two.
https://www.mediawiki.org/xml/export-0.11.xsd
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from stages.sources.formats import MAX_ROW, Broken, UnreadableFile, content_key
from stages.sources.formats.xml_elements import Elements, rows_of
from stages.sources.rows import Row

MEDIA_TYPE = "text/x-wiki"
PAGE = ("page/title", "page/ns", "page/id")
REVISION = {
    f"page/revision/{name}": name.rpartition("/")[2]
    for name in ("id", "timestamp", "contributor/username", "contributor/ip", "text", "model", "format")
}


def mediawiki_rows(stream: BinaryIO, namespaces: tuple[int, ...]) -> Iterator[Row | Broken]:
    """A row per page. Errors: UnreadableFile."""
    return rows_of(stream, _Pages(namespaces))


class _Pages(Elements):
    def __init__(self, namespaces: tuple[int, ...]) -> None:
        super().__init__()
        self.namespaces = {str(number) for number in namespaces}
        self.path: list[str] = []
        self.page: dict[str, str] = {}
        self.latest: dict[str, str] = {}
        self.revision: dict[str, str] = {}
        self.pieces: list[str] = []
        self.held = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A page or a revision begins empty; a redirect marks its page."""
        self.path.append(name)
        self.pieces = []
        if name == "page":
            self.page, self.latest, self.held = {}, {}, 0
        elif name == "revision":
            self.revision, self.held = {}, 0
        elif name == "redirect":
            self.page["redirect"] = attributes.get("title", "")
        elif name == "text" and "deleted" in attributes:
            self.revision["deleted"] = "text"

    def text(self, text: str) -> None:
        """Text is held until its element ends. Errors: UnreadableFile for a revision without end."""
        self.held += len(text)
        if self.held > MAX_ROW:
            raise UnreadableFile(f"a revision longer than {MAX_ROW} characters")
        self.pieces.append(text)

    def end(self, name: str) -> None:
        """A value, a revision or a page is whole."""
        path = "/".join(self.path[1:])
        self.path.pop()
        if path in PAGE:
            self.page[name] = "".join(self.pieces)
        elif path in REVISION:
            self.revision[REVISION[path]] = "".join(self.pieces)
        elif path == "page/revision" and self.revision.get("timestamp", "") >= self.latest.get("timestamp", ""):
            self.latest = self.revision
        elif path == "page" and self.page.get("ns", "0") in self.namespaces and "redirect" not in self.page:
            self.found.append(_page(self.page, self.latest))
        self.pieces = []


def _page(page: dict[str, str], revision: dict[str, str]) -> Row | Broken:
    key = page.get("id", "")
    if not key.isdecimal() or len(key) > 20:
        return Broken(content_key(json.dumps(page, sort_keys=True).encode()), "a page without a number as its id")
    if "text" not in revision or "deleted" in revision:
        return Broken(key, "a page whose latest revision has no text, or a deleted one")
    if revision.get("model", "wikitext") != "wikitext":
        return Broken(key, f"a page of {revision['model'][:80]}, not of wikitext")
    author = revision.get("username") or revision.get("ip")
    meta = {"namespace": page.get("ns"), "revision": revision.get("id"), "timestamp": revision.get("timestamp")}
    return Row(
        body=revision["text"].encode(),
        key=key,
        mime=MEDIA_TYPE,
        charset="utf-8",
        title=page.get("title"),
        author=author,
        published_at=revision.get("timestamp"),
        meta=json.dumps(meta, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    )
