"""Contamination: which test texts share a run of tokens with what the network was pretrained on.

Reads   finetune/units, tokenize/vocabulary, tokenize/tokens, documents.txt of pretrain's model.
Writes  evaluate/contamination
Sources a run of 13 tokens is what GPT-3's report counts as an overlap (Brown et al. 2020, appendix C).

Only the test texts are indexed; what was pretrained on is read past them, segment by segment.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.labels.splits import TEST
from stages.model.finetuning.units import read_units
from stages.model.tokens.tokenizer import token_ids
from stages.model.tokens.tokenizing import tokenizer_of
from stages.model.training.batches import Ints
from stages.model.training.randomness import Keys, mixed

RUN = 13  # tokens


def contamination(
    units: list[Segment], vocabulary: list[Segment], tokens: list[Segment], documents: list[Segment]
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("contamination", "all", a row for each test unit)."""
    test = read_units(units, TEST)
    tokenizer = tokenizer_of(vocabulary)
    lists = token_ids(tokenizer, [unit.text for unit in test])
    runs = [run_hashes(np.array(ids, dtype=np.int64)) for ids in lists]
    seen = np.zeros(0, np.uint64)
    wanted = np.unique(np.concatenate([*runs, seen]))
    for hashes in pretrained_on(tokens, documents):
        seen = np.union1d(seen, np.intersect1d(wanted, hashes))
    yield "contamination", "all", pa.table({
        "id": pa.array([unit.id for unit in test], pa.string()),
        "about": pa.array([unit.about or None for unit in test], pa.string()),
        "runs": pa.array([len(hashes) for hashes in runs], pa.int32()),
        "shared": pa.array([int(np.isin(hashes, seen).sum()) for hashes in runs], pa.int32()),
    })  # fmt: skip


def pretrained_on(tokens: list[Segment], documents: list[Segment]) -> Iterator[Keys]:
    """The runs of the documents that are listed, by segment."""
    names = pa.array(documents[0].path.read_text(encoding="utf-8").split(), pa.string())
    for segment in tokens:
        rows = segment.read(["id", "ids"])
        rows = rows.filter(pc.is_in(rows["id"], value_set=names))
        lists = [np.array(ids, dtype=np.int64) for ids in rows["ids"].to_pylist()]
        yield np.concatenate([run_hashes(ids) for ids in lists]) if lists else np.zeros(0, np.uint64)


def run_hashes(tokens: Ints) -> Keys:
    """A 64-bit hash of each run of RUN tokens, [len - RUN + 1]; none of a shorter text."""
    count = max(0, len(tokens) - RUN + 1)
    hashes = np.zeros(count, np.uint64)
    for place in range(RUN):
        hashes = mixed(tokens[place : place + count].astype(np.uint64), hashes)
    return hashes
