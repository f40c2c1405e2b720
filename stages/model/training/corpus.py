"""The tokens that a run trains on, end to end in one file, read through a memory map.

Reads   tokenize/tokens, segment by segment; never more than one of them is held.
Writes  a folder: tokens.npy (uint16 where the vocabulary allows, else uint32), offsets.npy, keys.npy
A run of many processes maps one file; the operating system keeps what is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment
from stages.labels.splits import TRAIN
from stages.model.training.batches import Documents, Ints
from stages.model.training.randomness import Keys, document_keys


@dataclass(frozen=True, slots=True)
class Listed:
    """The training split's documents in segment order: ids, keys and tokens of each; all [documents]."""

    ids: pa.Array
    keys: Keys
    lengths: Ints


def listed(tokens: list[Segment]) -> Listed:
    """Who they are, without their tokens."""
    found = [
        (rows["id"].combine_chunks(), pc.list_value_length(rows["ids"]).to_numpy()) for rows in _training_rows(tokens)
    ]
    ids = pa.concat_arrays([part for part, _ in found]) if found else pa.array([], pa.string())
    lengths = np.concatenate([np.zeros(0, dtype=np.int64), *(part.astype(np.int64) for _, part in found)])
    return Listed(ids, document_keys(ids.to_pylist()), lengths)


def write_corpus(tokens: list[Segment], documents: Listed, chosen: Ints, vocabulary: int, folder: Path) -> None:
    """Write the folder described above for the documents at the places `chosen` (ascending)."""
    folder.mkdir(parents=True, exist_ok=True)
    offsets = np.concatenate([[0], np.cumsum(documents.lengths[chosen])]).astype(np.int64)
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "keys.npy", documents.keys[chosen])
    kind = np.uint16 if vocabulary <= 1 << 16 else np.uint32
    flat = np.lib.format.open_memmap(folder / "tokens.npy", mode="w+", dtype=kind, shape=(int(offsets[-1]),))
    written = seen = 0
    for rows in _training_rows(tokens):
        first, last = np.searchsorted(chosen, [seen, seen + len(rows)])
        part = pc.list_flatten(rows["ids"].take(pa.array(chosen[first:last] - seen))).to_numpy()
        flat[written : written + len(part)] = part
        written, seen = written + len(part), seen + len(rows)
    flat.flush()


def read_corpus(folder: Path) -> Documents:
    """The documents that `write_corpus` wrote; their tokens stay on disk until they are used."""
    flat = np.load(folder / "tokens.npy", mmap_mode="r")
    return Documents(tokens=flat, offsets=np.load(folder / "offsets.npy"), keys=np.load(folder / "keys.npy"))


def _training_rows(tokens: list[Segment]) -> Iterator[pa.Table]:
    for segment in tokens:
        rows = segment.read(["id", "split", "ids"])
        yield rows.filter(pc.equal(rows["split"], pa.scalar(TRAIN)))
