"""What was built, on one screen: every figure is a query that `gristmill sql` would answer too.

Reads   the catalog (built from data/catalog when it is missing or old)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.sql.asking import query

NEXT = (
    ('gristmill sql "from drop_reasons"', "what was dropped, and why"),
    ("gristmill explain {document}", "everything known about one document"),
    ("gristmill status", "what a change would rebuild: move a threshold in params.yaml first"),
)


def report() -> str:
    """The report as text. Errors: InputError when the catalog was not built."""
    return "\n".join([*_documents(), *_dropped(), *_labels(), *_tokens(), *_scores(), *_next()])


def _rows(sql: str) -> list[dict[str, Any]]:
    return list(query(sql).table().to_pylist())


def _documents() -> Iterator[str]:
    total = _rows("SELECT count(*) AS documents, count(DISTINCT source) AS sources FROM documents")[0]
    yield f"\n{total['documents']:,} documents of {total['sources']} sources"
    yield f"  {'stage':<10}{'in':>10}{'kept':>10}{'dropped':>10}{'quarantined':>13}"
    for row in _rows("FROM conservation"):
        counts = "".join(f"{row[name]:>10,}" for name in ("rows_in", "kept", "dropped"))
        yield f"  {row['stage']:<10}{counts}{row['quarantined']:>13,}"


def _dropped() -> Iterator[str]:
    yield "dropped by reason"
    for row in _rows("FROM drop_reasons"):
        yield f"  {row['stage']:<10}{row['documents']:>10,}  {row['drop_reason']}"
    largest = _rows("SELECT count(*) AS clusters, max(documents) AS largest FROM clusters_by_size")[0]
    yield f"clusters   {largest['clusters']:>10,} of two documents or more, the largest of {largest['largest'] or 0:,}"


def _labels() -> Iterator[str]:
    yield "labels"
    sql = "SELECT task, sum(documents)::BIGINT AS documents FROM label_sizes GROUP BY task ORDER BY task"
    yield from (f"  {row['task']:<20}{row['documents']:>10,}" for row in _rows(sql))
    agreements = "SELECT task, value / 1e6 AS alpha FROM agreement WHERE scope = 'all' AND metric LIKE '%_interval'"
    yield from (f"  {row['task']:<20}{row['alpha']:>10.3f}  Krippendorff's alpha" for row in _rows(agreements))


def _tokens() -> Iterator[str]:
    yield "tokens"
    yield from (f"  {row['split']:<20}{row['tokens']:>10,}" for row in _rows("FROM split_sizes"))


def _scores() -> Iterator[str]:
    scores = {row["name"]: row["value"] for row in _rows("FROM headline ORDER BY name")}
    documents = scores.pop("test_documents", 0)
    yield f"scores on {documents:,.0f} test documents (accuracy; leaky_score: raw rows, random split)"
    yield from (f"  {name:<20}{value:>10.4f}" for name, value in scores.items())


def _next() -> Iterator[str]:
    found = _rows("SELECT id FROM kept_documents ORDER BY id LIMIT 1")
    document = found[0]["id"] if found else "<id>"
    yield "\nnext, after `source .venv/bin/activate`"
    yield from (f"  {command.format(document=document):<48} {purpose}" for command, purpose in NEXT)
