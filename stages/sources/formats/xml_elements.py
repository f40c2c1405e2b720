"""XML that is too long to hold, as calls of expat: without document type, hence without entities, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from stages.sources.formats import MAX_ROW, Broken, UnreadableFile
from stages.sources.rows import Row

CHUNK = 1 << 16  # bytes


class Elements:
    """What a format makes of XML: `start`, `end` and `text` are called in its order, and put rows into `found`."""

    def __init__(self) -> None:
        self.found: list[Row | Broken] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """A piece of the text of an element."""


def rows_of(stream: BinaryIO, elements: Elements) -> Iterator[Row | Broken]:
    """The rows that `elements` finds in a stream. Errors: UnreadableFile at the first place that is not well-formed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = elements.start, elements.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = elements.text, _refuse
    fed, whole = 0, False
    while not whole:
        # As much as is held of a tag without end, so that expat begins it again a few times, not once a chunk.
        chunk = stream.read(max(CHUNK, fed - max(parser.CurrentByteIndex, 0)))
        fed, whole = fed + len(chunk), not chunk
        problem = _fed(parser, chunk, whole)
        yield from elements.found
        elements.found.clear()
        if problem or fed - parser.CurrentByteIndex > MAX_ROW:
            raise UnreadableFile(problem or f"a tag longer than {MAX_ROW} bytes")


def _fed(parser: Any, chunk: bytes, whole: bool) -> str | None:
    """Why a piece cannot be parsed, if it cannot: what stood before it is read."""
    try:
        parser.Parse(chunk, whole)
    except UnreadableFile as refused:
        return str(refused)
    except (expat.ExpatError, ValueError, LookupError) as error:
        return f"not well-formed XML: {error}"
    return None


def _refuse(*_: object) -> None:
    raise UnreadableFile("XML with a document type, which could define entities")
