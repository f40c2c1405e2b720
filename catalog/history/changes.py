"""What changed between two versions: documents, labels and metrics, and by which parameter, source or code.

Reads   the catalogs of both versions (catalog/sql/database.py), and the manifests of their stages
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.history.manifests import previous_manifest
from catalog.history.versions import entries_at
from catalog.incremental.reuse import differences
from catalog.schema import STAGES
from catalog.segments import Entry, recipes_of
from catalog.sql.asking import Scope, query

DOCUMENTS = """
SELECT coalesce(n.source, o.source) AS source,
    count_if(o.id IS NULL) AS added, count_if(n.id IS NULL) AS removed,
    count_if(n.text_digest IS DISTINCT FROM o.text_digest AND n.id IS NOT NULL AND o.id IS NOT NULL) AS changed
FROM documents n FULL JOIN before.documents o ON n.id = o.id
GROUP BY ALL HAVING added + removed + changed > 0 ORDER BY source
"""
OUTCOMES = """
SELECT o.outcome AS before, o.stage AS stage_before, o.reason AS reason_before, n.outcome, n.stage, n.reason,
    count(*) AS documents
FROM outcomes n JOIN before.outcomes o ON n.id = o.id
WHERE (o.outcome, o.stage, o.reason) IS DISTINCT FROM (n.outcome, n.stage, n.reason)
GROUP BY ALL ORDER BY documents DESC, 1, 2, 3, 4, 5, 6
"""
METRICS = """
SELECT coalesce(n.run, o.run) AS run, coalesce(n.metric, o.metric) AS metric, o.value AS before, n.value AS value
FROM metrics n FULL JOIN before.metrics o ON n.run = o.run AND n.metric = o.metric
WHERE n.value IS DISTINCT FROM o.value AND coalesce(n.run, o.run) = 'evaluate' ORDER BY ALL
"""
LABELS = """
SELECT coalesce(n.task, o.task) AS task,
    count_if(o.id IS NULL) AS added, count_if(n.id IS NULL) AS lost,
    count_if(n.label IS DISTINCT FROM o.label AND n.id IS NOT NULL AND o.id IS NOT NULL) AS changed
FROM (FROM labels WHERE drop_reason IS NULL) n
FULL JOIN (FROM before.labels WHERE drop_reason IS NULL) o ON n.id = o.id AND n.task = o.task
GROUP BY ALL HAVING added + lost + changed > 0 ORDER BY task
"""

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Rows of the queries above, and why: (stage, operator, difference)."""

    documents: list[Row]
    outcomes: list[Row]
    labels: list[Row]
    metrics: list[Row]
    causes: list[tuple[str, str, str]]


def changes(before: str, after: str = "") -> Changes:
    """What came between two versions; without `after`, since `before`. Errors: InputError."""
    scope = Scope(revision=after, beside={"before": before})

    def rows(sql: str) -> list[Row]:
        return list(query(sql, scope=scope).table().to_pylist())

    return Changes(
        documents=rows(DOCUMENTS), outcomes=rows(OUTCOMES), labels=rows(LABELS), metrics=rows(METRICS),
        causes=[cause for stage in STAGES for cause in _causes(stage, before, after)],
    )  # fmt: skip


def _causes(stage: str, before: str, after: str) -> Iterator[tuple[str, str, str]]:
    """What is different in the recipes of one stage."""
    old = _recipes(entries_at(before, stage))
    new = _recipes(entries_at(after, stage) if after else previous_manifest(stage))
    for operator in sorted(old.keys() | new.keys()):
        if operator not in old:
            yield stage, operator, "is new"
        elif operator not in new:
            yield stage, operator, "is gone"
        else:
            for said in differences(old[operator], new[operator]):
                yield stage, operator, said


def _recipes(entries: list[Entry]) -> dict[str, Any]:
    """The recipe of each operator and, of root actions, of each action: a source is one."""
    spelled = recipes_of(entries)
    named = {_operator(entry): entry.recipe for entry in entries}
    return {name: json.loads(spelled[recipe]) for name, recipe in named.items()}


def _operator(entry: Entry) -> str:
    """The operator of an entry and, of a root action, what it is about, as a source."""
    about = entry.action not in (entry.key, entry.operator, entry.operator.rpartition(".")[2])
    return f"{entry.operator} {entry.action}" if about else entry.operator


def lines(found: Changes) -> Iterator[str]:
    """The changes in words, line by line."""
    for row in found.documents:
        counts = ", ".join(f"{row[kind]:,} {kind}" for kind in ("added", "removed", "changed") if row[kind])
        yield f"{row['source']}: {counts}"
    for row in found.outcomes:
        was, now = (_outcome(row[end], row[stage], row[reason]) for end, stage, reason in (
            ("before", "stage_before", "reason_before"), ("outcome", "stage", "reason")))  # fmt: skip
        yield f"{row['documents']:,} documents: {was} -> {now}"
    for row in found.labels:
        counts = ", ".join(f"{row[kind]:,} {kind}" for kind in ("added", "changed", "lost") if row[kind])
        yield f"labels of {row['task']}: {counts}"
    for row in found.metrics:
        yield f"{row['metric']}: {row['before']} -> {row['value']}"
    if found.causes:
        yield "because"
    for stage, operator, said in found.causes:
        yield f"  {stage}: {operator.removeprefix(f'{stage}.')}: {said}"


def _outcome(outcome: str, stage: str | None, reason: str | None) -> str:
    return outcome if outcome == "kept" else f"{outcome} by {stage} ({reason})"
