"""The generated pages are those of today's code, and every command says what it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.cli import app
from catalog.reference import pages
from catalog.schema import SCHEMAS, describe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", pages())
def test_generated_pages_are_current(page: Path) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / page).read_text(encoding="utf-8") == pages()[page]


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_has_a_meaning(table: str) -> None:
    """The unit of a column stands in its field metadata."""
    assert [name for name, _, unit in describe(SCHEMAS[table]) if not unit] == []


def test_help_lists_every_command_with_one_sentence() -> None:
    """`gristmill --help` is the map."""
    help_text = CliRunner().invoke(app, ["--help"]).output
    for command in ("status", "why", "sql", "explain", "verify", "report", "recrawl", "source"):
        assert command in help_text
