"""What the pages of a Parquet column give, by their own headers: a footer may say anything of their sizes and counts.

A header is a struct of Thrift's compact protocol (parquet.thrift, PageHeader). Arrow gives a page as many bytes as its
header says and no more, so that the headers bound what reading a column can cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

from stages.sources.formats import UnreadableFile

MAX_HEADER = 16 << 20  # bytes; a header may hold the least and the greatest value of its page
USUAL = 16 << 10  # bytes that hold most headers
MAX_DEPTH = 8
SIZE, PACKED, V1, DICTIONARY, V2 = 2, 3, 5, 7, 8  # fields of PageHeader
VALUES = 1  # the field of each of the last three
ENCODING, DELTA = {V1: 2, V2: 4}, 7  # its field in the headers of data; DELTA_BYTE_ARRAY, whose values share beginnings


class Page(NamedTuple):
    """Bytes as they stand in the file, bytes decompressed, values (of a dictionary: entries); may many values mean the
    same bytes of it?
    """

    packed: int
    size: int
    values: int
    is_shared: bool


def column_pages(stream: IO[bytes], start: int, length: int) -> Iterator[Page]:
    """The pages in `length` bytes from `start` on. Errors: UnreadableFile for no header, or a page that goes beyond."""
    end = start + length
    while start < end:
        header, used = _header(stream, start, end)
        kinds = {field: header[field] for field in (V1, DICTIONARY, V2) if isinstance(header.get(field), dict)}
        counts = [kind.get(VALUES, -1) for kind in kinds.values()]
        packed, size, values = (_count(one) for one in (header.get(PACKED), header.get(SIZE), max(counts, default=0)))
        if min(packed, size, values) < 0 or start + used + packed > end:
            raise UnreadableFile(f"the page at byte {start} says of itself what cannot be")
        shared = DICTIONARY in kinds or any(kind.get(ENCODING.get(field)) == DELTA for field, kind in kinds.items())
        yield Page(packed, size, values, shared)
        start += used + packed


def _count(value: object) -> int:
    return value if type(value) is int else -1


def _header(stream: IO[bytes], start: int, end: int) -> tuple[dict[int, Any], int]:
    for size in (USUAL, MAX_HEADER):
        stream.seek(start)
        data = stream.read(min(size, end - start))
        try:
            compact = Compact(data)
            return compact.struct(), compact.position
        except (IndexError, ValueError, KeyError):
            continue
    raise UnreadableFile(f"no header of a page at byte {start}")


class Compact:
    """A struct of Thrift's compact protocol: field number -> number, bytes, list or struct. Errors: IndexError,
    KeyError, ValueError for what is none.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.depth = data, 0, 0
        self._values: dict[int, Callable[[], Any]] = {
            1: lambda: True, 2: lambda: False, 3: self._byte, 4: self._zigzag, 5: self._zigzag, 6: self._zigzag,
            7: lambda: self._bytes(8), 8: lambda: self._bytes(self._varint()), 9: self._list, 10: self._list,
            12: self.struct,
        }  # fmt: skip

    def struct(self) -> dict[int, Any]:
        """The struct that begins here."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError("too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._values[head & 15]()
        self.depth -= 1
        return fields

    def _list(self) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self.data):
            raise ValueError("more items than bytes")
        read = self._byte if head & 15 in (1, 2) else self._values[head & 15]
        return [read() for _ in range(count)]

    def _byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise IndexError("broken off")
        self.position += count
        return self.data[self.position - count : self.position]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise ValueError("no number")

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
