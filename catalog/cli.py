"""gristmill: ask about a corpus, in words and in SQL. `dvc repro` builds it.

Every command is parse, one call, print; its help is its documentation (docs/cli.md is generated from it).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import GristmillError, SourceError, exit_on_error

app = typer.Typer(
    name="gristmill", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="A build system for language-model corpora. `dvc repro` builds; these commands answer.",
)  # fmt: skip
source = typer.Typer(no_args_is_help=True, help="The sources of params.yaml.")
app.add_typer(source, name="source")


@app.command()
def status() -> None:
    """Say what the next `dvc repro` would compute, and why, without running it."""
    from catalog.status import project_status

    for stage in project_status():
        if not stage.built:
            typer.echo(f"{stage.stage:<10} not built")
            continue
        cost = f", about {stage.seconds:.0f} CPU-s" if stage.seconds else ""
        waits = f"; waits for {', '.join(stage.waits_for)}" if stage.waits_for else ""
        state = f"{stage.stale} of {stage.actions} actions stale, {stage.rows} rows{cost}" if stage.stale else "fresh"
        typer.echo(f"{stage.stage:<10} {state}{waits}")
        for reason in stage.reasons:
            typer.echo(f"{'':<10}   {reason}")


@app.command()
def why(name: Annotated[str, typer.Argument(help="A stage, a segment (key or file name) or a document's id.")]) -> None:
    """Print why the last run built, or did not build, a stage, a segment or a document."""
    from catalog.schema import STAGES
    from catalog.why import chain, summary, trace_of

    if name in STAGES:
        for operator, verdict, reason, actions, rows in summary(trace_of(name)):
            typer.echo(f"{operator:<22} {verdict:<6} {actions:>6} actions {rows:>9} rows  {reason}")
        return
    for line in chain(name):
        typer.echo(f"{line.operator:<22} {line.verdict:<6} {line.reason}")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement; `show tables` lists what there is.")],
    format: Annotated[str, typer.Option("--format", "-f", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    limit: Annotated[int, typer.Option(help="Rows shown by the format `table`.")] = 100,
    seconds: Annotated[int, typer.Option(help="Time limit of the query.")] = 60,
) -> None:
    """Ask the catalog in SQL, read-only and without access to files or network."""
    from catalog.database import query as ask
    from catalog.render import render

    render(ask(query, seconds=seconds), format, output=output, limit=limit)


@app.command()
def explain(document: Annotated[str, typer.Argument(help="A document's id, the start of one, or its URI.")]) -> None:
    """Print all that is known about one document, from its capture to the models that saw it."""
    from catalog.lineage import explain as page

    typer.echo(page(document).text())


@app.command()
def verify(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages to check; all built ones by default.")] = None,
) -> None:
    """Recompute rows in = kept + dropped + quarantined for every stage, from the data, and check every digest."""
    from catalog.conservation import verify as check

    accounts = check(stages or None)
    for account in accounts:
        typer.echo(
            f"{account.stage:<10} {account.rows_in:>9} in = {account.kept:>9} kept + {account.dropped:>8} dropped "
            f"+ {account.quarantined:>6} quarantined  {'WRONG' if account.problems else 'ok'}"
        )
    problems = [f"{account.stage}: {problem}" for account in accounts for problem in account.problems]
    if problems:
        listed = "\n  ".join(problems)
        raise GristmillError(f"the corpus does not add up:\n  {listed}\nRun `dvc repro` to rebuild it.")


@app.command()
def report() -> None:
    """Print what was built: documents, drop reasons, clusters, labels, tokens, scores."""
    from catalog.report import report as page

    typer.echo(page())


@app.command()
def recrawl(name: Annotated[str, typer.Argument(help="The source to ask again.")]) -> None:
    """Ask the network again for one source; unchanged pages cost a conditional request. Then run `dvc repro`."""
    from catalog.sources import refetch

    if refetch(name) != 0:
        raise SourceError(f"recrawl of {name} failed; what was captured before is kept")
    typer.echo("Run `dvc repro` to build what changed.")


@source.command("list")
def source_list() -> None:
    """List the sources of params.yaml."""
    from catalog.sources import list_sources

    for item in list_sources():
        where = item.get("package") or item.get("path") or item.get("url") or ", ".join(item.get("seeds", []))
        typer.echo(f"{item['name']:<24} {item['kind']:<8} {item.get('licence', ''):<28} {where}")


@source.command("add")
def source_add(
    name: Annotated[str, typer.Argument(help="A new name.")],
    kind: Annotated[str, typer.Option(help="archive, files or site.")],
    licence: Annotated[str, typer.Option(help="Licence of the texts.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="Another field: key=value; repeatable.")] = None,
) -> None:
    """Add a source to params.yaml (and local files to crawl's deps in dvc.yaml).

    Example: gristmill source add notes --kind files --licence CC0-1.0 --set path=inbox --set format=text
    """
    import yaml

    from catalog.sources import add_source

    fields = {}
    for setting in set_ or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise SourceError(f"--set {setting} has no `=`; write --set key=value")
        fields[key] = yaml.safe_load(value)
    add_source({"name": name, "kind": kind, "licence": licence, **fields})
    typer.echo(f"added {name}; run `dvc repro` to build it")


def main() -> None:
    """Entry point of the command `gristmill`."""
    exit_on_error(app)
