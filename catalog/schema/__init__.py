"""Every table and column once: name, Arrow type, whether it may be null, and what it means with its unit.

The description of a column is in its field metadata under `unit`; docs/schema.md is generated from here.
Parquet files carry these types and no metadata. A table is named `<stage>/<table>`.
"""

from __future__ import annotations

import pyarrow as pa

from catalog.schema.catalog import CATALOG, VERSIONS
from catalog.schema.columns import DROP_REASON, ID, INT, LONG, SPLIT, TASK, TEXT, TEXT_DIGEST, column, table
from catalog.schema.labels import (
    AGREEMENT,
    ANNOTATIONS,
    ANNOTATORS,
    BALANCE,
    CHILDREN,
    CONFUSIONS,
    DRIFT,
    FUNCTIONS,
    LABELS,
    MISFITS,
    SPLIT_CHECKS,
    SPLIT_OVERLAPS,
    SPLITS,
    TASKS,
    VOTES,
)
from catalog.schema.texts import (
    CAPTURES,
    CLUSTERS,
    CUTS,
    DECLARED,
    DOCUMENTS,
    FETCHES,
    OVERLAPS,
    QUARANTINE,
    SCORES,
    TEMPLATES,
    VERDICTS,
    WARC_RECORDS,
)

__all__ = [
    "AGREEMENT",
    "ANNOTATIONS",
    "ANNOTATORS",
    "BALANCE",
    "CAPTURES",
    "CATALOG",
    "CHILDREN",
    "CLUSTERS",
    "CONFUSIONS",
    "CUTS",
    "DECLARED",
    "DOCUMENTS",
    "DRIFT",
    "DROP_REASON",
    "FETCHES",
    "FUNCTIONS",
    "ID",
    "INT",
    "LABELS",
    "LONG",
    "MISFITS",
    "OVERLAPS",
    "QUARANTINE",
    "SCHEMAS",
    "SCORES",
    "SPLIT",
    "SPLITS",
    "SPLIT_CHECKS",
    "SPLIT_OVERLAPS",
    "STAGES",
    "TASK",
    "TASKS",
    "TEMPLATES",
    "TEXT",
    "TEXT_DIGEST",
    "VERDICTS",
    "VERSIONS",
    "VOTES",
    "WARC_RECORDS",
    "column",
    "describe",
    "schema_of",
    "table",
]

# The stages in the order of dvc.yaml, each with the stage whose kept documents it must account for, one by one.
STAGES: dict[str, str | None] = {
    "crawl": None, "clean": "crawl", "dedup": "clean", "label": "dedup", "augment": None,
    "tokenize": "dedup", "pretrain": None, "finetune": None, "evaluate": None, "catalog": None,
}  # fmt: skip


SCHEMAS: dict[str, pa.Schema] = {
    "crawl/captures": CAPTURES,
    "crawl/fetches": FETCHES,
    "crawl/warc_records": WARC_RECORDS,
    "clean/text": DOCUMENTS,
    "clean/templates": TEMPLATES,
    **{f"clean/{name}": SCORES for name in DECLARED},
    "clean/overlaps": OVERLAPS,
    "dedup/verdicts": CLUSTERS,
    "dedup/cuts": CUTS,
    "label/votes": VOTES,
    "label/misfits": MISFITS,
    "label/annotations": ANNOTATIONS,
    "label/labels": LABELS,
    "label/splits": SPLITS,
    "label/split_overlaps": SPLIT_OVERLAPS,
    "label/split_checks": SPLIT_CHECKS,
    "label/agreement": AGREEMENT,
    "label/functions": FUNCTIONS,
    "label/annotators": ANNOTATORS,
    "label/confusions": CONFUSIONS,
    "label/tasks": TASKS,
    "label/balance": BALANCE,
    "label/drift": DRIFT,
    "augment/children": CHILDREN,
    **{f"catalog/{name}": kind for name, kind in CATALOG.items()},
}


def schema_of(name: str) -> pa.Schema:
    """Schema of a table `<stage>/<table>`; every stage has `verdicts` and `quarantine`."""
    if name in SCHEMAS:
        return SCHEMAS[name]
    return {"verdicts": VERDICTS, "quarantine": QUARANTINE}[name.split("/")[1]]


def describe(schema: pa.Schema) -> list[tuple[str, str, str]]:
    """(column, type, meaning) of each column; `?` after the type of a column that may be null."""
    return [
        (field.name, f"{field.type}{'?' if field.nullable else ''}", (field.metadata or {}).get(b"unit", b"").decode())
        for field in schema
    ]
