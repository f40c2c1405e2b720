"""Question: which statements are one question, decided on the syntax tree."""

from __future__ import annotations

import duckdb
import pytest

from catalog.errors import GristmillError
from catalog.sql.question import check_question


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "FROM documents WHERE id IN (SELECT id FROM verdicts) ORDER BY 1 LIMIT 3;",
        "VALUES (1), (2)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT max(n) FROM r",
        "SELECT 1 UNION ALL SELECT 2",
        "PIVOT documents ON language IN ('en', 'zh') USING count(*)",
        "SHOW TABLES",
        "DESCRIBE documents",
        "SUMMARIZE documents",
        "SELECT * FROM range(3), unnest([1, 2]), json_each('[1]')",
        "SELECT row_number() OVER (PARTITION BY source ORDER BY id) FROM documents QUALIFY 1 = 1",
        "SELECT 'copy (select 1) to ''x''' AS sql -- attach 'y'",
    ],
)
def test_what_only_reads_tables_is_a_question(sql: str) -> None:
    """Words in strings and comments are not statements."""
    check_question(duckdb.connect(), sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "0 statements"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x'", "EXPLAIN"),
        ("COPY (SELECT 1) TO 'x'", "COPY"),
        ("COPY (PIVOT d ON a USING count(*)) TO 'x'", "PIVOT must name its values"),
        ("WITH x AS (COPY (SELECT 1) TO 'x') SELECT * FROM x", "COPY"),
        ("SELECT 1 WHERE EXISTS (WITH x AS (COPY (SELECT 1) TO 'x') FROM x)", "COPY"),
        ("SELECT (WITH x AS (INSERT INTO d VALUES (1) RETURNING *) SELECT 1)", "INSERT"),
        ("WITH x AS (DELETE FROM d RETURNING *) FROM x", "DELETE"),
        ("WITH x AS (UPDATE d SET a = 1 RETURNING *) FROM x", "UPDATE"),
        ("FROM enable_logging('QueryLog', storage = 'file')", "enable_logging"),
        ("FROM main.Enable_Logging('QueryLog')", "enable_logging"),
        ("SELECT * FROM query('SELECT 1')", "query"),
        ("FROM json_execute_serialized_sql('{}')", "json_execute_serialized_sql"),
        ("FROM checkpoint()", "checkpoint"),
        ("FROM read_text('/etc/passwd')", "read_text"),
        ("CREATE TEMP TABLE t AS SELECT 1", "CREATE"),
        ("PRAGMA database_list", "PRAGMA"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
    ],
)
def test_what_does_more_is_refused_by_name(sql: str, message: str) -> None:
    """Wherever it stands in the tree."""
    with pytest.raises(GristmillError, match=message):
        check_question(duckdb.connect(), sql)


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    """A tree too deep for the parser of JSON, or of SQL, is refused with a message."""
    for depth in (200, 900, 5000):
        try:
            check_question(duckdb.connect(), "SELECT " + "(" * depth + "1" + ")" * depth)
            check_question(duckdb.connect(), "SELECT " + "1 + " * depth + "1")
        except (GristmillError, duckdb.Error) as error:
            assert "depth" in str(error) or "deeply" in str(error)
