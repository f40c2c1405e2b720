"""The shell of `gristmill sql`: questions one after the other, with history and completion.

Reads   the terminal; a statement ends with `;`. `.tables`, `.describe TABLE` and `.quit` are short for what they say
Writes  .gristmill/sql_history
"""

from __future__ import annotations

import contextlib
import readline
from collections.abc import Callable, Iterator

from catalog.errors import GristmillError
from catalog.layout import LOCAL
from catalog.sql.asking import Scope, query
from catalog.sql.render import render

HISTORY = LOCAL / "sql_history"
PROMPT, MORE = "gristmill> ", "      ...> "
KEYWORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "JOIN", "USING", "HAVING", "WITH", "UNION ALL",
    "DESCRIBE", "SUMMARIZE", "SHOW TABLES", "count(*)", "DISTINCT",
)  # fmt: skip


def shell(scope: Scope, limit: int, read: Callable[[str], str] = input) -> None:
    """Answer until the end of the input. `limit` is the number of rows shown."""
    _remember(scope)
    try:
        for statement in statements(read):
            try:
                render(query(statement, scope=scope), limit=limit)
            except GristmillError as error:
                print(f"error: {error}")
    finally:
        HISTORY.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(HISTORY)


def statements(read: Callable[[str], str]) -> Iterator[str]:
    """Each statement that is typed; one that is broken off with Ctrl-C is forgotten."""
    typed = ""
    while True:
        try:
            line = read(MORE if typed else PROMPT)
        except KeyboardInterrupt:
            typed = ""
            print()
            continue
        except EOFError:
            return
        if not typed and (short := line.strip()).startswith("."):
            if short == ".quit":
                return
            yield _spelled(short)
            continue
        typed += f"{line}\n"
        if line.rstrip().endswith(";"):
            yield typed.strip().rstrip(";")
            typed = ""


def _spelled(short: str) -> str:
    """The statement that a command of the shell stands for."""
    name, _, table = short.partition(" ")
    return {".tables": "SHOW TABLES", ".describe": f"DESCRIBE {table}"}.get(name, short)


def _remember(scope: Scope) -> None:
    """Bring back the history, and complete names of tables and columns."""
    with contextlib.suppress(OSError):
        readline.read_history_file(HISTORY)
    columns = query("SELECT table_name, column_name FROM columns", scope=scope).table()
    names = sorted({*columns["table_name"].to_pylist(), *columns["column_name"].to_pylist(), *KEYWORDS})
    readline.set_completer_delims(" \t\n,;()=<>.'\"")
    readline.set_completer(completer(names))
    readline.parse_and_bind("tab: complete")


def completer(names: list[str]) -> Callable[[str, int], str | None]:
    """The names that begin as what is typed, whatever its case, one by one, as readline asks for them."""

    def complete(typed: str, state: int) -> str | None:
        found = [name for name in names if name.lower().startswith(typed.lower())]
        return found[state] if state < len(found) else None

    return complete
