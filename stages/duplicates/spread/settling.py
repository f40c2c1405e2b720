"""Whole clusters travel to one partition each, are settled there as in one memory, and the verdicts return.

Writes  dedup/spread_members: the documents of clusters of two or more; dedup/spread_settled: their verdicts;
        dedup/spread_sizes: for how many documents one stands, where a guard may ask; dedup/verdicts (or dedup/clusters)
        of the group, and dedup/spread_outcomes, its documents by source and level.

Memory: an action holds one partition, but never less than the largest cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.schema import schema_of
from catalog.segments import Segment
from stages.duplicates.account import biggest, outcomes_of
from stages.duplicates.choosing import ranking
from stages.duplicates.clustering import Compared, verdict_rows
from stages.duplicates.guards import Tally, check
from stages.duplicates.levels import COLUMNS, Levels
from stages.duplicates.params import EXACT, NORMALISED, URL, GuardParams
from stages.duplicates.rehydration import copies_of
from stages.duplicates.spread.bands import EVIDENCE, WANTED, as_evidence, evidence_of
from stages.duplicates.spread.components import labels_of_group
from stages.duplicates.spread.group import ordered, read_group, read_links
from stages.duplicates.spread.parts import Share, as_numbers, groups_of, of_level, places_of, scattered, sent, together

VERDICTS = schema_of("dedup/verdicts")
PLACED = pa.schema([pa.field("number", pa.uint64(), False), *VERDICTS.remove_metadata()])
MEMBERS = pa.schema(
    [
        *EVIDENCE,
        pa.field("cluster", pa.uint64(), False),  # its smallest number
        *(pa.field(level, pa.uint64()) for level in COLUMNS),  # the document that a level found to stand for it
    ]
)
SIZES = pa.schema([pa.field("id", pa.string(), False), pa.field("documents", pa.int64(), False)])
OUTCOMES = pa.schema([("source", pa.string()), ("reason", pa.string()), ("documents", pa.int64())])


def send_members(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], texts: Sequence[Segment], wanted: Sequence[Segment],
    labels: Sequence[Segment], links: Sequence[Segment], *, params: Share,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """("spread_members", way, MEMBERS rows) of a group; `links` are those of all levels."""
    corpus = read_group(signatures, verdicts, addresses, folded, signals, params)
    numbers, clusters = labels_of_group(labels, params.index)
    places = places_of(numbers)
    rows = ordered(corpus, places, params)
    compared = np.isin(numbers, as_numbers(together(wanted, WANTED)["number"]))
    columns = {}
    for level in _equal(params):
        number, leader = read_links(of_level(level, links))
        at = np.searchsorted(numbers, number)
        columns[level] = np.zeros(len(numbers), np.uint64), np.zeros(len(numbers), bool)
        columns[level][0][at], columns[level][1][at] = leader, True
        if level != EXACT:  # what is dropped though its text is another one, and what stands for that
            compared[:] = True
    if EXACT in columns:
        leader, known = columns[EXACT]
        compared &= ~known | (leader == numbers)
    evidence = evidence_of(signatures, texts, corpus, places[compared], params)
    at = np.full(len(numbers), -1)
    at[compared] = np.arange(len(evidence))
    rows = rows.append_column("evidence", evidence.take(pa.array(at, mask=at < 0)))
    rows = rows.append_column("cluster", pa.array(clusters))
    for level in COLUMNS:
        leader, known = columns.get(level, (numbers, np.zeros(len(numbers), bool)))
        rows = rows.append_column(level, pa.array(leader, mask=~known))
    yield from sent("spread_members", rows, scattered(clusters, params.parts), params.index)


def settle(members: Sequence[Segment], *, params: Share) -> Iterator[tuple[str, str, pa.Table]]:
    """("spread_settled", way, PLACED rows) and ("spread_sizes", partition, SIZES rows) of the clusters that came."""
    rows = together(members, MEMBERS)
    ranked = rows.take(pa.array(ranking(rows, params.cluster.order)))
    numbers = as_numbers(ranked["number"])
    levels = _levels(ranked, numbers, params)
    kept, others = levels.kept(), levels.lost_at(URL, NORMALISED)
    ranks = np.concatenate((kept, others))
    compared = Compared(ranks, len(kept), _evidence(ranked, ranks, params))
    clusters = _first_of(as_numbers(ranked["cluster"])[kept])
    whole = compared.settle(levels, clusters, params.cluster.min_representative_similarity)
    found = verdict_rows(ranked, levels, whole, compared.similarity(levels), params.cluster.rehydrate)
    yield from sent(
        "spread_settled", found.add_column(0, "number", pa.array(numbers)), groups_of(numbers), params.index
    )
    sizes = biggest(found["representative"], above=params.cluster.max_cluster_documents)
    listed = pa.array([name for name, _ in sizes], pa.string()), pa.array([count for _, count in sizes], pa.int64())
    yield "spread_sizes", f"{params.index:04d}", pa.table(listed, schema=SIZES)


def _equal(params: Share) -> list[str]:
    """The levels in use that look for equality."""
    return [level for level in params.cluster.levels if level in COLUMNS]


def _levels(ranked: pa.Table, numbers: NDArray[np.uint64], params: Share) -> Levels:
    """What the levels that look for equality decided, of documents numbered by rank."""
    by_number = np.argsort(numbers)
    levels = Levels.of(len(numbers))
    for level in _equal(params):
        kept = levels.kept()
        known = ranked[level].is_valid().to_numpy()[kept]
        leaders = as_numbers(pc.fill_null(ranked[level], 0))[kept][known]
        found = kept.copy()
        found[known] = by_number[np.searchsorted(numbers[by_number], leaders)]
        levels.apply(level, kept, found)
    return levels


def _evidence(ranked: pa.Table, ranks: NDArray[np.int64], params: Share):  # type: ignore[no-untyped-def]
    """Of what may be compared; what never is has none: an empty set, or a signature of zeros."""
    column = ranked["evidence"].take(pa.array(ranks))
    if column.null_count:
        none = [] if params.cluster.verify == "exact" else [0] * params.cluster.num_perm
        column = pc.coalesce(column, pa.scalar(none, column.type))
    return as_evidence(column, params)


def _first_of(clusters: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each of some documents in the order of keeping the first one of its cluster."""
    _, first, group = np.unique(clusters, return_index=True, return_inverse=True)
    return first[group]


def finish(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], settled: Sequence[Segment],
    *, params: Share, table: str = "verdicts",
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """(`table`, key, rows) of each segment of a group, and ("spread_outcomes", partition, OUTCOMES rows)."""
    corpus = read_group(signatures, verdicts, addresses, folded, signals, params)
    ids, count = corpus.documents["id"], corpus.documents.num_rows
    found = together(settled, PLACED)
    at = np.full(count, -1)
    at[places_of(as_numbers(found["number"]))] = np.arange(found.num_rows)
    inside = pa.array(at >= 0)
    known = found.take(pa.array(at, mask=at < 0))
    own = {
        "cluster": corpus.documents["text_digest"], "representative": ids,
        "copies": pa.array(copies_of(np.ones(count, np.int64), params.cluster.rehydrate)),
    }  # fmt: skip
    rows = known.select(VERDICTS.names).set_column(0, "id", ids)
    for name, column in own.items():
        rows = rows.set_column(VERDICTS.names.index(name), name, pc.if_else(inside, rows[name], column))
    for key, piece in corpus.pieces():
        yield table, key, rows.slice(piece.start, piece.stop - piece.start)
    yield "spread_outcomes", f"{params.index:04d}", outcomes_of(corpus.documents["source"], rows["drop_reason"])


def finish_first(*tables: Sequence[Segment], params: Share) -> Iterator[tuple[str, str, pa.Table]]:
    """The same, for verdicts that later levels may change."""
    yield from finish(*tables, params=params, table="clusters")


def guard(
    verdicts: Sequence[Segment], texts: Sequence[Segment], outcomes: Sequence[Segment], sizes: Sequence[Segment],
    *, params: GuardParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """("spread_guarded", "all", outcomes) when no guard objects. Errors: GristmillError, as in guards.py."""
    counted = together(outcomes, OUTCOMES).group_by(["source", "reason"]).aggregate([("documents", "sum")])
    table = counted.rename_columns({"documents_sum": "documents"}).select(OUTCOMES.names)
    table = table.sort_by([("source", "ascending"), ("reason", "ascending")])
    giants = together(sizes, SIZES)
    giants = giants.sort_by([("documents", "descending"), ("id", "ascending")])
    standing = list(zip(giants["id"].to_pylist(), giants["documents"].to_pylist(), strict=True))
    check(Tally(table, standing, sum(segment.rows for segment in verdicts)), texts, params)
    yield "spread_guarded", "all", table
