"""How much more likely a document is among the texts one wants than among the texts one has.

Reads   clean/text.
Writes  clean/importance_reference  tokens of the documents of both lists of sources
        clean/importance_weights    per language and bucket the log of the ratio
        clean/importance            rows of SCORES of two signals; a document whose language has not both has none
            importance              ln p(text) / q(text): p by `sources`, q by `against`
            importance_per_gram     the same over its number of n-grams, which does not grow with the text

A text is the bag of its tokens and of its pairs of tokens, hashed into BUCKETS.

Source  DSIR (Xie et al. 2023, arXiv 2302.03169; RedPajama-2 measures it against books, Wikipedia and OpenWebText):
        10,000 buckets, 1e-8 added to each share. Ratios are whole numbers of 2^-16, so that sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.schema import INT, column, table
from catalog.segments import Segment
from stages.scores.params import ImportanceParams
from stages.scores.perplexity import LANGUAGE, REFERENCE, sampled
from stages.scores.rows import scored
from stages.scores.tokenized import Tokenized, tokenized

BUCKETS = 10_000
SMOOTHING = 1e-8
SCALE = 1 << 16  # units per nat
CHOSEN = pa.schema([*REFERENCE, column("wanted", pa.bool_(), "from `sources`, not `against`")])
WEIGHTS = table(
    LANGUAGE,
    column("bucket", INT, "of an n-gram"),
    column("ratio", INT, "ln of its share in the one / in the other, 2^-16 nats"),
)
DECIMALS = 4


def choose(texts: pa.Table, *, params: ImportanceParams) -> dict[str, pa.Table]:
    """The tokens of the documents of either list of sources that have any."""
    wanted = pc.is_in(texts["source"], value_set=pa.array(params.sources, pa.string()))
    either = pc.or_(wanted, pc.is_in(texts["source"], value_set=pa.array(params.against, pa.string())))
    chosen, wanted = texts.filter(either), wanted.filter(either)
    found = tokenized(chosen["text"], chosen["language"])
    tokens = pa.ListArray.from_arrays(pa.array(found.first, pa.int32()), pa.array(found.digests))
    columns = [chosen["id"].combine_chunks(), chosen["language"].combine_chunks(), tokens, wanted.combine_chunks()]
    rows = pa.Table.from_arrays(columns, schema=CHOSEN)
    return {"importance_reference": rows.filter(pc.greater(pc.list_value_length(rows["tokens"]), 0))}


def compare(reference: list[Segment], *, params: ImportanceParams) -> Iterator[tuple[str, str, pa.Table]]:
    """The weights of each language that both lists have. Errors: InputError where there is none."""
    rows = pa.concat_tables([CHOSEN.remove_metadata().empty_table(), *(one.read() for one in reference)])
    parts = []
    for language in sorted(set(rows["language"].to_pylist())):
        spoken = rows.filter(pc.equal(rows["language"], language))
        one, other = (_shares(spoken.filter(pc.equal(spoken["wanted"], side)), params) for side in (True, False))
        if one is not None and other is not None:
            ratio = np.round((np.log(one) - np.log(other)) * SCALE).astype(np.int32)
            parts.append(pa.table([pa.array([language] * BUCKETS), np.arange(BUCKETS, dtype=np.int32), ratio],
                                  schema=WEIGHTS.remove_metadata()))  # fmt: skip
    if not parts:
        raise InputError(
            f"clean.importance: {', '.join(params.sources)} and {', '.join(params.against)} have no documents of one "
            "language; name sources of params.yaml that are crawled"
        )
    yield "importance_weights", "all", pa.concat_tables(parts)


def _shares(rows: pa.Table, params: ImportanceParams) -> NDArray[np.float64] | None:
    """Share of the n-grams of some documents in each bucket; None of no documents."""
    if not rows.num_rows:
        return None
    lists = sampled(rows, params.seed, params.tokens)["tokens"].combine_chunks()
    first = np.concatenate([[0], np.cumsum(lists.value_lengths())])
    counts = np.bincount(_grams(Tokenized(first, lists.flatten().to_numpy()))[0], minlength=BUCKETS)
    return counts / counts.sum() + SMOOTHING


def _grams(words: Tokenized) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(bucket, number of the text) of each token and each pair of tokens."""
    owners = np.repeat(np.arange(len(words.first) - 1), np.diff(words.first))
    inside = np.flatnonzero(owners[:-1] == owners[1:])
    with np.errstate(over="ignore"):
        pairs = (words.digests[inside] * np.uint64(0x9E3779B97F4A7C15)) ^ words.digests[inside + 1]
        pairs *= np.uint64(0xD6E8FEB86659FD93)
        pairs ^= pairs >> np.uint64(32)
    hashes = np.concatenate([words.digests, pairs])
    return (hashes % np.uint64(BUCKETS)).astype(np.int64), np.concatenate([owners, owners[inside]])


def weigh(texts: pa.Table, weights: pa.Table) -> dict[str, pa.Table]:
    """The table `importance`."""
    total, each = np.full((2, texts.num_rows), np.nan)
    for language in weights["language"].unique().to_pylist():
        at = np.flatnonzero(pc.equal(texts["language"], language).to_numpy())
        rows = texts.take(pa.array(at))
        buckets, owners = _grams(tokenized(rows["text"], rows["language"]))
        ratio = weights.filter(pc.equal(weights["language"], language))["ratio"].to_numpy()
        grams = np.bincount(owners, minlength=len(at))
        units = np.bincount(owners, ratio[buckets], minlength=len(at))  # whole numbers below 2^53: exact
        total[at] = np.where(grams > 0, units / SCALE, np.nan)
        each[at] = total[at] / np.maximum(grams, 1)
    signals = (scored(texts["id"], "importance", total, 2), scored(texts["id"], "importance_per_gram", each, DECIMALS))
    return {"importance": pa.concat_tables(signals)}
