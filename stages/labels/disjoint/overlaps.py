"""Overlaps: which labelled texts repeat what a text of another split says.

Reads   label/consensus, clean/text, label/held_out (of all segments).
Writes  label/split_overlaps: a row per text, measure and split of which the text repeats something.

exact     equal texts
near      MinHash: 110 permutations in 22 bands of 5 rows find 99.98 % of the pairs at a Jaccard similarity of 0.8 of
          their shingles; near is what they estimate at 0.8 or more
13-gram   one run of 13 words (19 characters of unspaced scripts) in both: quotes and signatures too
          (Brown et al. 2020, appendix C)

It costs 2.2 CPU seconds for the 58,091 labels of the default build, each time that what is held out changes.
Texts are compared within a task, texts with texts and targets with targets. Near-duplicates that `dedup` found share a
cluster and with it a split; this finds what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.digests import logical_digest
from catalog.schema import SPLIT_OVERLAPS
from stages.labels.disjoint.compared import BANDS, HELD_OUT, ROWS, Compared, labelled_texts
from stages.labels.documents import Readable, positions, stacked
from stages.labels.splits import SPLITS
from stages.text.contamination.grams import bit_table, in_table
from stages.text.minhash.lsh import band_keys

EXACT, NEAR, GRAMS = MEASURES = ("exact", "near", "13-gram")
MIN_JACCARD = 0.8
GROUP = ["task", "side", "split"]
PAIRS = 1 << 16  # whose signatures are compared at once: 55 MiB
Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # row, row held out, per mille


def gather(held_out: Sequence[Readable]) -> Iterator[tuple[str, str, pa.Table]]:
    """`evaluation`, for the key `all`: what is held out anywhere, by task, side, split and document."""
    rows = stacked(held_out, HELD_OUT.names, HELD_OUT)
    yield "evaluation", "all", rows.sort_by([(name, "ascending") for name in ("task", "side", "split", "id")])


@dataclass(frozen=True)
class Held:
    """The texts of one task, side and split that others are held against, sorted by what they are searched by."""

    texts: Compared
    bands: list[tuple[NDArray[np.uint64], NDArray[np.int64]]]
    """Of each band: its keys, sorted, and the row of each."""
    grams: NDArray[np.uint64]
    """Distinct n-grams, sorted."""
    owners: NDArray[np.int64]
    """The first row that has each."""
    table: tuple[NDArray[np.uint8], int]
    """As `bit_table` gives it."""

    @classmethod
    def of(cls, rows: pa.Table) -> Held:
        """From rows of `label/held_out`."""
        texts = Compared.of_held_out(rows)
        bands = []
        for band in range(BANDS):
            keys = band_keys(texts.signatures, band, ROWS)
            order = np.argsort(keys, kind="stable")
            bands.append((keys[order], order))
        grams, first = np.unique(texts.grams, return_index=True)
        owners = np.repeat(np.arange(len(texts)), np.diff(texts.offsets))[first]
        return cls(texts, bands, grams, owners, bit_table(grams))


@dataclass(frozen=True)
class Evaluation:
    """All that is held out; two are equal when they hold the same texts."""

    digest: str
    rows: pa.Table = field(compare=False, repr=False)

    @classmethod
    def of(cls, rows: pa.Table) -> Evaluation:
        """From rows of `label/evaluation`."""
        return cls(logical_digest(rows.select(["id", "task", "split", "side", "text_digest"])), rows)


@lru_cache(maxsize=1)
def indexed(evaluation: Evaluation) -> dict[tuple[str, str, str], Held]:
    """By task, side and split; made once per process, for every segment is held against the same texts."""
    rows = evaluation.rows
    return {
        (group["task"], group["side"], group["split"]): Held.of(_where(rows, **group))
        for group in rows.group_by(GROUP, use_threads=False).aggregate([]).to_pylist()
    }


def find_overlaps(labels: pa.Table, documents: pa.Table, evaluation: pa.Table) -> dict[str, pa.Table]:
    """{"split_overlaps": rows} of one segment, by task, side, split, other split, measure and document.

    A text is compared with the splits before its own in `SPLITS`, so that of each pair one side is found: the one that
    is further from the test.
    """
    texts = labelled_texts(labels, documents)
    held = indexed(Evaluation.of(evaluation))
    tables = [SPLIT_OVERLAPS.remove_metadata().empty_table()]
    groups = texts.group_by(GROUP, use_threads=False).aggregate([]).to_pylist()
    for group in sorted(groups, key=lambda row: tuple(row.values())):
        before = SPLITS[: SPLITS.index(group["split"])]
        others = [other for other in before if (group["task"], group["side"], other) in held]
        if others:
            rows = Compared.of_texts(_where(texts, **group))
            against = [(other, held[group["task"], group["side"], other]) for other in others]
            tables += [_rows(measure, rows, one, group, other) for other, one in against for measure in MEASURES]
    return {"split_overlaps": pa.concat_tables(tables)}


def _where(rows: pa.Table, **values: str) -> pa.Table:
    for name, value in values.items():
        rows = rows.filter(pc.equal(rows[name], value))
    return rows.combine_chunks()


def _rows(measure: str, rows: Compared, held: Held, group: dict[str, str], other: str) -> pa.Table:
    """Rows of `split_overlaps`: for each text the most similar one held out, the first of equals."""
    at, among, similarity = {EXACT: equal, NEAR: near, GRAMS: shared_grams}[measure](rows, held)
    order = np.lexsort((among, -similarity, at))
    best = order[np.unique(at[order], return_index=True)[1]]
    constant = {**group, "measure": measure, "other_split": other}
    columns = {name: pa.repeat(value, len(best)) for name, value in constant.items()}
    columns["id"] = rows.ids.take(pa.array(at[best]))
    columns["other"] = held.texts.ids.take(pa.array(among[best]))
    columns["similarity"] = pa.array(similarity[best].astype(np.int16))
    return pa.table([columns[name] for name in SPLIT_OVERLAPS.names], schema=SPLIT_OVERLAPS.remove_metadata())


def equal(rows: Compared, held: Held) -> Found:
    """Texts that are held out word for word."""
    found = positions(rows.digests, held.texts.digests)
    at = np.flatnonzero(found >= 0)
    return at, found[at], np.full(len(at), 1000)


def near(rows: Compared, held: Held) -> Found:
    """Pairs that share a bucket of some band, and whose signatures agree in `MIN_JACCARD` of their places."""
    mates = [_bucket_mates(rows.signatures, held, band) for band in range(BANDS)]
    pairs = np.unique(np.concatenate(mates), axis=0)
    agreeing = [
        (rows.signatures[some[:, 0]] == held.texts.signatures[some[:, 1]]).mean(axis=1)
        for some in (pairs[first : first + PAIRS] for first in range(0, len(pairs), PAIRS))
    ]
    similarity = np.concatenate([np.empty(0), *agreeing])
    alike = similarity >= MIN_JACCARD
    return pairs[alike, 0], pairs[alike, 1], np.rint(1000 * similarity[alike]).astype(np.int64)


def _bucket_mates(signed: NDArray[np.uint32], held: Held, band: int) -> NDArray[np.int64]:
    """(row, row held out) of every pair in one bucket of a band."""
    keys, (among, order) = band_keys(signed, band, ROWS), held.bands[band]
    first, known = _found(keys, among)
    last = np.searchsorted(among, keys[known], "right")
    sizes = last - first[known]
    return np.stack([np.repeat(known, sizes), order[_ranges(first[known], last)]], axis=1)


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """first[0] ... last[0] - 1, first[1] ... last[1] - 1, and so on."""
    sizes = last - first
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    return starts + np.arange(sizes.sum())


def shared_grams(rows: Compared, held: Held) -> Found:
    """Texts with an n-gram of one that is held out (the first that has it), and the share of theirs that is so."""
    likely = in_table(rows.grams, *held.table)
    place, known = _found(rows.grams[likely], held.grams)
    text = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))[likely[known]]
    at, earliest, shared = np.unique(text, return_index=True, return_counts=True)
    return at, held.owners[place[known][earliest]], 1000 * shared // np.diff(rows.offsets)[at]


def _found(values: NDArray[np.uint64], among: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(place, known): where each value is or would be first in `among`, which is sorted; which values are in it."""
    place = np.searchsorted(among, values)
    inside = np.flatnonzero(place < len(among))
    return place, inside[among[place[inside]] == values[inside]]
