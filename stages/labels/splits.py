"""Splits: which of train, validation and test a document belongs to.

A split is a pure function of (seed, near-duplicate cluster), so near-duplicates never part, rows added or
removed elsewhere move nobody, and no list of members has to be stored. Where sources bring splits of their own
(a published test set), the clusters that hold their documents follow them (given_splits.py).
`label` and `tokenize` both call `split_of`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    """How clusters are divided: `validation` and `test` are fractions of the clusters, train is the rest.

    `given`: source -> the split of all its clusters, or other fractions for them, as in {validation: 0.1, test: 0}.
    """

    seed: int
    validation: float
    test: float
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, fraction in (("validation", self.validation), ("test", self.test)):
            if not 0.0 <= fraction < 1.0:
                raise ValueError(f"{name} is {fraction}, must be at least 0 and below 1")
        if self.validation + self.test >= 1.0:
            raise ValueError(
                f"validation {self.validation} and test {self.test} sum to 1 or more: nothing is left to train on"
            )
        if wrong := [problem for source, how in self.given.items() for problem in _problems(source, how)]:
            raise ValueError("\n".join(wrong))

    def of_source(self, source: str) -> "SplitParams":
        """How the clusters of one source of `given` with fractions are divided."""
        return replace(self, **{TEST: 0.0, VALIDATION: 0.0, "given": {}, **self.given[source]})


def _problems(source: str, how: Any) -> Iterator[str]:
    """What is wrong with an entry of `given`."""
    if isinstance(how, str):
        if how not in SPLITS:
            yield f"given.{source} is {how!r}, must be train, validation, test, or fractions of the latter two"
        return
    if not isinstance(how, Mapping) or set(how) - {TEST, VALIDATION}:
        yield f"given.{source} is {how!r}, must be a split or fractions, as in {{validation: 0.1, test: 0}}"
        return
    numbers = [value for value in how.values() if isinstance(value, int | float) and 0 <= value < 1]
    if len(numbers) < len(how) or sum(numbers) >= 1:
        yield f"given.{source} is {how!r}: fractions are at least 0 and sum to less than 1"


def split_params(block: Mapping[str, Any]) -> SplitParams:
    """The parameters under `label.split` of params.yaml. Raises ParameterError that lists all problems."""
    loaded: SplitParams = load_params("label.split", block, [SplitParams])[SplitParams]
    return loaded


def cluster_position(seed: int, cluster: str) -> int:
    """Where a cluster falls in the range [0, 2**64), by the first 8 bytes of blake2b("seed:cluster")."""
    return int.from_bytes(blake2b(f"{seed}:{cluster}".encode(), digest_size=8).digest(), "big")


def split_of(clusters: pa.Array | pa.ChunkedArray, params: SplitParams, given: pa.Table | None = None) -> pa.Array:
    """The split of each cluster id, as strings of the same length and order as `clusters`.

    `given`: cluster and split of those that a source decides. Of the others the test range is the lowest and
    validation lies above it, so raising `validation` moves nothing out of test.
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
    splits = pa.array(SPLITS, pa.string()).take(pa.array(codes))
    if given is not None:
        own = given["split"].take(pc.index_in(encoded.dictionary, value_set=given["cluster"].combine_chunks()))
        splits = pc.coalesce(own.combine_chunks(), splits)
    return splits.take(encoded.indices)


def assign(clusters: pa.Table, given: pa.Table, *, params: SplitParams) -> dict[str, pa.Table]:
    """`label/splits` of one segment of `dedup/verdicts`: a row for every document that was kept."""
    kept = clusters.select(["id", "cluster"]).filter(pc.is_null(clusters["drop_reason"]))
    return {"splits": kept.append_column("split", split_of(kept["cluster"], params, given))}
