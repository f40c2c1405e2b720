"""The documents that may be duplicates, their signatures and shingles, read a segment at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.segments import Segment
from stages.text.minhash.clusters import shingle_sets
from stages.text.minhash.shingling import Shingling
from stages.text.minhash.signing import SIGNATURES, signature_matrix


class Readable(Protocol):
    """What is asked of a segment of verdicts."""

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Its rows, or some columns."""
        ...


@dataclass(frozen=True)
class Corpus:
    """The kept documents of every segment, in segment order."""

    keys: list[str]
    bounds: list[int]  # segment i holds the documents bounds[i] to bounds[i + 1]
    documents: pa.Table  # id, source, text_digest, characters, and what was read beside them
    judged: int  # documents that `clean` decided on, the kept ones among them

    def pieces(self) -> Iterator[tuple[str, slice]]:
        """(key, its documents) of each segment."""
        for key, (start, stop) in zip(self.keys, pairwise(self.bounds), strict=True):
            yield key, slice(start, stop)

    def ids(self) -> Iterator[pa.ChunkedArray]:
        """The ids of the documents of each segment."""
        for start, stop in pairwise(self.bounds):
            yield self.documents["id"].slice(start, stop - start)


@dataclass(frozen=True)
class Beside:
    """A column of another table, under the name that it has among the documents."""

    segments: Sequence[Segment]  # one per segment of the signatures, in their order
    column: str
    name: str


def read_corpus(signatures: Sequence[Segment], verdicts: Sequence[Readable], *beside: Beside) -> Corpus:
    """The signed documents that `clean` kept. Errors: InputError when an id occurs twice."""
    columns = ["id", "source", "text_digest", "characters"]
    kept, judged = [], 0
    for i, (signed, decided) in enumerate(zip(signatures, verdicts, strict=True)):
        verdict = decided.read(["id", "drop_reason"])
        rows = _with_ids(signed.read(columns), verdict.filter(pc.is_null(verdict["drop_reason"]))["id"])
        for other in beside:
            found = other.segments[i].read(["id", other.column])
            places = pc.index_in(rows["id"], value_set=found["id"])
            rows = rows.append_column(other.name, found[other.column].take(places))
        kept.append(rows)
        judged += verdict.num_rows
    documents = pa.concat_tables(kept) if kept else SIGNATURES.empty_table().select(columns)
    refuse_repeated_ids(documents["id"])
    bounds = [0, *accumulate(table.num_rows for table in kept)]
    return Corpus([segment.key for segment in signatures], bounds, documents, judged)


def _with_ids(table: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows of a table whose id is among `ids`, in the order of the table."""
    return table.filter(pc.is_in(table["id"], value_set=ids))


def refuse_repeated_ids(ids: pa.ChunkedArray) -> None:
    """Errors: InputError when an id occurs twice."""
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise InputError(
            f"{len(repeated)} ids occur twice in clean/text, the first is {repeated[0]['values']}; "
            "one uri must be captured once: run `gristmill verify`, then `dvc repro crawl`"
        )


def read_signatures(
    signatures: Sequence[Segment], corpus: Corpus, wanted: NDArray[np.int64], num_perm: int
) -> NDArray[np.uint32]:
    """Signatures of the documents at these positions, shape (wanted, num_perm)."""
    matrix = np.empty((len(wanted), num_perm), np.uint32)
    for places, column in _placed(signatures, "signature", corpus, wanted):
        matrix[places] = signature_matrix(column, num_perm)
    return matrix


def read_shingle_sets(
    texts: Sequence[Segment],
    corpus: Corpus,
    wanted: NDArray[np.int64],
    compared: NDArray[np.bool_],
    shingling: Shingling,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Shingle sets of the documents at these positions, as (offsets, hashes); empty where not `compared`."""
    parts = [np.empty(0, np.uint32)] * len(wanted)
    for places, column in _placed(texts, "text", corpus, wanted):
        chosen = compared[places]
        offsets, hashes = shingle_sets(*shingling.hashes(column.filter(pa.array(chosen))))
        for place, (start, stop) in zip(places[chosen].tolist(), pairwise(offsets.tolist()), strict=True):
            parts[place] = hashes[start:stop]
    lengths = np.array([len(part) for part in parts], np.int64)
    return np.concatenate(([0], np.cumsum(lengths))), np.concatenate([*parts, np.empty(0, np.uint32)])


def _placed(
    segments: Sequence[Segment], column: str, corpus: Corpus, wanted: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], pa.ChunkedArray]]:
    """(places in `wanted`, values) of a column, segment by segment, each of which holds them in corpus order."""
    place_of = np.full(corpus.documents.num_rows, -1)
    place_of[wanted] = np.arange(len(wanted))
    for segment, (_, piece), ids in zip(segments, corpus.pieces(), corpus.ids(), strict=True):
        places = place_of[piece]
        kept = _with_ids(segment.read(["id", column]), ids)
        yield places[places >= 0], kept[column].filter(pa.array(places >= 0))
