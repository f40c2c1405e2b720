"""dedup: find documents that say the same, and keep one of each.

Reads   clean/text, clean/verdicts.
Writes  dedup/signatures (stages/text/signing.py) and dedup/verdicts, one row per document that `clean` kept:
        its cluster, the document kept for it, the similarity to that one, and why it was dropped.
Sources MinHash LSH: Broder 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3;
        numbers: FineWeb.

Exact duplicates (equal text digests) are collapsed first, to the smallest id; near-duplicates are decided
among the distinct texts (stages/text/clusters.py). The longest text of a cluster is kept, ties by smallest
digest. Nothing depends on order, segments or workers; a document that goes away sets its twins free at the
next run.

Memory: 1.5 GB per million documents (measured on 200,000 at 112 permutations; 450 MB of it signatures, the
rest ids, digests and buckets), and 4 bytes per shingle of those that share a bucket with another document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import GristmillError, InputError, exit_on_error
from catalog.operators import Memo, Operator
from catalog.schema import schema_of
from catalog.segments import Segment
from catalog.stage import Stage
from stages.text.clusters import connect, jaccard_per_mille, rank_order, shingle_sets
from stages.text.lsh import check_bands, in_shared_bucket
from stages.text.shingles import shingle_hashes
from stages.text.signing import SIGNATURES, SignParams, sign, signature_matrix

EXACT, NEAR = "exact_duplicate", "near_duplicate"
GUARDED = 100  # documents; a smaller source may lose all of them to another one without an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterParams:
    """What decides which documents are the same."""

    num_perm: int = 112  # values per signature
    shingle_words: int = 5  # words per shingle
    shingle_characters: int = 5  # characters per shingle, scripts without spaces
    bands: int = 14  # (FineWeb); P(caught) = 1 - (1 - s^rows)^bands
    rows_per_band: int = 8  # signature values per band
    min_jaccard: float = 0.8  # shared shingles / all shingles, of a verified pair
    max_dropped_fraction: float = 0.9  # documents / documents of one source; more is taken for a mistake

    def __post_init__(self) -> None:
        check_bands(self.num_perm, self.bands, self.rows_per_band)
        for name, value in (
            ("min_jaccard", self.min_jaccard),
            ("max_dropped_fraction", self.max_dropped_fraction),
        ):
            if not 0 < value <= 1:
                raise ValueError(f"{name} is {value}, must be above 0 and at most 1")


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


def cluster(
    signatures: list[Segment], verdicts: list[Segment], texts: list[Segment], params: ClusterParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("verdicts", key, rows) per segment. The three lists hold the same keys in the same order.

    Errors: GristmillError when a source loses more than `max_dropped_fraction` of its documents; InputError
    when an id occurs twice.
    """
    corpus = read_corpus(signatures, verdicts)
    ids = corpus.documents["id"].to_numpy(zero_copy_only=False).astype("S")
    digests = corpus.documents["text_digest"].to_numpy(zero_copy_only=False).astype("S")
    keepers, text_of = _distinct(ids, digests, corpus.documents["characters"].to_numpy())
    matrix = _read_signatures(signatures, corpus, keepers, params.num_perm)
    wanted = in_shared_bucket(matrix, params.bands, params.rows_per_band)
    sets = _read_shingle_sets(texts, corpus, keepers, wanted, params)
    first = connect(matrix, sets, bands=params.bands, rows=params.rows_per_band, min_jaccard=params.min_jaccard)
    twins = np.flatnonzero(first != np.arange(len(first)))
    similarity = np.full(len(first), 1000, np.int16)
    similarity[twins] = jaccard_per_mille(sets, first[twins], twins)
    table = _verdicts(corpus.documents["id"], digests, keepers, text_of, first, similarity)
    _check_losses(corpus.documents["source"], table["drop_reason"], params.max_dropped_fraction)
    for key, piece in corpus.pieces():
        yield "verdicts", key, table.slice(piece.start, piece.stop - piece.start)


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


def _distinct(
    ids: NDArray[np.bytes_], digests: NDArray[np.bytes_], characters: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(keepers, text_of): the document with the smallest id of each distinct text, in rank order, and each
    document's text.

    keepers[text_of[i]] is the document that stands for the text of document i.
    """
    by_digest = np.lexsort((ids, digests))
    new = np.ones(len(ids), bool)
    new[1:] = digests[by_digest][1:] != digests[by_digest][:-1]
    smallest = by_digest[new]
    order = rank_order(characters[smallest].astype(np.int64), digests[smallest])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    text_of = np.empty(len(ids), np.int64)
    text_of[by_digest] = rank[np.cumsum(new) - 1]
    return smallest[order], text_of


def _read_signatures(
    signatures: list[Segment], corpus: Corpus, keepers: NDArray[np.int64], num_perm: int
) -> NDArray[np.uint32]:
    """Signatures of the distinct texts in rank order, shape (texts, num_perm)."""
    matrix = np.empty((len(keepers), num_perm), np.uint32)
    for ranks, column in _ranked(signatures, "signature", corpus, keepers):
        matrix[ranks] = signature_matrix(column, num_perm)
    return matrix


def _read_shingle_sets(
    texts: list[Segment],
    corpus: Corpus,
    keepers: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    params: ClusterParams,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Shingle sets of the wanted texts in rank order, empty for others; one segment at a time."""
    parts = [np.empty(0, np.uint32)] * len(keepers)
    for ranks, column in _ranked(texts, "text", corpus, keepers):
        chosen = column.filter(pa.array(wanted[ranks]))
        hashed = shingle_hashes(chosen, words=params.shingle_words, characters=params.shingle_characters)
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


def _verdicts(
    ids: pa.ChunkedArray, digests: NDArray[np.bytes_], keepers: NDArray[np.int64],
    text_of: NDArray[np.int64], first: NDArray[np.int64], similarity: NDArray[np.int16],
) -> pa.Table:  # fmt: skip
    """One row per document: a copy of another text is an exact duplicate, a text not kept a near one."""
    smallest = digests[keepers].copy()
    order = np.lexsort((smallest, first))
    starts = np.searchsorted(first[order], first)
    clusters = smallest[order][starts]  # smallest digest among the texts of the same cluster
    documents = np.arange(len(text_of))
    representative = keepers[first[text_of]]
    copied = keepers[text_of] != documents
    reasons = np.where(copied, EXACT, np.where(representative != documents, NEAR, ""))
    return pa.table(
        {
            "id": ids,
            "cluster": pa.array(clusters[text_of].astype("U"), pa.string()),
            "representative": ids.take(pa.array(representative)),
            "similarity": pa.array(similarity[text_of], mask=representative == documents),
            "drop_reason": pa.array(reasons.astype(object), pa.string(), mask=reasons == ""),
        }
    )


def _check_losses(sources: pa.ChunkedArray, reasons: pa.ChunkedArray, limit: float) -> None:
    """Refuse a run in which a source of GUARDED documents or more loses most of them."""
    dropped = pc.is_valid(reasons).cast(pa.int64())
    losses = (
        pa.table({"source": sources, "dropped": dropped})
        .group_by("source")
        .aggregate([("dropped", "sum"), ("dropped", "count")])
    )
    for row in sorted(losses.to_pylist(), key=lambda row: row["source"]):
        lost, total = row["dropped_sum"], row["dropped_count"]
        if total >= GUARDED and lost > limit * total:
            raise GristmillError(
                f"dedup would drop {lost} of the {total} documents of the source `{row['source']}` "
                f"({lost / total:.1%}), above dedup.max_dropped_fraction = {limit}; look for boilerplate "
                "in its texts, or raise the limit in params.yaml and run `dvc repro dedup`"
            )


SIGN = Operator(
    name="sign", run=sign, params=SignParams, writes={"signatures": SIGNATURES}, accounts=("signatures",),
    memo=Memo(by=("id", "source", "text_digest")),
)  # fmt: skip
CLUSTER = Operator(name="cluster", run=cluster, params=ClusterParams, writes={"verdicts": schema_of("dedup/verdicts")})


def main() -> None:
    """Sign every document, then cluster those that `clean` kept."""
    with Stage("dedup", SIGN, CLUSTER) as stage:
        texts = stage.read("clean/text")
        signatures = stage.map(SIGN, texts)["signatures"]
        stage.reduce(CLUSTER, signatures, stage.read("clean/verdicts"), texts)


if __name__ == "__main__":
    exit_on_error(main)
