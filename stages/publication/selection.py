"""Selection: which documents of the corpus are passed on, and why each of the others is not. Decided in the catalog.

Every kept document gets one line: its split, and a reason where it stays out. What was not asked for comes first, then
what its site or its licence refuses; the reasons that `allow` names do not count. A page's own statement of its licence
counts beside that of its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.errors import GristmillError, InputError
from catalog.schema import CATALOG
from catalog.sql.asking import query
from catalog.sql.database import attached, ensure_database
from stages.publication import licences
from stages.text.signals.table import SIGNALS

NOT_ASKED_FOR, NO_LABEL, OPTED_OUT = "not_asked_for", "no_label", "opted_out"
REASONS = {
    NOT_ASKED_FOR: "outside of what the options ask for",
    NO_LABEL: "no label of the task",
    OPTED_OUT: "its site refuses that it is trained on",
    **licences.REASONS,
}
REFUSALS = (OPTED_OUT, *licences.REASONS)
SPLITS = ("train", "validation", "test")
DECIDE = Path(__file__).parent / "queries" / "decide.sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked for; an empty field asks for everything."""

    splits: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    task: str = ""
    """Documents with a label of this task, a row for each label."""
    where: str = ""
    """A condition in SQL on the columns of `kept_documents` and `signals`."""
    allow: tuple[str, ...] = ()
    """Reasons of REFUSALS that keep nothing out."""

    def __post_init__(self) -> None:
        for name, values, known in (("split", self.splits, SPLITS), ("allow", self.allow, REFUSALS)):
            if unknown := [value for value in values if value not in known]:
                raise InputError(f"--{name} {unknown[0]} is unknown; known: {', '.join(known)}")


def connected() -> duckdb.DuckDBPyConnection:
    """The catalog, read-only, as `gristmill`, beside an empty database in memory. Errors: InputError without one."""
    connection = attached(ensure_database(), {}, {"threads": 2, "memory_limit": "2GB"})
    connection.execute("SET enable_external_access = false")
    return connection


def decide(connection: duckdb.DuckDBPyConnection, selection: Selection) -> None:
    """Create `memory.decided` (id, split, reason or null) and over it `memory.published` (id, split without a reason).

    Errors: InputError for a name that nothing in the catalog has; GristmillError for a wrong `where`.
    """
    _refuse_unknown(connection, selection)
    _create_terms(connection)
    _create_matching(connection, selection.where)
    lists = {name: list(getattr(selection, name)) for name in ("splits", "languages", "sources", "allow")}
    asked = lists | {"task": selection.task, "where": selection.where}
    connection.execute(f"CREATE TABLE memory.decided AS {DECIDE.read_text(encoding='utf-8')}", asked)
    if connection.execute("SELECT count(*) FROM memory.decided WHERE split IS NULL").fetchall()[0][0]:
        raise InputError("some kept documents have no split; run `dvc repro label`")
    connection.execute("CREATE VIEW memory.published AS SELECT id, split FROM memory.decided WHERE reason IS NULL")


def publish_training(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `memory.published` what models were trained on, whether or not it may be passed on."""
    models = connection.execute("SELECT count(*) FROM exposure").fetchall()[0][0]
    which = "id IN (SELECT id FROM exposure)" if models else "split = 'train'"
    connection.execute("DROP VIEW memory.published")
    connection.execute(f"CREATE TABLE memory.published AS SELECT id, split FROM kept_documents WHERE {which}")


def _refuse_unknown(connection: duckdb.DuckDBPyConnection, selection: Selection) -> None:
    asked = (
        ("language", selection.languages, "SELECT DISTINCT language FROM kept_documents WHERE language IS NOT NULL"),
        ("source", selection.sources, "SELECT DISTINCT source FROM documents"),
        ("task", (selection.task,) if selection.task else (), "SELECT DISTINCT task FROM labels"),
    )
    for name, values, sql in asked:
        known = sorted(row[0] for row in connection.execute(sql).fetchall()) if values else []
        if unknown := [value for value in values if value not in known]:
            raise InputError(f"--{name} {unknown[0]} is unknown; known: {', '.join(known) or 'none'}")


def _create_terms(connection: duckdb.DuckDBPyConnection) -> None:
    """`memory.terms`: each licence that a source or a page names, and the reason against it."""
    sql = "SELECT licence FROM documents UNION SELECT value FROM rights WHERE signal = 'licence' ORDER BY 1"
    named = [row[0] for row in connection.execute(sql).fetchall()]
    reasons = pa.array([licences.reason_against(name) for name in named], pa.string())
    _create(connection, "terms", pa.table({"licence": pa.array(named, pa.string()), "reason": reasons}))


def _create_matching(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    """`memory.matching`: the documents that `where` is true of; asked in the safe profile, as `gristmill sql` does."""
    found = pa.table({"id": pa.array([], pa.string())})
    if where:
        twice = ", ".join(sorted({*SIGNALS.names} & {*CATALOG["documents"].names} - {"id"}))
        joined = f"kept_documents LEFT JOIN (SELECT * EXCLUDE ({twice}) FROM signals) USING (id)"
        try:
            found = query(f"SELECT id FROM {joined} WHERE ({where}\n)").table()
        except GristmillError as error:
            raise GristmillError(f"--where {where}: {error}") from None
    _create(connection, "matching", found)


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register(f"given_{name}", rows)
    connection.execute(f"CREATE TABLE memory.{name} AS SELECT * FROM given_{name}")
    connection.unregister(f"given_{name}")


def account(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Documents passed on (`published`) and left out, by reason in the order of REASONS; together all that are kept."""
    sql = "SELECT coalesce(reason, 'published'), count(*) FROM memory.decided GROUP BY 1"
    found = dict(connection.execute(sql).fetchall())
    return {name: found[name] for name in ("published", *REASONS) if name in found}
