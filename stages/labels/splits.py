"""Splits: which of train, validation and test a document belongs to.

A split is a pure function of (seed, near-duplicate cluster), so near-duplicates never part, rows added or
removed elsewhere move nobody, and no list of members has to be stored. It reads the cluster column of
`dedup/verdicts` and nothing else; `label` and `tokenize` both call `split_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.params import load_params

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TEST, VALIDATION, TRAIN)  # in the order in which they take the range of the hash
HASH_RANGE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitParams:
    """How clusters are divided: `validation` and `test` are fractions of the clusters, train is the rest."""

    seed: int
    validation: float
    test: float

    def __post_init__(self) -> None:
        for name, fraction in (("validation", self.validation), ("test", self.test)):
            if not 0.0 <= fraction < 1.0:
                raise ValueError(f"{name} is {fraction}, must be at least 0 and below 1")
        if self.validation + self.test >= 1.0:
            raise ValueError(
                f"validation {self.validation} and test {self.test} sum to 1 or more: nothing is left to train on"
            )


def split_params(block: Mapping[str, Any]) -> SplitParams:
    """The parameters under `label.split` of params.yaml. Raises ParameterError that lists all problems."""
    loaded: SplitParams = load_params("label.split", block, [SplitParams])[SplitParams]
    return loaded


def cluster_position(seed: int, cluster: str) -> int:
    """Where a cluster falls in the range [0, 2**64), by the first 8 bytes of blake2b("seed:cluster")."""
    return int.from_bytes(blake2b(f"{seed}:{cluster}".encode(), digest_size=8).digest(), "big")


def split_of(clusters: pa.Array | pa.ChunkedArray, params: SplitParams) -> pa.Array:
    """The split of each cluster id, as strings of the same length and order as `clusters`.

    The test range is the lowest and validation lies above it, so raising `validation` moves nothing out of test.
    Raises ValueError for a null cluster.
    """
    if clusters.null_count:
        raise ValueError(f"{clusters.null_count} documents have no cluster: run `dvc repro dedup`")
    encoded = pc.dictionary_encode(clusters)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    positions = [cluster_position(params.seed, cluster) for cluster in encoded.dictionary.to_pylist()]
    edges = [int(params.test * HASH_RANGE), int((params.test + params.validation) * HASH_RANGE)]
    codes = np.fromiter((sum(position >= edge for edge in edges) for position in positions), np.int32)
    return pa.array(SPLITS, pa.string()).take(pa.array(codes).take(encoded.indices))


def assign(clusters: pa.Table, *, params: SplitParams) -> dict[str, pa.Table]:
    """`label/splits` of one segment of `dedup/verdicts`: a row for every document that was kept."""
    kept = clusters.select(["id", "cluster"]).filter(pc.is_null(clusters["drop_reason"]))
    return {"splits": kept.append_column("split", split_of(kept["cluster"], params))}
