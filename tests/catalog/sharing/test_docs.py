"""docs/sharing.md: its commands are ones that `gristmill` has, with options it knows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from catalog.cli import app

PAGE = Path(__file__).parents[3] / "docs/sharing.md"
COMMAND = re.compile(r"(?:^|`)(gristmill [^`#\n]*)", re.MULTILINE)


def commands() -> list[str]:
    """Every command of the page, in a block or a line of text."""
    return sorted({found.strip() for found in COMMAND.findall(PAGE.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_page_is_understood(command: str) -> None:
    """Parsed as it would be run; nothing is run. (A bare name in a sentence is a command without its arguments.)"""
    found: click.Command = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while words and isinstance(found, click.Group):
        found = found.commands[words.pop(0)]
    if words:
        found.make_context(command, words)


def test_the_page_shows_sharing_and_pulling() -> None:
    """The expression finds what it is for."""
    assert len(commands()) > 12
