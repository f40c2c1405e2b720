"""What became of each document on its way into the corpus, by the verdicts of every stage on one segment.

Writes  verdicts, outcomes (catalog/schema)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.segments import Segment

CAPTURES, CLUSTERS, SPLITS = "crawl/captures", "dedup/verdicts", "label/splits"
INTO_CORPUS = ("crawl", "clean", "dedup")  # stages that may lose a document before it is in the corpus
NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What there is of a segment: `<stage>/<table>`, the captures first where there are some."""

    tables: tuple[str, ...]


def columns_of(table: str) -> tuple[str, ...]:
    """What is read of a table."""
    if table == CAPTURES:
        return ("id",)
    if table == SPLITS:
        return ("id", "split")
    if table == CLUSTERS:
        return ("id", "drop_reason", "cluster")
    return ("id", "error") if table.endswith("/quarantine") else ("id", "drop_reason")


def grouped(tables: Mapping[str, list[Segment]]) -> Iterator[tuple[Judged, list[list[Segment]]]]:
    """The segments by which tables their keys have: a stage may have nothing to say of some."""
    by_key: dict[str, dict[str, Segment]] = {}
    for name, segments in tables.items():
        for segment in segments:
            by_key.setdefault(segment.key, {})[name] = segment
    groups: dict[tuple[str, ...], list[dict[str, Segment]]] = {}
    for found in by_key.values():
        groups.setdefault(tuple(found), []).append(found)
    for names, members in groups.items():
        yield Judged(tables=names), [[member[name] for member in members] for name in names]


def outcomes(*tables: pa.Table, params: Judged) -> dict[str, pa.Table]:
    """`verdicts` of all stages, stage by stage; and `outcomes`, a row for each capture, in their order."""
    given = dict(zip(params.tables, tables, strict=True))
    verdicts = [_verdicts(name.partition("/")[0], rows) for name, rows in given.items() if name.endswith("/verdicts")]
    found = {"verdicts": pa.concat_tables(verdicts)} if verdicts else {}
    return found | ({"outcomes": _outcomes(given[CAPTURES]["id"], given)} if CAPTURES in given else {})


def _verdicts(stage: str, rows: pa.Table) -> pa.Table:
    stages = pa.repeat(pa.scalar(stage), rows.num_rows)
    return pa.table({"id": rows["id"], "stage": stages, "drop_reason": rows["drop_reason"]})


def _outcomes(ids: pa.ChunkedArray, given: Mapping[str, pa.Table]) -> pa.Table:
    columns = {name: pa.nulls(len(ids), pa.string()) for name in ("outcome", "stage", "reason")}
    for stage in INTO_CORPUS:
        for table, column, outcome in (("verdicts", "drop_reason", "dropped"), ("quarantine", "error", "quarantined")):
            reason = _looked_up(ids, given.get(f"{stage}/{table}"), column)
            lost = pc.is_valid(reason)
            said = {"outcome": pa.scalar(outcome), "stage": pa.scalar(stage), "reason": reason}
            columns = {name: pc.coalesce(columns[name], pc.if_else(lost, said[name], NONE)) for name in columns}
    return pa.table({
        "id": ids, **columns, "outcome": pc.fill_null(columns["outcome"], "kept"),
        "cluster": _looked_up(ids, given.get(CLUSTERS), "cluster"),
        "split": _looked_up(ids, given.get(SPLITS), "split"),
    })  # fmt: skip


def _looked_up(ids: pa.ChunkedArray, rows: pa.Table | None, column: str) -> pa.Array:
    """The value of a column for each id; null where the table has none."""
    said = None if rows is None else rows.filter(pc.is_valid(rows[column]))
    if said is None or not said.num_rows:
        return pa.nulls(len(ids), pa.string())
    return said[column].combine_chunks().take(pc.index_in(ids, value_set=said["id"].combine_chunks()).combine_chunks())
