"""gristmill: ask about a corpus, in words and in SQL. `dvc repro` builds it.

Every command is parse, one call, print; its help is its documentation (docs/cli.md is generated from it).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.commands.ask import ask
from catalog.commands.forget import erasure
from catalog.commands.label import label
from catalog.commands.metrics import operation
from catalog.commands.programs import programs
from catalog.commands.publication import publication
from catalog.commands.share import sharing
from catalog.errors import GristmillError, SourceError, exit_on_error

app = typer.Typer(
    name="gristmill", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="A build system for language-model corpora. `dvc repro` builds; these commands answer.",
)  # fmt: skip
source = typer.Typer(no_args_is_help=True, help="The sources of params.yaml.")
app.add_typer(source, name="source")
app.add_typer(ask)
app.add_typer(erasure)
app.add_typer(operation)
app.add_typer(programs)
app.add_typer(publication)
app.add_typer(sharing)
app.add_typer(label, name="label")


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="One JSON object per stage.")] = False) -> None:
    """Say what the next `dvc repro` would compute, why, and about how long it takes, without running it."""
    from catalog.rehearsal.status import as_json, lines, project_status

    for line in (as_json if json else lines)(project_status()):
        typer.echo(line)


@app.command()
def why(name: Annotated[str, typer.Argument(help="A stage, a segment (key or file name) or a document's id.")]) -> None:
    """Print why the last run built, or did not build, a stage, a segment or a document, up to the first cause."""
    from catalog.lineage.why import explain_name, explain_stage
    from catalog.schema import STAGES

    for line in (explain_stage if name in STAGES else explain_name)(name):
        typer.echo(line)


@app.command()
def explain(
    document: Annotated[str, typer.Argument(help="A document's id, the start of one, or its URI.")],
    versions: Annotated[int, typer.Option(help="Older versions to look for its text in.")] = 5,
) -> None:
    """Print all that is known about one document, from its capture to the models that saw it."""
    from catalog.lineage.document import explain as explained
    from catalog.lineage.document import with_rules, with_versions
    from catalog.lineage.page import page

    for line in page(with_versions(with_rules(explained(document)), versions)):
        typer.echo(line)


@app.command()
def trace(
    run: Annotated[str, typer.Argument(help="A run of pretrain or finetune, or stage/run.")],
    documents: Annotated[
        Path | None, typer.Option(help="Write the documents it has seen to a CSV file; - for the screen.")
    ] = None,
) -> None:
    """Trace a model back: what it read, by source, licence and split; the actions, segments and captures it came of."""
    from catalog.lineage.tracing import trace as traced
    from catalog.lineage.tracing import write_documents

    found = traced(run)
    if documents:
        write_documents(found, documents)
    if documents != Path("-"):
        typer.echo(found.text())


@app.command()
def verify(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages to check; all built ones by default.")] = None,
    sample: Annotated[str, typer.Option(help="Also compute some actions again, as in 1%, and compare.")] = "",
    seed: Annotated[str, typer.Option(help="Which actions; by default it follows from dvc.lock.")] = "",
    builds: Annotated[bool, typer.Option("--builds", help="Compute builds again too, which may train models.")] = False,
) -> None:
    """Recompute rows in = kept + dropped + quarantined for every stage, from the data, and check every digest."""
    from catalog.integrity.conservation import verify as check

    accounts = check(stages or None)
    for account in accounts:
        typer.echo(
            f"{account.stage:<10} {account.rows_in:>9} in = {account.kept:>9} kept + {account.dropped:>8} dropped "
            f"+ {account.quarantined:>6} quarantined  {'WRONG' if account.problems else 'ok'}"
        )
    problems = [f"{account.stage}: {problem}" for account in accounts for problem in account.problems]
    if problems:
        listed = "\n  ".join(problems)
        raise GristmillError(
            f"the corpus does not add up:\n  {listed}\nRun `gristmill fsck --repair`, then `dvc repro`."
        )
    if sample:
        from catalog.rehearsal.audit import audit_lines

        for line in audit_lines(stages, sample, seed, builds=builds):
            typer.echo(line)


@app.command()
def lint(record: Annotated[Path, typer.Argument(help="What `GRISTMILL_OPENED=FILE dvc repro --force` wrote.")]) -> None:
    """Compare the files that stages really read with the deps of dvc.yaml."""
    from catalog.rehearsal.opened import undeclared

    found = [f"{stage} reads {path}" for stage, path in undeclared(record)]
    if found:
        listed = "\n  ".join(found)
        raise GristmillError(f"{len(found)} files are no dep of their stage:\n  {listed}\nAdd them to dvc.yaml.")
    typer.echo("every file that was read is a dep of its stage")


@app.command()
def adopt(operator: Annotated[str, typer.Argument(help="As `gristmill why` names it: clean.extract.")]) -> None:
    """Keep the results of an operator whose code was rewritten, if a sample comes out equal with the new code."""
    from catalog.rehearsal.adopt import adopt as keep

    typer.echo(keep(operator).text())


@app.command()
def fsck(
    remote: Annotated[list[str] | None, typer.Option("--remote", "-r", help="Check a remote too; repeatable.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Check all commits and the whole cache, not the current dvc.lock only.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what has a right copy, then check again.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Hash every object, and find what is corrupt or lost though DVC says it is up to date; exit status 1 if any is."""
    from catalog.integrity.fsck import fsck as check

    report = check(remote or (), everything=all_, repair=repair)
    typer.echo(report.json() if json else report.text())
    if report.problems:
        raise typer.Exit(1)


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Look at Python, packages, disk, memory, GPU, DVC, links and remotes, and say what to mend; exit status 1 if any
    of it stops a build. `advice` costs time or space only."""
    from catalog.integrity.doctor import examine

    found = examine()
    typer.echo(found.json() if json else found.text())
    if not found.fit:
        raise typer.Exit(1)


@app.command()
def gc(
    keep_last: Annotated[int, typer.Option("--keep-last", help="Versions of every branch to keep.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Free it without a question.")] = False,
) -> None:
    """Free what no kept version needs, after saying what that is and what building it again would cost.

    Kept: the working tree, the last versions of every branch, tags, and every crawl log. Remotes are not touched.
    """
    from catalog.integrity.gc import garbage, remove

    found = garbage(keep_last)
    typer.echo(found.text())
    if dry_run or not found.files:
        return
    if yes or (sys.stdin.isatty() and typer.confirm("Free it?")):
        typer.echo(remove(found, keep_last))
    else:
        typer.echo("nothing was freed; `--yes` frees it")


@app.command()
def report() -> None:
    """Print what was built: documents, drop reasons, clusters, labels, tokens, scores."""
    from catalog.commands.report import report as page

    typer.echo(page())


@app.command()
def ui(
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine need the link.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for any that is free.")] = 8000,
) -> None:
    """Serve pages over this project to a browser: see all that the catalog says, label documents, forget some."""
    from catalog.web.serving import serve

    serve(host, port)


@app.command()
def recrawl(
    name: Annotated[
        str | None, typer.Argument(help="The source to ask again; by default all that ask a network.")
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="Ask only for pages that the schedule, a sitemap or a feed says are due.")
    ] = False,
) -> None:
    """Ask the network again; unchanged pages cost a conditional request. Then run `dvc repro`.

    A crawl that was cut off goes on where it was. What was captured before stays in the crawl log.
    """
    from catalog.commands.sources import refetch

    if refetch(name, due=due) != 0:
        raise SourceError(f"recrawl of {name or 'all sources'} failed; what was captured before is kept")
    typer.echo("Run `dvc repro` to build what changed.")


@source.command("list")
def source_list() -> None:
    """List the sources of params.yaml."""
    from catalog.commands.sources import list_sources

    for item in list_sources():
        where = item.get("package") or item.get("path") or item.get("url") or ", ".join(item.get("seeds", []))
        where = where or " ".join(str(item[key]) for key in ("preset", "base", "query") if key in item)
        typer.echo(f"{item['name']:<24} {item['kind']:<8} {item.get('licence', ''):<28} {where}")


@source.command("add")
def source_add(
    name: Annotated[str, typer.Argument(help="A new name.")],
    kind: Annotated[str, typer.Option(help="archive, files, site, ... (docs/sources.md); `api` with --preset.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the texts; by default the preset's.")] = "",
    preset: Annotated[str, typer.Option(help="A known interface, as in docs/sources.md: arxiv, github, ...")] = "",
    from_: Annotated[str, typer.Option("--from", help="A path or URL; kind, format and columns are guessed.")] = "",
    query: Annotated[str, typer.Option(help="What the interface is asked for.")] = "",
    contact: Annotated[str, typer.Option(help="Whom its owner may write to: mailto:you@example.org")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Another field: key=value; repeatable.")] = None,
) -> None:
    """Add a source to params.yaml (and local files to crawl's deps in dvc.yaml).

    Examples: gristmill source add notes --kind files --licence CC0-1.0 --set path=inbox --set format=text
    gristmill source add wiki --licence CC-BY-SA-4.0 --from dumps/enwiki-pages-articles.xml.bz2
    gristmill source add papers --preset arxiv --query cat:cs.CL --contact mailto:you@example.org
    """
    import yaml

    from catalog.commands.sources import add_source, guess

    fields = guess(from_) if from_ else {}
    kind = kind or fields.get("kind", "")
    for setting in set_ or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise SourceError(f"--set {setting} has no `=`; write --set key=value")
        fields[key] = yaml.safe_load(value)
    given = {"preset": preset, "licence": licence, "query": query, "contact": contact}
    if not preset and not (kind and licence):
        raise SourceError(
            "a source needs --from or --kind, and --licence, or --preset; docs/sources.md shows one of each"
        )
    written = {option: value for option, value in given.items() if value}
    add_source({"name": name, **written, **fields, "kind": kind or "api"})
    typer.echo(f"added {name}; run `dvc repro` to build it")


def main() -> None:
    """Entry point of the command `gristmill`."""
    exit_on_error(app)
