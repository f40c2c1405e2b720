"""Edges -> clusters, in rounds: each action joins what it sees, until nothing changes.

In a round, partition p reads the edges of the round before and takes those of which one end is scattered to p; it joins
them, and tells for each document the smallest number that it is connected to. So every edge is read by the partition of
either end, connections stay, and a document with two smaller ones sees them joined in the next round; along a chain
the distance to the smallest halves. When a round says what the one before said, every document has one edge, to the
smallest number of its cluster: had it two, its partition would have joined them; had that one a smaller, likewise.
(A variant of star contraction: Kiveris et al., *Connected Components in MapReduce and Beyond*, SoCC 2014.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from catalog.segments import Segment
from stages.duplicates.spread.parts import Numbers, Share, as_numbers, groups_of, scattered
from stages.text.minhash.clusters import connect_pairs

LABELS = pa.schema([("number", pa.uint64()), ("leader", pa.uint64())])


def join_edges(*edges: Sequence[Segment], params: Share) -> Iterator[tuple[str, str, pa.Table]]:
    """("spread_labels", partition, LABELS rows): of each document of an edge taken, the smallest connected to it."""
    number, leader = taken(edges, params)
    nodes, at = np.unique(np.concatenate((number, leader)), return_inverse=True)
    roots = nodes[connect_pairs(len(nodes), at[: len(number)], at[len(number) :])]
    moved = roots != nodes
    yield "spread_labels", f"{params.index:04d}", pa.table({"number": nodes[moved], "leader": roots[moved]})


def taken(edges: Sequence[Sequence[Segment]], params: Share) -> tuple[Numbers, Numbers]:
    """The edges between two documents of which one is scattered to this partition; memory: those alone."""
    ends: list[tuple[Numbers, Numbers]] = [(np.empty(0, np.uint64), np.empty(0, np.uint64))]
    for segment in (segment for segments in edges for segment in segments):
        rows = segment.read(["number", "leader"])
        one, other = as_numbers(rows["number"]), as_numbers(rows["leader"])
        ours = (scattered(one, params.parts) == params.index) | (scattered(other, params.parts) == params.index)
        ours &= one != other
        ends.append((one[ours], other[ours]))
    number, leader = (np.concatenate(side) for side in zip(*ends, strict=True))
    return number, leader


def labels_of_group(labels: Sequence[Segment], group: int) -> tuple[Numbers, Numbers]:
    """(documents of the group that are in a cluster of two or more, its smallest number), ascending."""
    found: list[tuple[Numbers, Numbers]] = [(np.empty(0, np.uint64), np.empty(0, np.uint64))]
    for segment in labels:
        rows = segment.read()
        number, leader = as_numbers(rows["number"]), as_numbers(rows["leader"])
        for one in (number, leader):
            ours = groups_of(one) == group
            found.append((one[ours], leader[ours]))
    number, leader = (np.concatenate(side) for side in zip(*found, strict=True))
    number, first = np.unique(number, return_index=True)
    return number, leader[first]
