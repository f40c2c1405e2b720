"""Facts: the answers of the catalog to stages/publication/queries/*.sql about what is published; counts, no text.

Every query names the documents by `memory.published` (stages/publication/selection.py). Sums are of whole numbers and
rows come in a defined order, so that equal catalogs give equal facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from stages.publication.folder import Record
from stages.web.domains import registrable_domain

QUERIES = Path(__file__).parent / "queries"
Rows = list[dict[str, Any]]
TOP_SHARE = 0.10  # of the domains, by size of their content (EU template, section 2.3)


@dataclass(frozen=True)
class Facts:
    """Rows of each query, by its name, and the record of the export they are about."""

    tables: Mapping[str, Rows]
    record: Record

    def __getitem__(self, name: str) -> Rows:
        return self.tables[name]

    @property
    def totals(self) -> dict[str, Any]:
        """The one row of `totals`."""
        return self.tables["totals"][0]

    @cached_property
    def domains(self) -> Rows:
        """Registrable domains with their documents and characters, the largest first."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.tables["hosts"]:
            name = registrable_domain(f"https://{row['host']}/")
            one = found.setdefault(name, {"domain": name, "documents": 0, "characters": 0})
            for size in ("documents", "characters"):
                one[size] += row[size]
        return sorted(found.values(), key=lambda row: (-row["characters"], row["domain"]))

    @property
    def top_domains(self) -> Rows:
        """The largest tenth of the domains, at least one where there are any."""
        return self.domains[: max(1, round(TOP_SHARE * len(self.domains)))]


def facts_of(connection: duckdb.DuckDBPyConnection, record: Record) -> Facts:
    """Ask every query; `connection` has the tables that `selection.decide` makes."""
    names = [path.stem for path in sorted(QUERIES.glob("*.sql")) if path.stem != "decide"]
    return Facts({name: rows_of(connection, QUERIES / f"{name}.sql") for name in names}, record)


def rows_of(connection: duckdb.DuckDBPyConnection, query: Path) -> Rows:
    """The rows that one query gives."""
    found: Rows = connection.sql(query.read_text(encoding="utf-8")).to_arrow_table().to_pylist()
    return found
