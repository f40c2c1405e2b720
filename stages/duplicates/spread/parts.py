"""Partitions: how documents are numbered across actions, and how rows travel from one to another.

A group is a run of segments of `dedup.partition_documents` documents or a few more; the groups number the partitions.
A document's number is its group and its place among the kept documents of that group, so that what is found elsewhere
goes home by it. What must meet is sent to one partition by a hash: texts of equal digest, bands of one bucket, members
of one cluster. A row that travels lies in a segment whose key names its way, `0003-0007` from 3 to 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.params import ClusterParams
from stages.text.minhash.shingles import utf8_buffers

Numbers = NDArray[np.uint64]

PLACE = 32  # bits of a number that are the place in its group


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one action does: its partition, how many there are, and what decides the clusters."""

    index: int = 0
    parts: int = 1
    level: str = ""  # of those that look for equality
    cluster: ClusterParams = field(default_factory=ClusterParams)


def numbers_of(group: int, places: NDArray[np.int64]) -> Numbers:
    """The numbers of the documents at these places of a group."""
    return (np.uint64(group) << np.uint64(PLACE)) | places.astype(np.uint64)


def groups_of(numbers: Numbers) -> NDArray[np.int64]:
    """The group of each document."""
    return (numbers >> np.uint64(PLACE)).astype(np.int64)


def places_of(numbers: Numbers) -> NDArray[np.int64]:
    """The place of each document in its group."""
    return (numbers & np.uint64((1 << PLACE) - 1)).astype(np.int64)


def scattered(keys: Numbers, parts: int) -> NDArray[np.int64]:
    """The partition where equal keys meet, shape of `keys`."""
    return ((keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)).astype(np.int64) % parts


def text_keys(texts: pa.Array | pa.ChunkedArray) -> Numbers:
    """A 64-bit hash of each text: FNV-1a over its bytes."""
    bounds, data = utf8_buffers(texts)
    return _fnv(data, bounds)


@njit(nogil=True, cache=True)
def _fnv(data, bounds):  # type: ignore[no-untyped-def]
    keys = np.empty(len(bounds) - 1, np.uint64)
    for i in range(len(keys)):
        key = np.uint64(0xCBF29CE484222325)
        for byte in data[bounds[i] : bounds[i + 1]]:
            key = (key ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        keys[i] = key
    return keys


def sent(
    table: str, rows: pa.Table, to: NDArray[np.int64], own: int, level: str = ""
) -> Iterator[tuple[str, str, pa.Table]]:
    """(table, way, rows) for every partition that gets some; an empty piece to `own` where none does."""
    if not len(to):
        yield table, way(own, own, level), rows
        return
    order = np.argsort(to, kind="stable")
    targets, first = np.unique(to[order], return_index=True)
    for target, start, stop in zip(targets.tolist(), first, [*first[1:], len(order)], strict=True):
        yield table, way(own, target, level), rows.take(pa.array(order[start:stop]))


def way(one: int, other: int, level: str = "") -> str:
    """The key of a segment that travels, with the level that it is of."""
    return f"{level} {one:04d}-{other:04d}".strip()


def of_level(level: str, segments: Sequence[Segment]) -> list[Segment]:
    """Those of some segments that are of a level."""
    return [segment for segment in segments if segment.key.partition(" ")[0] == level]


def arriving(segments: Sequence[Segment], parts: int) -> list[list[Segment]]:
    """What arrives at each partition, in the order of those that sent it.

    A rehearsal may hand over what was sent to another number of partitions; what went beyond these is left out.
    """
    found: dict[int, list[Segment]] = {}
    for segment in segments:
        found.setdefault(int(segment.key.rpartition("-")[2]), []).append(segment)
    return [found.get(part, []) for part in range(parts)]


def together(segments: Sequence[Segment], schema: pa.Schema) -> pa.Table:
    """All rows of some segments, each column in one chunk."""
    return pa.concat_tables(
        [schema.empty_table(), *(segment.read().cast(schema) for segment in segments)]
    ).combine_chunks()


def as_numbers(column: pa.ChunkedArray) -> Numbers:
    """A column of numbers, as NumPy has them."""
    return column.to_numpy().astype(np.uint64)
