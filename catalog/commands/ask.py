"""gristmill sql, log, diff, compare: questions to the catalog of today and of every version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import GristmillError

ask = typer.Typer()
SHOWN = 100  # rows of a table, unless more are asked for


@ask.command()
def sql(
    question: Annotated[
        str, typer.Argument(metavar="[QUERY]", help="One SQL statement; `show tables` lists what there is.")
    ] = "",
    file: Annotated[Path | None, typer.Option("--file", "-i", help="Read the statement from this file.")] = None,
    format: Annotated[str, typer.Option("--format", "-f", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Rows given at most; by default all, and 100 by the format `table`.")
    ] = None,
    rev: Annotated[str, typer.Option(help="Ask an earlier version: a commit, branch or tag.")] = "",
    beside: Annotated[
        list[str] | None, typer.Option(help="NAME=REV: that version as the schema NAME, to join with; repeatable.")
    ] = None,
    seconds: Annotated[int, typer.Option(help="Time limit of the query.")] = 60,
    memory: Annotated[int, typer.Option(help="MiB of memory that it may take.")] = 1024,
) -> None:
    """Ask the catalog in SQL, read-only and without access to files or network.

    Without a query it is read from the standard input or, at a terminal, line by line in a shell.
    """
    from catalog.sql.asking import Scope, query
    from catalog.sql.render import render

    versions = dict(_pair(option) for option in beside or ())
    scope = Scope(revision=rev, beside=versions, seconds=seconds, memory_mb=memory)
    if file is not None:
        question = _read(file)
    elif not question and sys.stdin.isatty():
        from catalog.commands.shell import shell

        return shell(scope, limit or SHOWN)
    answer = query(question or sys.stdin.read(), scope=scope)
    if limit and format != "table":
        answer = answer.first(limit)
    render(answer, format, output=output, limit=limit or SHOWN)


def _pair(option: str) -> tuple[str, str]:
    """(schema, version) of one `--beside`. Errors: GristmillError."""
    name, equals, revision = option.partition("=")
    if not (equals and name.isidentifier() and revision) or name.lower() in ("gristmill", "memory", "main"):
        raise GristmillError(f"--beside {option} is not NAME=REV, as in --beside before=HEAD~1")
    return name, revision


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise GristmillError(f"cannot read {file}: {error.strerror}") from None


@ask.command()
def log(last: Annotated[int, typer.Option(help="Versions shown.")] = 10) -> None:
    """List the versions that were built and committed: documents, labels, tokens, metrics, newest first."""
    from catalog.history.log import lines

    for line in lines(last):
        typer.echo(line)


@ask.command()
def diff(
    before: Annotated[str, typer.Argument(help="A commit, branch or tag with a catalog.")],
    after: Annotated[str, typer.Argument(help="Another one; by default what was built last.")] = "",
) -> None:
    """Say which documents, outcomes, labels and metrics changed between two versions, and what changed them."""
    from catalog.history.changes import changes, lines

    for line in lines(changes(before, after)):
        typer.echo(line)


@ask.command()
def compare(
    before: Annotated[str, typer.Argument(help="A revision with a catalog, or a system, as in scratch.")],
    after: Annotated[str, typer.Argument(help="Another one.")],
) -> None:
    """Say what a choice of data moved: scores on the same test texts, over the seeds that both have.

    What is not alike in recipe, epochs and test texts, or has fewer than three seeds, is refused with the reason.
    """
    from catalog.history.compare import lines

    for line in lines(before, after):
        typer.echo(line)
