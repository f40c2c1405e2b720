"""Row memo: which rows of a new segment have a result already, in whatever segment they stood before.

An edited document changes its segment, and with a hundred edits in a hundred segments every segment changes; a costly
operator then computes the edited rows and takes the others from earlier results of the same recipe. Rows are matched
by the digest of the columns that decide them (`Memo.by`). For models the unit is a canonical batch: rows sorted by
digest and cut where the digest says so, hence the same rows form the same batch wherever they stand, and an inserted
row disturbs the batches around it only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.incremental.operators import Memo
from catalog.parquet import read_parquet

DIGEST = 16  # bytes of the digest of a row or a batch


@dataclass(frozen=True, kw_only=True)
class Reused:
    """Rows of one earlier result that stand in the new segment too."""

    files: tuple[tuple[str, Path], ...]
    """(table, file) of every table of the earlier result."""
    ids: tuple[str, ...]


def row_digests(rows: pa.Table, by: Sequence[str]) -> list[bytes]:
    """One digest per row over the columns `by`; null and empty differ."""
    columns = [rows[name].to_pylist() for name in by]
    return [_digest(repr(values).encode()) for values in zip(*columns, strict=True)]


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST).digest()


def canonical_batches(digests: Sequence[bytes], size: int) -> list[list[int]]:
    """Positions of rows, batch by batch: in order of digest, cut after `size` rows or where a digest says so.

    One row in 2 * `size` ends a batch whatever came before it, so that two lists that share most rows share most
    batches; batches are four fifths full on average.
    """
    order = sorted(range(len(digests)), key=digests.__getitem__)
    batches: list[list[int]] = [[]]
    for position in order:
        batches[-1].append(position)
        ends = int.from_bytes(digests[position][-4:], "big") % (2 * size) == 0
        if ends or len(batches[-1]) == size:
            batches.append([])
    return [batch for batch in batches if batch]


def units(rows: pa.Table, memo: Memo) -> list[bytes]:
    """For each row, the digest of what is reused as a whole: the row, or the batch it is in."""
    digests = row_digests(rows, memo.by)
    if memo.batch is None:
        return digests
    found = [b""] * len(digests)
    for batch in canonical_batches(digests, memo.batch):
        members = b"".join(digests[position] for position in batch)
        name = _digest(members)
        for position in batch:
            found[position] = name
    return found


class Known:
    """The units of earlier results: `inputs` holds, per result, the file of its input and the files it wrote.

    Memory: 20 bytes per row of the inputs.
    """

    def __init__(self, memo: Memo, inputs: Iterable[tuple[Path, tuple[tuple[str, Path], ...]]]) -> None:
        self._memo = memo
        self._files: list[tuple[tuple[str, Path], ...]] = []
        names, counts = bytearray(), []
        for path, files in inputs:
            found = units(read_parquet(path, _columns(memo)), memo)
            names += b"".join(found)
            counts.append(len(found))
            self._files.append(files)
        halves = np.frombuffer(bytes(names), "<u8").reshape(-1, 2)
        order = np.argsort(halves[:, 0], kind="stable")
        self._first, self._second = halves[order, 0], halves[order, 1]
        self._result = np.repeat(np.arange(len(counts), dtype=np.int32), counts)[order]

    def reused(self, path: Path) -> tuple[Reused, ...]:
        """What of the segment at `path` need not be computed."""
        rows = read_parquet(path, _columns(self._memo))
        results = self._results(units(rows, self._memo)).tolist()
        ids: dict[int, list[str]] = {}
        for name, result in zip(rows["id"].to_pylist(), results, strict=True):
            if result >= 0:
                ids.setdefault(result, []).append(name)
        return tuple(Reused(files=self._files[result], ids=tuple(found)) for result, found in sorted(ids.items()))

    def _results(self, names: list[bytes]) -> NDArray[np.int32]:
        """For each unit, an earlier result that holds it, or -1. Two units of one first half cost a recomputation."""
        if not len(self._first):
            return np.full(len(names), -1, np.int32)
        halves = np.frombuffer(b"".join(names), "<u8").reshape(-1, 2)
        at = np.minimum(np.searchsorted(self._first, halves[:, 0]), len(self._first) - 1)
        same = (self._first[at] == halves[:, 0]) & (self._second[at] == halves[:, 1])
        return np.where(same, self._result[at], np.int32(-1))


def _columns(memo: Memo) -> list[str]:
    return list(dict.fromkeys(("id", *memo.by)))


def without(rows: pa.Table, reused: Iterable[Reused]) -> pa.Table:
    """The rows that are still to be computed."""
    ids = [name for part in reused for name in part.ids]
    return rows.filter(pc.invert(pc.is_in(rows["id"], value_set=pa.array(ids, pa.string()))))


def merged(
    produced: Mapping[str, pa.Table], reused: Iterable[Reused], ids: pa.ChunkedArray, schemas: Mapping[str, pa.Schema]
) -> dict[str, pa.Table]:
    """Computed and reused rows of every table, in the order of `ids`; each table has a column `id`."""
    parts = {name: [conformed(table, schemas[name])] for name, table in produced.items()}
    for part in reused:
        wanted = pa.array(part.ids, pa.string())
        for name, path in part.files:
            old = read_parquet(path)
            parts.setdefault(name, []).append(
                conformed(old.filter(pc.is_in(old["id"], value_set=wanted)), schemas[name])
            )
    order = ids.combine_chunks()
    return {name: _ordered(pa.concat_tables(tables), order) for name, tables in parts.items()}


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns by name and type of a schema, without nullability, so that tables can be joined end to end."""
    return pa.table({field.name: table[field.name].cast(field.type) for field in schema})


def _ordered(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.take(pc.sort_indices(pc.index_in(table["id"].combine_chunks(), value_set=ids)))
