"""The documents that votes are about: what `clean/text` and `dedup/verdicts` say of each, side by side.

Votes are pooled over exact duplicates (equal text digest) and belong to the one document kept of them. Near
duplicates do not pool: "good" and "not good" may lie in one cluster and deserve two labels. What gets one label is a
unit: a text, or a text and the second text that a vote is `about`, so that many questions about one text stay apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InputError
from catalog.schema import CAPTURES, CLUSTERS, DOCUMENTS
from catalog.segments import Segment
from stages.labels.votes import within
from stages.text.privacy.redact import redacted_text


class Readable(Protocol):
    """What is asked of a segment: its key, and a table of some of its columns."""

    @property
    def key(self) -> str:
        """The root segment it derives from."""
        ...

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """The segment's rows."""
        ...


@cache
def sources_in(segment: Segment) -> frozenset[str]:
    """The sources that a segment of captures or texts holds."""
    return frozenset(pc.unique(segment.read(["source"])["source"]).to_pylist())


def holding(segments: list[Segment], sources: list[str]) -> list[Segment]:
    """The segments with documents of the given sources; all of them when none is given."""
    return [segment for segment in segments if not sources or sources_in(segment).intersection(sources)]


def documents_of(texts: Sequence[Readable], clusters: Sequence[Readable]) -> pa.Table:
    """id, source, language, text_digest, cluster, kept and segment of every document of `clusters`, in its order.

    `texts` are segments of `clean/text`, `clusters` of `dedup/verdicts`; `kept` is true for the document that
    stands for its duplicates, `segment` is the position of its segment. Raises InputError for a document whose
    text is missing.
    """
    text = stacked(texts, ["id", "source", "language", "text_digest"], DOCUMENTS)
    documents = stacked(clusters, ["id", "cluster", "drop_reason"], CLUSTERS)
    kept = pc.is_null(documents["drop_reason"])
    sizes = [len(segment.read(["id"])) for segment in clusters]
    segment = pa.array(np.repeat(np.arange(len(sizes)), sizes))
    documents = documents.drop_columns("drop_reason").append_column("kept", kept).append_column("segment", segment)
    found = positions(documents["id"], text["id"])
    if (found < 0).any():
        lost = documents["id"][int(np.flatnonzero(found < 0)[0])]
        raise InputError(f"document {lost} is in dedup/verdicts but not in clean/text; run `dvc repro dedup`")
    for name in ("source", "language", "text_digest"):
        documents = documents.append_column(name, text[name].take(pa.array(found)))
    return documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What was voted on: the rank of its text among the sorted digests, ascending, and its second text ("" = none)."""

    text: np.ndarray
    about: pa.Array

    def __len__(self) -> int:
        """Number of units."""
        return len(self.text)

    def of(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The units of some texts: the position in `texts` and the unit of each, in the order of both."""
        first, last = (np.searchsorted(self.text, texts, side) for side in ("left", "right"))
        counts = last - first
        before = np.cumsum(counts) - counts
        place = np.repeat(np.arange(len(texts)), counts)
        return place, np.arange(len(place)) - np.repeat(before - first, counts)


def units_of(texts: np.ndarray, about: pa.ChunkedArray) -> tuple[np.ndarray, Units]:
    """The unit of each vote, and the units; `texts` are ranks of text digests."""
    second, seconds = codes(pc.fill_null(about, ""))
    keys, unit = np.unique(texts * max(len(seconds), 1) + second, return_inverse=True)
    text, code = np.divmod(keys, max(len(seconds), 1))
    return unit, Units(text=text, about=seconds.take(pa.array(code)))


def unit_names(keys: pa.ChunkedArray, about: pa.ChunkedArray) -> pa.ChunkedArray:
    """One text per vote that is equal for votes on the same unit; `keys` say which text, as ids or digests."""
    return pc.binary_join_element_wise(keys, pc.fill_null(about, ""), "\n")


def second_texts(captures: Sequence[Readable], documents: pa.Table, sources: Sequence[str]) -> dict[str, list[str]]:
    """Text digest -> the second texts that the sources have beside it, redacted, sorted.

    `documents` with id and text_digest.
    """
    rows = stacked(captures, ["id", "source", "second_text"], CAPTURES)
    rows = rows.filter(pc.and_(pc.is_valid(rows["second_text"]), within(rows["source"], list(sources))))
    place = positions(rows["id"], documents["id"])
    digests = documents["text_digest"].take(pa.array(place[place >= 0])).to_pylist()
    found: dict[str, set[str]] = {}
    for digest, second in zip(digests, rows["second_text"].filter(pa.array(place >= 0)).to_pylist(), strict=True):
        if about := redacted_text(second.strip()):
            found.setdefault(digest, set()).add(about)
    return {digest: sorted(seconds) for digest, seconds in found.items()}


def stacked(segments: Sequence[Readable], columns: list[str], schema: pa.Schema) -> pa.Table:
    """Some columns of all segments as one table; it has the types of `schema` when there are no segments."""
    empty = schema.remove_metadata().empty_table().select(columns)
    return pa.concat_tables([empty, *(segment.read(columns) for segment in segments)]).combine_chunks()


def positions(values: pa.Array | pa.ChunkedArray, among: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Where each value first stands in `among`, -1 where nowhere: int64, as long as `values`."""
    found = pc.index_in(values, among if isinstance(among, pa.Array) else among.combine_chunks())
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def codes(values: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Each value's rank among the sorted distinct values, and those: equal for any order of the rows."""
    distinct = pc.unique(values)
    distinct = distinct.take(pc.sort_indices(distinct))
    return positions(values, distinct), distinct


def by_segment(keys: Sequence[str], segment: np.ndarray, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Key and rows of every segment, empty ones too; `segment` holds the rows' segment positions, ascending."""
    edges = np.searchsorted(segment, np.arange(len(keys) + 1))
    for key, start, end in zip(keys, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield key, table.slice(start, end - start)
