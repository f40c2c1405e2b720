"""Perplexity of documents under an n-gram model of the project's own reference text; head, middle and tail by it.

Reads   clean/text.
Writes  clean/reference  the tokens of the documents of the reference sources
        clean/ngrams     one model per language (stages/scores/ngrams.py)
        clean/perplexity and clean/bucket, rows of SCORES; a document without a model for its language has none
        clean/cutoffs    the percentiles of each language
Source  cc_net (Wenzek et al. 2020, arXiv 1911.00359): 5-grams, Kneser-Ney, percentiles 30 and 60. There a token is
        a piece of SentencePiece and the text is Wikipedia; here it is a word, sign or ideograph, and the text is yours.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.schema import ID, column, table
from catalog.segments import Segment
from stages.scores.ngrams import Model, perplexities, train
from stages.scores.params import BucketParams, NgramParams
from stages.scores.rows import scored
from stages.scores.tokenized import tokenized

LANGUAGE = column("language", pa.string(), "language of the documents, as in clean/text")
REFERENCE = table(ID, LANGUAGE, column("tokens", pa.list_(pa.uint64()), "hash of each token"))
NGRAMS = table(
    LANGUAGE,
    column("gram", pa.uint64(), "hash of the n-gram"),
    column("probability", pa.int32(), "log2 of that of its last token after the others, 2^-16 bits"),
    column("backoff", pa.int32(), "log2 of the weight of shorter n-grams after it, 2^-16 bits"),
)
CUTOFFS = table(
    LANGUAGE,
    column("head", pa.float32(), "highest perplexity of the head"),
    column("middle", pa.float32(), "highest perplexity of the middle"),
)
DECIMALS = 2
HEAD = 1  # then come middle, 2, and tail, 3


def select(texts: pa.Table, *, params: NgramParams) -> dict[str, pa.Table]:
    """The tokens of the documents of the reference sources that have any."""
    chosen = texts.filter(pc.is_in(texts["source"], value_set=pa.array(params.sources, pa.string())))
    found = tokenized(chosen["text"], chosen["language"])
    tokens = pa.ListArray.from_arrays(pa.array(found.first, pa.int32()), pa.array(found.digests))
    columns = [chosen["id"].combine_chunks(), chosen["language"].combine_chunks(), tokens]
    rows = pa.Table.from_arrays(columns, schema=REFERENCE)
    return {"reference": rows.filter(pc.greater(pc.list_value_length(rows["tokens"]), 0))}


def learn(reference: list[Segment], *, params: NgramParams) -> Iterator[tuple[str, str, pa.Table]]:
    """One model per language. Errors: InputError where the sources have no documents."""
    rows = pa.concat_tables([REFERENCE.remove_metadata().empty_table(), *(one.read() for one in reference)])
    if not rows.num_rows:
        raise InputError(
            f"clean.perplexity.reference: the sources {', '.join(params.sources)} have no document; "
            "name sources of params.yaml that are crawled"
        )
    parts = []
    for language in sorted(set(rows["language"].to_pylist())):
        chosen = sampled(rows.filter(pc.equal(rows["language"], language)), params.seed, params.tokens)
        lists = chosen["tokens"].combine_chunks()
        model = train(np.concatenate([[0], np.cumsum(lists.value_lengths())]), lists.flatten().to_numpy(), params.order)
        parts.append(pa.table([pa.array([language] * len(model.gram)), *model], schema=NGRAMS.remove_metadata()))
    yield "ngrams", "all", pa.concat_tables(parts)


def sampled(rows: pa.Table, seed: int, tokens: int) -> pa.Table:
    """Documents in order of a hash of (seed, id), until they have as many tokens as are wanted."""
    ids = rows["id"].to_pylist()
    drawn = [blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest() for name in ids]
    order = sorted(range(len(ids)), key=drawn.__getitem__)
    rows = rows.take(pa.array(order, pa.int64()))
    before = np.cumsum(pc.list_value_length(rows["tokens"]).to_numpy())
    return rows.slice(0, int(np.searchsorted(before, tokens)) + 1)


def perplex(texts: pa.Table, ngrams: pa.Table, *, params: NgramParams) -> dict[str, pa.Table]:
    """The perplexity of each document for whose language there is a model."""
    values = np.full(texts.num_rows, np.nan)
    for language in ngrams["language"].unique().to_pylist():
        at = np.flatnonzero(pc.equal(texts["language"], language).to_numpy())
        if len(at):
            rows = texts.take(pa.array(at))
            values[at] = _perplexities(rows, ngrams.filter(pc.equal(ngrams["language"], language)), params.order)
    return {"perplexity": scored(texts["id"], "perplexity", values, DECIMALS)}


def _perplexities(rows: pa.Table, ngrams: pa.Table, order: int) -> NDArray[np.float64]:
    model = Model(*(ngrams[name].to_numpy() for name in Model._fields))
    return perplexities(model, order, *tokenized(rows["text"], rows["language"]))


def cut(scores: list[Segment], texts: list[Segment], *, params: BucketParams) -> Iterator[tuple[str, str, pa.Table]]:
    """The percentiles of the perplexities of each language, by nearest rank."""
    parts = [
        _with_language(one.read(), other.read(["id", "language"])) for one, other in zip(scores, texts, strict=True)
    ]
    rows = pa.concat_tables(parts)
    found = []
    for language in sorted(set(rows["language"].to_pylist())):
        values = np.sort(rows.filter(pc.equal(rows["language"], language))["value"].to_numpy())
        ranks = [max(0, -(-percent * len(values) // 100) - 1) for percent in (params.head, params.middle)]
        found.append({"language": language, "head": values[ranks[0]], "middle": values[ranks[1]]})
    yield "cutoffs", "all", pa.Table.from_pylist(found, schema=CUTOFFS.remove_metadata())


def bucket(scores: pa.Table, texts: pa.Table, cutoffs: pa.Table) -> dict[str, pa.Table]:
    """1 for the head of its language, 2 for the middle, 3 for the tail."""
    rows = _with_language(scores, texts)
    at = pc.index_in(rows["language"], value_set=cutoffs["language"].combine_chunks())
    above = [
        pc.greater(rows["value"], cutoffs[name].take(at)).cast(pa.int8()).to_numpy() for name in ("head", "middle")
    ]
    return {"bucket": scored(rows["id"], "perplexity_bucket", HEAD + sum(above, np.zeros(len(at))), 0)}


def _with_language(scores: pa.Table, texts: pa.Table) -> pa.Table:
    """Scores with the language of each document."""
    at = pc.index_in(scores["id"], value_set=texts["id"].combine_chunks())
    return scores.append_column("language", texts["language"].take(at))
