"""Answers: the rows of a page, each with the SQL that anybody can ask again.

Reads   the catalog (catalog/sql/database.py), by one instance in the safe profile that all requests share. It is opened
        anew when what was built has changed, which is looked at once a second at most.

Values are written into the statement as literals, so that what a page shows, what its links download and what was run
are one text. Relations that many statements begin with are kept in memory (catalog/web/relations.py): a statement that
reads one as `@name` runs over what is kept, and is shown with the relation's own SQL before it (`WITH name AS …`).

A statement that a reader wrote does not come here: catalog/web/explorer/sql.py asks it in an instance of its own.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from catalog.errors import GristmillError
from catalog.sql.content import stamp_here
from catalog.web.relations import RELATIONS, Opened, execute

PAUSE = 1.0  # seconds between two looks at what was built
VALUE = re.compile(r"\$(\w+)")
KEPT = re.compile(r"@(\w+)")
NUMBERS = frozenset({
    "NUMBER", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "FLOAT", "DOUBLE",
})  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The rows of one statement."""

    sql: str
    names: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    numbers: frozenset[str] = frozenset()
    """The columns that hold numbers."""
    milliseconds: float = 0.0

    @property
    def first(self) -> Row:
        """The first row; every column null where there is none."""
        return self.rows[0] if self.rows else dict.fromkeys(self.names)


def literal(value: Any) -> str:
    """A value as SQL writes it. A text holds no NUL, which DuckDB would end the statement at."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return "'" + str(value).replace("\0", "").replace("'", "''") + "'"


def filled(sql: str, values: Row) -> str:
    """A statement with every `$name` as the literal of that value. Errors: KeyError for one that is not given."""
    return VALUE.sub(lambda found: literal(values[found[1]]), sql.strip())


class Catalog:
    """What is open of the catalog, for all requests to one application."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: Opened | None = None
        self._looked = 0.0

    def opened(self) -> Opened:
        """An instance over today's catalog. Errors: InputError when it was not built."""
        with self._lock:
            if self._opened is None or time.monotonic() - self._looked > PAUSE:
                stamp = stamp_here()
                if self._opened is None or stamp != self._opened.stamp:
                    self._opened = Opened(stamp)
                self._looked = time.monotonic()
            return self._opened

    def warm(self) -> None:
        """Make what is kept beside the first requests; without a catalog there is nothing to make."""

        def make() -> None:
            with suppress(GristmillError):  # the page that needs it says what is wrong
                opened = self.opened()
                for name in RELATIONS:
                    opened.keep(name)

        threading.Thread(target=make, daemon=True).start()


class Asking:
    """What one request asks: a statement after the other, each under a time limit."""

    def __init__(self, catalog: Catalog) -> None:
        self._opened = catalog.opened()
        self._cursor = self._opened.cursor()
        self._own: dict[str, tuple[str, list[str]]] = {}  # name -> its SQL, and the relations that reads
        self.stamp = self._opened.stamp
        self.milliseconds = 0.0
        self.statements = 0

    def __call__(self, sql: str, /, **values: Any) -> Answered:
        """The rows of a statement with `$name` for each of the values. Errors: GristmillError."""
        rows, description, spent = self._fetched(sql, values)
        self.statements += 1
        names = tuple(column[0] for column in description)
        return Answered(
            sql=self._shown(sql, values), names=names, rows=[dict(zip(names, row, strict=True)) for row in rows],
            numbers=frozenset(column[0] for column in description if str(column[1]).upper() in NUMBERS),
            milliseconds=spent,
        )  # fmt: skip

    def part(self, sql: str, rows: int, /, **values: Any) -> tuple[Answered, Row | None]:
        """So many rows of a statement with `LIMIT $limit`, and the last of them where there are more, else None."""
        found = self(sql, limit=rows + 1, **values)
        more = len(found.rows) > rows
        del found.rows[rows:]
        return found, found.rows[-1] if more else None

    def keep(self, name: str, sql: str, /, **values: Any) -> None:
        """Keep a relation for the other statements of this request, under a name of its own."""
        self._fetched(f"CREATE TEMP TABLE {name} AS {sql}", values)
        self._own[name] = (filled(_plain(sql), values), KEPT.findall(sql))

    def close(self) -> None:
        """Let go of the connection, and of what was kept for this request."""
        self._cursor.close()

    def _kept(self, name: str) -> str:
        return f"temp.{name}" if name in self._own else self._opened.keep(name)

    def _shown(self, sql: str, values: Row) -> str:
        """A statement with the SQL of every relation that it reads as `@name` before it."""
        rest, before = filled(_plain(sql), values), self._before(KEPT.findall(sql))
        if not before:
            return rest
        ctes = ",\n".join(f"{name} AS (\n{text}\n)" for name, text in before.items())
        return f"WITH {ctes},\n{rest[5:]}" if rest.startswith("WITH ") else f"WITH {ctes}\n{rest}"

    def _before(self, names: Iterable[str]) -> Row:
        """The SQL of some relations and of those that they read, which come first."""
        found: Row = {}
        for name in names:
            text, reads = self._own.get(name) or (RELATIONS[name].strip(), [])
            found |= self._before(reads) | {name: text}
        return found

    def _fetched(self, sql: str, values: Row) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], float]:
        """(rows, their columns, milliseconds) of a statement over what is kept."""
        run = filled(KEPT.sub(lambda found: self._kept(found[1]), sql), values)
        began = time.perf_counter()
        cursor = execute(self._cursor, run)
        rows = cursor.fetchall()
        spent = 1000 * (time.perf_counter() - began)
        self.milliseconds += spent
        return rows, cursor.description, spent


def _plain(sql: str) -> str:
    """A statement that reads relations by their names, not as `@name`."""
    return KEPT.sub(r"\1", sql)


def _asking(request: Request) -> Iterator[Asking]:
    ask = Asking(request.app.state.catalog)
    try:
        yield ask
    finally:
        ask.close()


Ask = Annotated[Asking, Depends(_asking)]
