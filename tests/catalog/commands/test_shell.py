"""The shell: what is typed, as statements, and what it completes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.commands.shell import HISTORY, completer, shell, statements
from catalog.sql.asking import Scope


def typing(*lines: str | type[BaseException]) -> Iterator[str]:
    """A reader of lines; an exception stands for a key that breaks off."""
    waiting = iter(lines)

    def read(_prompt: str) -> str:
        line = next(waiting, EOFError)
        if isinstance(line, str):
            return line
        raise line

    return read  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("SELECT 1;",), ["SELECT 1"]),
        (("SELECT 1", "  + 1;", "SELECT 2;"), ["SELECT 1\n  + 1", "SELECT 2"]),
        (("SELECT (", KeyboardInterrupt, "SELECT 3;"), ["SELECT 3"]),
        ((".tables", ".describe documents", ".quit", "SELECT 4;"), ["SHOW TABLES", "DESCRIBE documents"]),
        (("SELECT 5",), []),
    ],
)
def test_statements_end_with_a_semicolon(lines: tuple[str, ...], found: list[str]) -> None:
    """Over several lines too; Ctrl-C forgets what was begun, the end of the input ends all."""
    assert list(statements(typing(*lines))) == found  # type: ignore[arg-type]


def test_a_mistake_does_not_end_it(shared_corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is printed, and the next question answered."""
    shell(Scope(), 10, typing("SELECT naem FROM documents;", "SELECT count(*) AS n FROM documents;"))  # type: ignore[arg-type]
    printed = capsys.readouterr().out
    assert '"naem" not found' in printed and "6" in printed.split("error")[-1]
    assert HISTORY.exists()


def test_names_are_completed_whatever_their_case() -> None:
    """One by one, then None, as readline wants it."""
    complete = completer(["documents", "drop_reasons", "SELECT"])
    assert [complete("D", place) for place in range(3)] == ["documents", "drop_reasons", None]
    assert complete("sel", 0) == "SELECT"
