"""Relations that pages begin with: made once of what was built, and kept in memory beside it.

Reads   the catalog (catalog/sql/database.py), by one instance in the safe profile

`facets` has the rows of `signals` in their order, then the documents without signals: so the values of a signal stand
beside it row by row, and no page joins a million ids to count documents by them.
"""

from __future__ import annotations

import threading

import duckdb

from catalog.errors import GristmillError
from catalog.sql.asking import Scope, connect

SECONDS = 20  # wall time of one statement of a page
MEMORY_MB = 4096
RELATIONS = {
    # what documents are browsed by; where they stand in `judged_documents` and in `signals`
    "facets": """
SELECT id, judged_documents.rowid AS place, signals.rowid AS measured, source, language, judged_documents.characters,
    outcome, stage, reason, split
FROM judged_documents LEFT JOIN signals USING (id)
ORDER BY measured NULLS LAST
""",
    # clusters of two documents or more
    "sized": """
SELECT cluster, min(representative) AS representative, count(*) AS documents, count(*) - count(drop_reason) AS kept,
    min(similarity) AS least_similar
FROM clusters GROUP BY cluster HAVING count(*) > 1
""",
    "funnel": "FROM conservation",
    "reasons": "FROM drop_reasons",
    "licences": """
SELECT licence, source, count(*) AS documents, sum(characters)::BIGINT AS characters FROM documents GROUP BY ALL
""",
    "requests": """
SELECT left(fetched_at, 10) AS day, count(*) AS requests, count_if(outcome = 'captured') AS captured,
    count_if(outcome = 'unchanged') AS unchanged, count_if(outcome LIKE 'failed%') AS failed
FROM fetches GROUP BY day
""",
    "encoded": "SELECT split, sum(tokens)::BIGINT AS tokens FROM tokens GROUP BY split",
    # what the models were trained on
    "read": """
SELECT exposure.stage, run, source, judged_documents.split, count(*) AS documents, sum(characters)::BIGINT AS characters
FROM exposure JOIN judged_documents USING (id) GROUP BY ALL
""",
}
FEW = {"facets": ("source", "language", "outcome", "stage", "reason", "split")}
"""Columns with few values, which are kept as numbers of a list of them: a third of the time to count by them."""
ALIGNED = "SELECT count(measured) = (SELECT count(*) FROM signals) FROM memory.facets"


class Opened:
    """An instance over what was built, with the relations that were made of it."""

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp
        """What the database was built from; equal stamps, equal answers."""
        self._connection = connect(Scope(seconds=SECONDS, memory_mb=MEMORY_MB))
        self._making = threading.Lock()
        self._made: set[str] = set()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own."""
        cursor = self._connection.cursor()
        cursor.execute("USE gristmill")
        return cursor

    def keep(self, name: str) -> str:
        """Make one of RELATIONS unless it is there; its name for DuckDB. Errors: GristmillError."""
        with self._making:
            if name not in self._made:
                with self.cursor() as cursor:
                    _make(cursor, name)
                self._made.add(name)
        return f"memory.{name}"


def _make(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    execute(cursor, f"CREATE OR REPLACE TABLE memory.{name} AS {RELATIONS[name]}")
    for column in FEW.get(name, ()):
        _number(cursor, f"memory.{name}", column)
    if name == "facets" and execute(cursor, ALIGNED).fetchall() != [(True,)]:
        raise GristmillError("signals and documents do not match one to one; run `gristmill verify`")


def _number(cursor: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    """Keep a column of texts as numbers of the list of its values, in their order."""
    values = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column}"
    if execute(cursor, f"{values} LIMIT 1").fetchall():
        execute(cursor, f"CREATE OR REPLACE TYPE memory.{column}_of AS ENUM ({values})")
        execute(cursor, f"ALTER TABLE {table} ALTER {column} TYPE memory.{column}_of")


def execute(cursor: duckdb.DuckDBPyConnection, statement: str) -> duckdb.DuckDBPyConnection:
    """Run a statement under the time limit of a page. Errors: GristmillError."""
    try:
        return cursor.execute(statement)
    except duckdb.InterruptException:
        raise GristmillError(f"this page took longer than {SECONDS} seconds; ask for less") from None
    except duckdb.Error as error:
        raise GristmillError(f"{error}\nin\n{statement}") from None
