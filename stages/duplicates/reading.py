"""The documents that may be duplicates, their signatures and shingles, read a segment at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.segments import Segment
from stages.text.clusters import shingle_sets
from stages.text.shingles import shingle_hashes
from stages.text.signing import SIGNATURES, signature_matrix


@dataclass(frozen=True)
class Corpus:
    """The kept documents of every segment, in segment order."""

    keys: list[str]
    bounds: list[int]  # segment i holds the documents bounds[i] to bounds[i + 1]
    documents: pa.Table  # id, source, text_digest, characters

    def pieces(self) -> Iterator[tuple[str, slice]]:
        """(key, its documents) of each segment."""
        for key, (start, stop) in zip(self.keys, pairwise(self.bounds), strict=True):
            yield key, slice(start, stop)


def read_corpus(signatures: list[Segment], verdicts: list[Segment]) -> Corpus:
    """The signed documents that `clean` kept. Errors: InputError when an id occurs twice."""
    columns = ["id", "source", "text_digest", "characters"]
    kept = []
    for signed, decided in zip(signatures, verdicts, strict=True):
        verdict = decided.read(["id", "drop_reason"])
        kept.append(_with_ids(signed.read(columns), verdict.filter(pc.is_null(verdict["drop_reason"]))["id"]))
    documents = pa.concat_tables(kept or [SIGNATURES.empty_table().select(columns)])
    _refuse_repeated_ids(documents["id"])
    bounds = [0, *accumulate(table.num_rows for table in kept)]
    return Corpus([segment.key for segment in signatures], bounds, documents)


def _with_ids(table: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows of a table whose id is among `ids`, in the order of the table."""
    return table.filter(pc.is_in(table["id"], value_set=ids))


def _refuse_repeated_ids(ids: pa.ChunkedArray) -> None:
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise InputError(
            f"{len(repeated)} ids occur twice in clean/text, the first is {repeated[0]['values']}; "
            "one uri must be captured once: run `gristmill verify`, then `dvc repro crawl`"
        )


def read_signatures(
    signatures: list[Segment], corpus: Corpus, keepers: NDArray[np.int64], num_perm: int
) -> NDArray[np.uint32]:
    """Signatures of the distinct texts in rank order, shape (texts, num_perm)."""
    matrix = np.empty((len(keepers), num_perm), np.uint32)
    for ranks, column in _ranked(signatures, "signature", corpus, keepers):
        matrix[ranks] = signature_matrix(column, num_perm)
    return matrix


def read_shingle_sets(
    texts: list[Segment],
    corpus: Corpus,
    keepers: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    *,
    words: int,
    characters: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Shingle sets of the wanted texts in rank order, empty for others; one segment at a time."""
    parts = [np.empty(0, np.uint32)] * len(keepers)
    for ranks, column in _ranked(texts, "text", corpus, keepers):
        chosen = column.filter(pa.array(wanted[ranks]))
        hashed = shingle_hashes(chosen, words=words, characters=characters)
        offsets, hashes = shingle_sets(*hashed)
        for rank, (start, stop) in zip(ranks[wanted[ranks]].tolist(), pairwise(offsets.tolist()), strict=True):
            parts[rank] = hashes[start:stop]
    lengths = np.array([len(part) for part in parts], np.int64)
    return np.concatenate(([0], np.cumsum(lengths))), np.concatenate([*parts, np.empty(0, np.uint32)])


def _ranked(
    segments: list[Segment], column: str, corpus: Corpus, keepers: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], pa.ChunkedArray]]:
    """(ranks, values) of a column for the keepers of each segment, which holds them in corpus order."""
    rank_of = np.full(corpus.documents.num_rows, -1)
    rank_of[keepers] = np.arange(len(keepers))
    for segment, (_, piece) in zip(segments, corpus.pieces(), strict=True):
        ranks = rank_of[piece]
        ids = corpus.documents["id"].slice(piece.start, piece.stop - piece.start)
        kept = _with_ids(segment.read(["id", column]), ids)
        yield ranks[ranks >= 0], kept[column].filter(pa.array(ranks >= 0))
