"""JSON -> records: a line each (jsonl), or the objects of an array or of a whole file one after another (json)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from stages.sources.formats import MAX_ROW, Broken, Record, UnreadableFile, content_key
from stages.sources.formats.lines import lines, narrow

CHUNK = 1 << 18  # characters read at once
BETWEEN = re.compile(r"[\s,]*")
SPACE = re.compile(r"\s*")


def json_lines(stream: BinaryIO) -> Iterator[Record | Broken]:
    """A record per line."""
    for line in lines(stream, None):
        if isinstance(line, Broken):
            yield line
            continue
        try:
            value = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            yield Broken(content_key(line), f"not a line of JSON: {error}")
            continue
        yield _record(value, line)


def json_values(stream: BinaryIO) -> Iterator[Record | Broken]:
    """A record per object of a JSON file, which is never held whole.

    Errors: UnreadableFile at the first place that is no JSON: behind it nobody knows where a row begins.
    """
    text = _Text(io.TextIOWrapper(narrow(stream, None), encoding="utf-8"))
    inside = text.opens_array()
    while not text.ends(inside):
        value, written = text.value()
        yield _record(value, written.encode("utf-8", "surrogatepass"))


def _record(value: Any, written: bytes) -> Record | Broken:
    if isinstance(value, dict):
        return value
    return Broken(content_key(written), f"a JSON {type(value).__name__}, not an object")


class _Text:
    """The text of a JSON file, a piece at a time: what was read is let go."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream, self.held, self.at, self.over = stream, "", 0, False
        self.decode = json.JSONDecoder().raw_decode

    def opens_array(self) -> bool:
        """Is the file an array? Then its bracket is passed."""
        self._skip(SPACE)
        opens = self.held.startswith("[", self.at)
        self.at += opens
        return opens

    def ends(self, inside: bool) -> bool:
        """Is the array, or the file, at its end? Errors: UnreadableFile for an array that is cut off."""
        self._skip(BETWEEN)
        if self.at == len(self.held):
            if inside:
                raise UnreadableFile("the file ends before its array does")
            return True
        return inside and self.held[self.at] == "]"

    def value(self) -> tuple[Any, str]:
        """The next value, and how it is written. Errors: UnreadableFile."""
        while True:
            try:
                found, end = self.decode(self.held, self.at)
            except RecursionError:
                raise UnreadableFile("JSON nested too deep") from None
            except ValueError as error:
                if self.over or len(self.held) - self.at > MAX_ROW:
                    raise UnreadableFile(f"not JSON, or a row longer than {MAX_ROW} characters: {error}") from None
            else:
                if end < len(self.held) or self.over:
                    written, self.at = self.held[self.at : end], end
                    return found, written
            self._more()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        while True:
            found = pattern.match(self.held, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.held) or self.over:
                return
            self._more()

    def _more(self) -> None:
        """Read at least as much as is held, so that a long row is tried a few times, not once a chunk."""
        kept = self.held[self.at :]
        try:
            piece = self.stream.read(max(CHUNK, len(kept)))
        except UnicodeError as error:
            raise UnreadableFile(f"not UTF-8: {error}") from None
        self.held, self.at, self.over = kept + piece, 0, not piece
