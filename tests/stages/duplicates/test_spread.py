"""A clustering that is spread over many actions says what the one in one memory says, to the last column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.digests import logical_digest
from catalog.errors import GristmillError, InputError
from catalog.incremental.operators import Operator, resolve
from catalog.incremental.planning import Job
from catalog.parquet import conform
from stages.duplicates.params import ClusterParams
from stages.duplicates.spread.components import join_edges
from stages.duplicates.spread.parts import Share, arriving
from stages.duplicates.spread.rounds import Spreading, Tables
from tests.stages.duplicates.duplicate_strategies import ALL_PAIRS, CHOICES, ROWS
from tests.stages.duplicates.duplicated import BASE, NEAR, OTHER, chain, document, run, tables, variants
from tests.stages.label_tables import Part

TABLES = ("signatures", "verdicts", "texts", "addresses", "folded", "signals")


@dataclass(frozen=True)
class Kept(Part):
    """A segment in memory, with what its manifest would say."""

    @property
    def rows(self) -> int:
        return self.table.num_rows

    @property
    def logical(self) -> str:
        return logical_digest(self.table)


def as_read(rows: pa.Table) -> pa.Table:
    """The rows with the types that a file of them gives back."""
    file = pa.BufferOutputStream()
    pq.write_table(rows, file, store_schema=False)
    return pq.read_table(pa.BufferReader(file.getvalue()))


class InMemory:
    """Reduces as a stage does them, without files; `most` is the greatest number of rows that one of them read."""

    def __init__(self) -> None:
        self.most: dict[str, int] = {}

    def reduce_all(self, operator: Operator, jobs: Iterable[Job]) -> dict[str, list[Kept]]:
        found: dict[str, list[Kept]] = {name: [] for name in operator.writes}
        for job in jobs:
            for name, key, rows in resolve(operator.reference)(*job.inputs, params=job.params):
                found[name].append(Kept(key, as_read(conform(rows, operator.writes[name], name))))
            read = sum(segment.rows for segments in job.inputs for segment in segments)
            self.most[operator.name] = max(read, self.most.get(operator.name, 0))
        return found


def spread(parts: Sequence[Sequence[dict[str, Any]]], documents: int, **changed: Any) -> dict[str, dict[str, Any]]:
    """Verdict of each document by id, from partitions of so many documents."""
    given = [[Kept(one.key, one.table) for one in found] for found in tables(parts)]
    read = Tables(**dict(zip(TABLES, given, strict=True)))  # type: ignore[arg-type]
    found = Spreading(InMemory(), read, ClusterParams(**changed), documents).run(later=False)["verdicts"]  # type: ignore[arg-type]
    assert [segment.key for segment in found] == [str(i) for i in range(len(parts))]
    return {row["id"]: row for segment in found for row in segment.read().to_pylist()}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(ROWS, max_size=20), CHOICES, st.integers(1, 6), st.integers(1, 8), st.sampled_from(["exact", "estimate"])
)
def test_spread_equals_one_memory(
    rows: list[dict[str, Any]], choice: dict[str, Any], parts: int, documents: int, verify: str
) -> None:
    """Whatever the documents, the levels, the order of keeping, the limit, the segments and the partitions."""
    named = [row | {"id": f"{i:02}"} for i, row in enumerate(rows)]
    pieces = [named[i::parts] for i in range(parts)]
    how = ALL_PAIRS | choice | {"verify": verify, "rehydrate": ((1, 1), (2, 2), (3, 5))}
    assert spread(pieces, documents, **how) == run(pieces, **how)


@pytest.mark.parametrize("least", [0.0, 0.5])
def test_long_chains_and_giant_buckets(least: float) -> None:
    """A chain through many partitions is one cluster; a bucket that is bigger than the window is compared the same."""
    texts = [*chain(60), *variants(40), *[NEAR] * 3, BASE, OTHER]
    rows = [document(f"{i:03}", text) for i, text in enumerate(texts)]
    pieces = [rows[i::9] for i in range(9)]
    how = {"bands": 112, "rows_per_band": 1, "min_jaccard": 0.7, "min_representative_similarity": least}
    how |= {"max_dropped_fraction": 1.0}
    assert spread(pieces, 5, **how) == run(pieces, **how)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60), st.integers(1, 5))
def test_rounds_end_in_the_smallest_of_what_is_connected(pairs: list[tuple[int, int]], parts: int) -> None:
    """Every document of an edge gets one label, by however many partitions."""
    ends = np.array(pairs, np.uint64).reshape(-1, 2)
    edges = [Kept("all", pa.table({"number": ends[:, 0], "leader": ends[:, 1]}))]
    before: list[Kept] = []
    for _ in range(12):
        edges = [
            Kept(key, rows)
            for index in range(parts)
            for _, key, rows in join_edges(edges, params=Share(index=index, parts=parts))  # type: ignore[arg-type]
        ]
        if [one.logical for one in edges] == [one.logical for one in before]:
            break
        before = edges
    else:
        pytest.fail("the rounds did not end")
    smallest = {node: node for node in ends.ravel().tolist()}
    for _ in smallest:
        for one, other in pairs:
            smallest[one] = smallest[other] = min(smallest[one], smallest[other])
    found = {row["number"]: row["leader"] for one in edges for row in one.table.to_pylist()}
    assert found == {node: least for node, least in smallest.items() if node != least}


def test_what_went_to_more_partitions_than_there_are_is_left_out() -> None:
    """As in a rehearsal of a corpus that shrank."""
    sent = [Kept(key, pa.table({})) for key in ("0000-0001", "exact 0001-0000", "0001-0004")]
    assert [[one.key for one in found] for found in arriving(sent, 2)] == [["exact 0001-0000"], ["0000-0001"]]  # type: ignore[arg-type]


def test_what_one_memory_refuses_is_refused() -> None:
    """An id that occurs twice, in two partitions; and what a guard takes for a mistake, in the same words."""
    with pytest.raises(InputError, match="the first is a"):
        spread([[document("a", BASE)], [document("a", OTHER)]], 1)
    rows = [document(f"{i:03}", BASE) for i in range(200)]
    said = []
    for how in (run, lambda parts, **changed: spread(parts, 50, **changed)):
        with pytest.raises(GristmillError) as refused:
            how([rows[i::4] for i in range(4)], max_cluster_documents=150)
        said.append(str(refused.value))
    assert said[0] == said[1] and "would stand for 200 documents" in said[0]


def test_no_action_reads_more_than_its_partition() -> None:
    """Of eight partitions, none is sent more than twice its share; only edges and sums are read by one action."""
    words = [[f"{i // 2 * j % 997:x}" for j in range(1, 40)] for i in range(800)]
    texts = [" ".join([*found, "again" * (i % 2)]) for i, found in enumerate(words)]
    rows = [document(f"{i:03}", text) for i, text in enumerate(texts)]
    given = [[Kept(one.key, one.table) for one in found] for found in tables([rows[i::16] for i in range(16)])]
    stage = InMemory()
    Spreading(stage, Tables(**dict(zip(TABLES, given, strict=True))), ClusterParams(), 100).run(later=False)  # type: ignore[arg-type]
    assert stage.most["meet_values"] <= 200 and stage.most["meet_bands"] <= 2 * 14 * 100
    assert max(stage.most["send_bands"], stage.most["send_values"]) <= 5 * 100 + 200
