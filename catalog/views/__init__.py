"""The views of the catalog, one per file, named after it.

The first line of a file says what the view shows; each line `-- column: meaning` below it what a column of the view's
own means. A column that is named as one of a table means the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import duckdb

from catalog.sql.pieces import name, text

FOLDER = Path(__file__).parent
Column = tuple[str, str]  # table or view, column


class View(NamedTuple):
    """One view as its file has it."""

    meaning: str
    columns: Mapping[str, str]
    """Meaning of the columns of its own."""
    sql: str


@cache
def views() -> dict[str, str]:
    """Name of a view -> its file."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}


def view(content: str) -> View:
    """What a file says."""
    first, *lines = content.splitlines()
    said = [line.removeprefix("-- ").partition(": ") for line in lines if line.startswith("-- ")]
    sql = "\n".join(line for line in lines if not line.startswith("-- "))
    return View(first.removeprefix("-- "), {column: meaning for column, _, meaning in said}, sql)


def create_views(connection: duckdb.DuckDBPyConnection, *, older: bool = False) -> None:
    """Create every view, after those it names; over the tables of an `older` version those that can be."""
    found = {title: view(content) for title, content in views().items()}
    mentioned = {title: set(re.findall(r"\w+", one.sql)) & found.keys() - {title} for title, one in found.items()}
    for title in TopologicalSorter(mentioned).static_order():
        try:
            connection.execute(f"CREATE OR REPLACE VIEW {name(title)} AS {found[title].sql}")
        except duckdb.Error:
            if not older:
                raise
            continue
        connection.execute(f"COMMENT ON VIEW {name(title)} IS {text(found[title].meaning)}")


def meanings(connection: duckdb.DuckDBPyConnection, of_tables: Mapping[Column, str]) -> dict[Column, str]:
    """The meaning of every column of every view there is.

    `of_tables` are those of tables; a view's column takes its own meaning, else that of a table which the view names,
    else that of any table.
    """
    known: dict[str, dict[str, str]] = {}
    for (table, column), meaning in of_tables.items():
        known.setdefault(column, {})[table] = meaning
    asked = """
        SELECT table_name, column_name FROM duckdb_columns() SEMI JOIN (
            FROM duckdb_views() WHERE NOT internal AND NOT temporary
        ) AS views ON table_name = view_name ORDER BY table_name, column_index
    """
    found = {}
    for title, column in connection.execute(asked).fetchall():
        one = view(views()[title])
        tables = known.get(column, {})
        named = [tables[word] for word in re.findall(r"\w+", one.sql) if word in tables]
        found[title, column] = one.columns.get(column) or next(iter([*named, *tables.values()]), "")
    return found
