"""Is a text of SQL one question? Decided on DuckDB's own syntax tree, before anything is bound or run.

Why the tree and not the kind of statement: DuckDB 2.0 types `WITH x AS (COPY … TO 'file') SELECT …` and
`FROM enable_logging(…)` as SELECT and runs them. On a read-only database with external access off and the configuration
locked, such a COPY can still overwrite the database's own file and its .wal, which stay allowed paths (measured).
So what may stand in a tree is listed here, and the rest is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from catalog.errors import GristmillError

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
TABLE_FUNCTIONS = frozenset({
    "range", "generate_series", "unnest", "repeat", "json_each", "json_tree", "summary",
    "duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_keywords", "duckdb_tables", "duckdb_types",
    "duckdb_views", "pragma_table_info", "pragma_version",
})  # fmt: skip
KINDS = "SELECT, FROM, VALUES, SHOW, DESCRIBE and SUMMARIZE"
HELP = 'try `gristmill sql "show tables"`'


def check_question(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Return when `sql` is exactly one statement that only reads tables.

    Errors: GristmillError that names what is refused; duckdb.Error for a syntax error.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise GristmillError(f"{len(statements)} statements given, must be one; {HELP}")
    kind = statements[0].type.name
    if kind == "MULTI" and "pivot" in sql.lower():
        raise GristmillError(
            "PIVOT must name its values here: PIVOT documents ON language IN ('en', 'zh') USING count(*)"
        )
    if kind != "SELECT":
        raise GristmillError(f"a {kind} statement is refused: the catalog answers {KINDS}; {HELP}")
    for part in _parts(_tree(connection, sql)):
        _check_part(part)


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The syntax tree of one SELECT, as JSON knows it."""
    try:
        tree = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0])
    except RecursionError:
        raise GristmillError("the statement is nested too deeply; write it with named CTEs") from None
    if tree["error"]:
        raise GristmillError(f"the statement is refused: {tree['error_message']}; {HELP}")
    return tree["statements"]


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a syntax tree."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _check_part(part: dict[str, Any]) -> None:
    kind = str(part.get("type", ""))
    if kind.endswith("_NODE") and kind not in NODES:
        word = kind.removesuffix("_NODE").removesuffix("_QUERY")
        raise GristmillError(f"{word} is refused: the catalog answers {KINDS}; {HELP}")
    if kind == "TABLE_FUNCTION":
        name = str(part["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise GristmillError(f"the table function {name} is refused: the catalog reads its own tables only; {HELP}")
