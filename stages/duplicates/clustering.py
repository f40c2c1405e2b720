"""Documents -> clusters, and the one document that is kept of each: the global half of `dedup`.

Reads   dedup/signatures, clean/verdicts, clean/text; dedup/addresses, dedup/folded, clean/signals where asked for.
Writes  dedup/verdicts.

Documents are put in the order in which they are to be kept (stages/duplicates/choosing.py). Then the levels are applied
one by one (stages/duplicates/levels.py): equal URL, equal text, equal letters; near-duplicates are decided among what
is left (stages/text/minhash/clusters.py). Nothing depends on order, segments or workers; a document that goes away sets
its twins free at the next run.

A cluster is all that is connected, so that no twin of a test document is trained on; where a text is too unlike the
document kept (`min_representative_similarity`), the cluster has several documents that are kept.

Memory: 1.2 GB per million documents (measured on 100,000 at 112 permutations; 450 MB of it signatures, the
rest ids, digests and buckets), and 4 bytes per shingle of those that share a bucket with another document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.choosing import as_bytes, beside, ranking
from stages.duplicates.guards import check, tally
from stages.duplicates.levels import COLUMNS, REASONS, Levels, first_equal
from stages.duplicates.params import NEAR, NORMALISED, URL, ClusterParams
from stages.duplicates.reading import Beside, Corpus, read_corpus, read_shingle_sets, read_signatures
from stages.duplicates.rehydration import Steps, copies_of
from stages.text.minhash.clusters import Evidence, connect, leaders, per_mille
from stages.text.minhash.lsh import in_shared_bucket


def cluster(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], texts: Sequence[Segment],
    addresses: Sequence[Segment] = (), folded: Sequence[Segment] = (), signals: Sequence[Segment] = (),
    *, params: ClusterParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield ("verdicts", key, rows) per segment. The lists hold the same keys in the same order; the last three may be
    empty where `params` do not ask for them.

    Errors: GristmillError when a guard finds what it takes for a mistake (stages/duplicates/guards.py); InputError
    when an id occurs twice.
    """
    corpus = read_corpus(signatures, verdicts, *read_beside(addresses, folded, signals, params))
    order = ranking(corpus.documents, params.order)
    ranked = corpus.documents.take(pa.array(order))
    levels = Levels.of(len(order))
    for level in params.levels:
        if level in COLUMNS:
            kept = levels.kept()
            levels.apply(level, kept, first_equal(ranked[COLUMNS[level]], kept))
    texts_of = Compared.read(signatures, texts, corpus, order, levels, params)
    clusters = texts_of.connect(levels, params)
    table = verdict_rows(ranked, levels, clusters, texts_of.similarity(levels), params.rehydrate)
    table = table.take(pa.array(np.argsort(order)))
    check(tally(corpus.documents, table, corpus.judged, params.guards), texts, params.guards)
    for key, piece in corpus.pieces():
        yield "verdicts", key, table.slice(piece.start, piece.stop - piece.start)


def cluster_first(*tables: Sequence[Segment], params: ClusterParams) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("clusters", key, rows) per segment: verdicts that later levels may change."""
    yield from (("clusters", key, rows) for _, key, rows in cluster(*tables, params=params))


def read_beside(
    addresses: Sequence[Segment], folded: Sequence[Segment], signals: Sequence[Segment], params: ClusterParams
) -> Iterator[Beside]:
    """What the levels and the order ask for, besides what every document has."""
    if URL in params.levels:
        yield Beside(addresses, "address", COLUMNS[URL])
    if NORMALISED in params.levels:
        yield Beside(folded, "folded_digest", COLUMNS[NORMALISED])
    yield from beside(addresses, signals, params.order)


@dataclass(frozen=True)
class Compared:
    """The documents whose texts are compared: those still kept after the levels that look for equality, then those
    that a level dropped although their text is another one. `ranks` numbers them, `evidence` holds them in that order.
    """

    ranks: NDArray[np.int64]
    kept: int  # so many of them, the first ones, are still kept
    evidence: Evidence

    @classmethod
    def read(
        cls, signatures: Sequence[Segment], texts: Sequence[Segment], corpus: Corpus, order: NDArray[np.int64],
        levels: Levels, params: ClusterParams,
    ) -> Compared:  # fmt: skip
        """Read signatures and, to verify exactly, the shingles of what may be near to another text."""
        kept, others = levels.kept(), levels.lost_at(URL, NORMALISED)
        ranks = np.concatenate((kept, others))
        matrix = read_signatures(signatures, corpus, order[ranks], params.num_perm)
        compared = np.ones(len(ranks), bool)
        compared[: len(kept)] = NEAR in params.levels and in_shared_bucket(
            matrix[: len(kept)], params.bands, params.rows_per_band
        )
        compared[np.searchsorted(kept, levels.leader[others])] = True
        exact = params.verify == "exact"
        sets = read_shingle_sets(texts, corpus, order[ranks], compared & exact, params.shingling)
        return cls(ranks, len(kept), Evidence(matrix, *sets, exact))

    def connect(self, levels: Levels, params: ClusterParams) -> NDArray[np.int64]:
        """Find near-duplicates and apply the level NEAR; returns what `settle` does."""
        if NEAR not in params.levels:
            return levels.leader.copy()
        first = connect(
            self.evidence, self.kept, bands=params.bands, rows=params.rows_per_band, min_jaccard=params.min_jaccard
        )
        return self.settle(levels, first, params.min_representative_similarity)

    def settle(self, levels: Levels, first: NDArray[np.int64], least: float) -> NDArray[np.int64]:
        """Apply the level NEAR, `first` being for each document still kept the first one of its cluster, by its place
        among them; returns the first document of each document's cluster, by rank."""
        clusters, kept = levels.leader.copy(), self.ranks[: self.kept]
        levels.apply(NEAR, kept, kept[leaders(self.evidence, first, least) if least else first])
        roots = np.arange(len(clusters))
        roots[kept] = kept[first]
        return roots[clusters]

    def similarity(self, levels: Levels) -> NDArray[np.int16]:
        """Of each document to the one kept for it, per mille, by rank."""
        place = np.full(len(levels.leader), -1)
        place[self.ranks] = np.arange(len(self.ranks))
        one, other = place[levels.leader], place[levels.text]
        differ = np.flatnonzero(one != other)
        similarity = np.full(len(one), 1000, np.int16)
        similarity[differ] = per_mille(self.evidence, one[differ], other[differ])
        return similarity


def verdict_rows(
    ranked: pa.Table, levels: Levels, clusters: NDArray[np.int64], similarity: NDArray[np.int16], steps: Steps
) -> pa.Table:
    """One row per document, by rank."""
    kept = levels.reason < 0
    sizes = np.bincount(levels.leader, minlength=len(kept))
    reasons = pa.DictionaryArray.from_arrays(pa.array(levels.reason, mask=kept), pa.array(REASONS.values()))
    return pa.table(
        {
            "id": ranked["id"],
            "cluster": ranked["text_digest"].take(pa.array(_smallest(ranked["text_digest"], clusters))),
            "representative": ranked["id"].take(pa.array(levels.leader)),
            "similarity": pa.array(similarity, mask=kept),
            "copies": pa.array(copies_of(sizes, steps), mask=~kept),
            "drop_reason": reasons.dictionary_decode(),
        }
    )


def _smallest(digests: pa.ChunkedArray, clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each document the one of its cluster that has the smallest digest, by rank."""
    found = np.arange(len(clusters))
    members = np.flatnonzero(np.bincount(clusters, minlength=len(clusters))[clusters] > 1)
    ascending = members[np.argsort(as_bytes(digests.take(pa.array(members))), kind="stable")]
    cluster, first = np.unique(clusters[ascending], return_index=True)
    smallest = np.arange(len(clusters))
    smallest[cluster] = ascending[first]
    found[members] = smallest[clusters[members]]
    return found
