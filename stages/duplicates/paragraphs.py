"""Paragraphs that stand in an earlier document too: boilerplate, quotations, texts within texts.

Reads   clean/text; then what says which documents are kept and in which order (stages/duplicates/standing.py).
Writes  dedup/paragraphs, one row per document, also of documents that are dropped; dedup/paragraph_cuts.
Sources one hash per normalised paragraph over the whole corpus: CCNet (Wenzek et al. 2019).

Memory: 70 MB per million paragraphs (measured on 10 million).
Equal are paragraphs of equal 64-bit hashes; among 100 million different ones, two share a hash with probability 0.0003.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ID, column, table
from catalog.segments import Segment
from stages.duplicates.cutting import PARAGRAPHS
from stages.duplicates.params import KeepParams
from stages.duplicates.pieces import paragraphs
from stages.duplicates.reading import Corpus
from stages.duplicates.spans import Pieces, cuts
from stages.duplicates.standing import standing

HASHED = table(
    ID,
    column("hashes", pa.list_(pa.uint64()), "of the folded words of each paragraph that is long enough"),
    column("starts", pa.list_(pa.int32()), "first character of each in the text, from 0"),
    column("stops", pa.list_(pa.int32()), "character after it and the newlines that end it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitParams:
    """What is a paragraph."""

    newlines: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParagraphParams:
    """What becomes of those that are found again."""

    effect: str
    max_share: float
    keep: KeepParams


def split(documents: pa.Table, params: SplitParams) -> dict[str, pa.Table]:
    """clean/text rows (id, text) -> {"paragraphs": HASHED rows}, same order."""
    offsets, *values = paragraphs(documents["text"], params.newlines, params.tokens)
    bounds = pa.array(offsets.astype(np.int32))
    columns = [pa.ListArray.from_arrays(bounds, pa.array(one)) for one in values]
    return {"paragraphs": pa.table([documents["id"], *columns], schema=HASHED)}


def paragraph_cuts(
    hashed: list[Segment], signatures: list[Segment], clusters: list[Segment], addresses: list[Segment],
    signals: list[Segment], *earlier: list[Segment], params: ParagraphParams,
) -> Iterator[tuple[str, str, pa.Table]]:  # fmt: skip
    """Yield ("paragraph_cuts", key, rows) per segment."""
    corpus, order = standing(signatures, clusters, addresses, signals, *earlier, keep=params.keep)
    pieces = _read(hashed, corpus)
    found = cuts(corpus, order, pieces, level=PARAGRAPHS, effect=params.effect, max_share=params.max_share)
    yield from (("paragraph_cuts", key, rows) for key, rows in found)


def _read(hashed: Sequence[Segment], corpus: Corpus) -> Pieces:
    """The paragraphs of the documents, in corpus order."""
    parts = [HASHED.remove_metadata().empty_table()]
    for segment, ids in zip(hashed, corpus.ids(), strict=True):
        rows = segment.read()
        parts.append(rows.take(pc.index_in(ids, value_set=rows["id"])))
    rows = pa.concat_tables(parts).combine_chunks()
    hashes, starts, stops = (pc.list_flatten(rows[name]).to_numpy() for name in ("hashes", "starts", "stops"))
    _, group = np.unique(hashes, return_inverse=True)
    offsets = np.cumsum(np.concatenate(([0], pc.list_value_length(rows["hashes"]).to_numpy())), dtype=np.int64)
    return Pieces(offsets, group.astype(np.int64), starts, stops)
