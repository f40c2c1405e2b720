"""Overlaps: which labelled texts repeat what a text of another split says.

Reads   label/consensus, clean/text, label/held_out (of all segments).
Writes  label/split_overlaps: a row per text, measure and split of which the text repeats something.

exact     equal texts
near      MinHash: 110 permutations in 22 bands of 5 rows find 99.98 % of the pairs at a Jaccard similarity of 0.8 of
          their shingles; near is what they estimate at 0.8 or more
13-gram   one run of 13 words (19 characters of unspaced scripts) in both: quotes and signatures too
          (Brown et al. 2020, appendix C)

Texts are compared within a task, texts with texts and targets with targets. Near-duplicates that `dedup` found share a
cluster and with it a split; this finds what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.schema import SPLIT_OVERLAPS
from stages.labels.disjoint.compared import BANDS, HELD_OUT, ROWS, Compared, labelled_texts
from stages.labels.documents import Readable, positions, stacked
from stages.labels.splits import SPLITS
from stages.text.lsh import band_keys

EXACT, NEAR, GRAMS = MEASURES = ("exact", "near", "13-gram")
MIN_JACCARD = 0.8
PAIRS = 1 << 16  # whose signatures are compared at once: 55 MiB
Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # row, row held out, per mille


def gather(held_out: Sequence[Readable]) -> Iterator[tuple[str, str, pa.Table]]:
    """`evaluation`, for the key `all`: what is held out anywhere, by task, side, split and document."""
    rows = stacked(held_out, HELD_OUT.names, HELD_OUT)
    yield "evaluation", "all", rows.sort_by([(name, "ascending") for name in ("task", "side", "split", "id")])


def find_overlaps(labels: pa.Table, documents: pa.Table, evaluation: pa.Table) -> dict[str, pa.Table]:
    """{"split_overlaps": rows} of one segment, by task, side, split, other split, measure and document.

    A text is compared with the splits before its own in `SPLITS`, so that of each pair one side is found: the one that
    is further from the test.
    """
    texts = labelled_texts(labels, documents)
    tables = [SPLIT_OVERLAPS.remove_metadata().empty_table()]
    groups = texts.group_by(["task", "side", "split"], use_threads=False).aggregate([]).to_pylist()
    for group in sorted(groups, key=lambda row: tuple(row.values())):
        rows = Compared.of_texts(_where(texts, **group))
        for other in SPLITS[: SPLITS.index(group["split"])]:
            held = Compared.of_held_out(_where(evaluation, **{**group, "split": other}))
            tables += [_rows(measure, rows, held, group, other) for measure in MEASURES]
    return {"split_overlaps": pa.concat_tables(tables)}


def _where(rows: pa.Table, **values: str) -> pa.Table:
    for name, value in values.items():
        rows = rows.filter(pc.equal(rows[name], value))
    return rows.combine_chunks()


def _rows(measure: str, rows: Compared, held: Compared, group: dict[str, str], other: str) -> pa.Table:
    """Rows of `split_overlaps`: for each text the most similar one held out, the first of equals."""
    at, among, similarity = {EXACT: equal, NEAR: near, GRAMS: shared_grams}[measure](rows, held)
    order = np.lexsort((among, -similarity, at))
    best = order[np.unique(at[order], return_index=True)[1]]
    constant = {**group, "measure": measure, "other_split": other}
    columns = {name: pa.repeat(value, len(best)) for name, value in constant.items()}
    columns["id"] = rows.ids.take(pa.array(at[best]))
    columns["other"] = held.ids.take(pa.array(among[best]))
    columns["similarity"] = pa.array(similarity[best].astype(np.int16))
    return pa.table([columns[name] for name in SPLIT_OVERLAPS.names], schema=SPLIT_OVERLAPS.remove_metadata())


def equal(rows: Compared, held: Compared) -> Found:
    """Texts that are held out word for word."""
    found = positions(rows.digests, held.digests)
    at = np.flatnonzero(found >= 0)
    return at, found[at], np.full(len(at), 1000)


def near(rows: Compared, held: Compared) -> Found:
    """Pairs that share a bucket of some band, and whose signatures agree in `MIN_JACCARD` of their places."""
    bands = [_bucket_mates(rows.signatures, held.signatures, band) for band in range(BANDS)]
    pairs = np.unique(np.concatenate(bands), axis=0)
    agreeing = [
        (rows.signatures[some[:, 0]] == held.signatures[some[:, 1]]).mean(axis=1)
        for some in (pairs[first : first + PAIRS] for first in range(0, len(pairs), PAIRS))
    ]
    similarity = np.concatenate([np.empty(0), *agreeing])
    alike = similarity >= MIN_JACCARD
    return pairs[alike, 0], pairs[alike, 1], np.rint(1000 * similarity[alike]).astype(np.int64)


def _bucket_mates(signed: NDArray[np.uint32], others: NDArray[np.uint32], band: int) -> NDArray[np.int64]:
    """(row, other row) of every pair in one bucket of a band."""
    keys, among = band_keys(signed, band, ROWS), band_keys(others, band, ROWS)
    order = np.argsort(among, kind="stable")
    first, last = (np.searchsorted(among[order], keys, side) for side in ("left", "right"))
    return np.stack([np.repeat(np.arange(len(keys)), last - first), order[_ranges(first, last)]], axis=1)


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """first[0] ... last[0] - 1, first[1] ... last[1] - 1, and so on."""
    sizes = last - first
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    return starts + np.arange(sizes.sum())


def shared_grams(rows: Compared, held: Compared) -> Found:
    """Texts with an n-gram of one that is held out (the first that has it), and the share of theirs that is so."""
    owners = np.repeat(np.arange(len(held)), np.diff(held.offsets))
    grams, first = np.unique(held.grams, return_index=True)
    place = np.minimum(np.searchsorted(grams, rows.grams), max(len(grams) - 1, 0))
    known = grams[place] == rows.grams if len(grams) else np.zeros(len(rows.grams), bool)
    text = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))[known]
    at, earliest, shared = np.unique(text, return_index=True, return_counts=True)
    return at, owners[first[place[known][earliest]]], 1000 * shared // np.diff(rows.offsets)[at]
