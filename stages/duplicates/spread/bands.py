"""Near-duplicates: bands travel to where equal ones meet, whole buckets to where their texts are compared.

Writes  dedup/spread_bands: one row per document and band; dedup/spread_buckets: the documents of every bucket that has
        two or more, sent to the partition of the smallest number among them, so that what shares many buckets meets
        once; dedup/spread_wanted: which documents are compared where; dedup/spread_evidence: what they are compared by;
        dedup/spread_edges: of each document that is near another one, the first document that it is connected to there.

A bucket is compared as it is in one memory (stages/text/minhash/clusters.py): the same pairs, in the order of keeping.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.segments import Segment
from stages.duplicates.choosing import ranking
from stages.duplicates.reading import Corpus, read_shingle_sets, read_signatures
from stages.duplicates.spread.group import ORDERED, lost_places, ordered, read_group
from stages.duplicates.spread.parts import (
    Numbers,
    Share,
    as_numbers,
    groups_of,
    numbers_of,
    places_of,
    scattered,
    sent,
    together,
)  # fmt: skip
from stages.text.minhash.clusters import Evidence, connect_buckets
from stages.text.minhash.lsh import band_keys, buckets

BANDS = pa.schema([("band", pa.uint16()), ("key", pa.uint64()), ("number", pa.uint64())])
BUCKETS = pa.schema([("bucket", pa.uint64()), ("number", pa.uint64())])
WANTED = pa.schema([("number", pa.uint64()), ("part", pa.uint32())])
EVIDENCE = pa.schema([*ORDERED, pa.field("evidence", pa.large_list(pa.uint32()))])
EDGES = pa.schema([("number", pa.uint64()), ("leader", pa.uint64())])


def send_bands(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], links: Sequence[Segment], *, params: Share,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """("spread_bands", way, BANDS rows) of the documents of a group that no level dropped yet."""
    corpus = read_group(signatures, verdicts, addresses, folded, signals, params)
    kept = np.ones(corpus.documents.num_rows, bool)
    kept[lost_places(links)] = False
    places, bands = np.flatnonzero(kept), params.cluster.bands
    matrix = read_signatures(signatures, corpus, places, params.cluster.num_perm)
    keys = np.concatenate([band_keys(matrix, band, params.cluster.rows_per_band) for band in range(bands)])
    band = np.repeat(np.arange(bands, dtype=np.uint16), len(places))
    rows = pa.table({"band": band, "key": keys, "number": np.tile(numbers_of(params.index, places), bands)})
    yield from sent("spread_bands", rows, scattered(keys, params.parts), params.index)


def meet_bands(bands: Sequence[Segment], *, params: Share) -> Iterator[tuple[str, str, pa.Table]]:
    """("spread_buckets", way, BUCKETS rows) and ("spread_wanted", way, WANTED rows) of the bands that meet here."""
    rows = together(bands, BANDS)
    band, keys, numbers = rows["band"].to_numpy(), as_numbers(rows["key"]), as_numbers(rows["number"])
    members, names = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    parts = [np.empty(0, np.int64)]
    count = 0
    for one in np.unique(band):
        of = np.flatnonzero(band == one)
        order, bounds = buckets(keys[of])
        sizes, inside = np.diff(bounds), numbers[of][order]
        if len(sizes):
            least = np.minimum.reduceat(inside, bounds[:-1])
            members.append(inside)
            names.append(np.repeat(np.arange(count, count + len(sizes), dtype=np.uint64), sizes))
            parts.append(np.repeat(scattered(least, params.parts), sizes))
            count += len(sizes)
    member, part = np.concatenate(members), np.concatenate(parts)
    found = pa.table({"bucket": np.concatenate(names), "number": member})
    yield from sent("spread_buckets", found, part, params.index)
    asked = np.unique(np.stack((member, part.astype(np.uint64))), axis=1)
    wanted = pa.table({"number": asked[0], "part": asked[1].astype(np.uint32)})
    yield from sent("spread_wanted", wanted, groups_of(asked[0]), params.index)


def send_evidence(
    signatures: Sequence[Segment], verdicts: Sequence[Segment], addresses: Sequence[Segment],
    folded: Sequence[Segment], signals: Sequence[Segment], texts: Sequence[Segment], wanted: Sequence[Segment],
    *, params: Share,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """("spread_evidence", way, EVIDENCE rows) of the documents of a group that are compared somewhere."""
    corpus = read_group(signatures, verdicts, addresses, folded, signals, params)
    rows = together(wanted, WANTED)
    asked = np.unique(np.stack((as_numbers(rows["number"]), as_numbers(rows["part"]))), axis=1)
    places = np.unique(places_of(asked[0]))
    known = ordered(corpus, places, params)
    known = known.append_column("evidence", evidence_of(signatures, texts, corpus, places, params))
    at = np.searchsorted(places, places_of(asked[0]))
    yield from sent("spread_evidence", known.take(pa.array(at)), asked[1].astype(np.int64), params.index)


def evidence_of(
    signatures: Sequence[Segment], texts: Sequence[Segment], corpus: Corpus, places: NDArray[np.int64], params: Share
) -> pa.LargeListArray:
    """What each of these documents is compared by: its set of shingles, or its signature."""
    if params.cluster.verify == "exact":
        every = np.ones(len(places), bool)
        offsets, values = read_shingle_sets(texts, corpus, places, every, params.cluster.shingling)
    else:
        matrix = read_signatures(signatures, corpus, places, params.cluster.num_perm)
        offsets, values = np.arange(len(places) + 1) * matrix.shape[1], matrix.ravel()
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))


def as_evidence(column: pa.ChunkedArray, params: Share) -> Evidence:
    """Some rows of the column `evidence`, none of them null, as texts are compared by it."""
    rows = pa.concat_arrays([pa.array([], EVIDENCE.field("evidence").type), *column.chunks])
    values = rows.flatten().to_numpy(zero_copy_only=False).astype(np.uint32)
    width = params.cluster.num_perm
    if params.cluster.verify == "exact":
        offsets = np.concatenate(([0], np.cumsum(rows.value_lengths().to_numpy(zero_copy_only=False)))).astype(np.int64)
        return Evidence(np.empty((len(rows), 0), np.uint32), offsets, values, True)
    return Evidence(values.reshape(len(rows), width), np.zeros(len(rows) + 1, np.int64), np.empty(0, np.uint32), False)


def verify(
    found: Sequence[Segment], evidence: Sequence[Segment], *, params: Share
) -> Iterator[tuple[str, str, pa.Table]]:
    """("spread_edges", partition, EDGES rows) of the buckets that came here."""
    known = together(evidence, EVIDENCE)
    known = known.take(pa.array(ranking(known, params.cluster.order)))
    numbers = as_numbers(known["number"])
    order, bounds = _by_rank(found, numbers)
    roots = connect_buckets(as_evidence(known["evidence"], params), order, bounds, params.cluster.min_jaccard)
    lost = np.flatnonzero(roots != np.arange(len(roots)))
    edges = pa.table({"number": numbers[lost], "leader": numbers[roots[lost]]})
    yield "spread_edges", f"{params.index:04d}", edges


def _by_rank(found: Sequence[Segment], numbers: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order, bounds) of all buckets, as `buckets` gives them, of documents numbered by rank."""
    by_number = np.argsort(numbers)
    orders, sizes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for segment in found:
        rows = segment.read()
        ranks = by_number[np.searchsorted(numbers[by_number], as_numbers(rows["number"]))]
        names = as_numbers(rows["bucket"])
        sorting = np.lexsort((ranks, names))
        orders.append(ranks[sorting])
        sizes.append(np.unique(names, return_counts=True)[1])
    return np.concatenate(orders), np.concatenate(([0], np.cumsum(np.concatenate(sizes)))).astype(np.int64)
