"""gristmill forget and audit: documents that must go, and the proof that they went."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import GristmillError

erasure = typer.Typer()


@erasure.command()
def forget(
    reason: Annotated[str, typer.Option(help="Why; kept beside the tombstone, so name nobody in it.")],
    documents: Annotated[list[str] | None, typer.Argument(help="URIs or ids of documents.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A list of URIs and ids, one a line; repeatable.")] = None,
    domain: Annotated[list[str] | None, typer.Option(help="A host with all below it, for ever; repeatable.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="All documents of an author; repeatable.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="All documents of a source; repeatable.")] = None,
    regex: Annotated[list[str] | None, typer.Option(help="A pattern (RE2) that the URI has; repeatable.")] = None,
    text_regex: Annotated[list[str] | None, typer.Option(help="One that the text has; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Forget it without a question.")] = False,
) -> None:
    """Write a tombstone for each document, after saying what goes with it: copies, labels, tokens, models.

    The next `dvc repro` leaves it out everywhere, and it cannot come back; `gristmill audit` proves it.
    Examples: gristmill forget https://example.org/a --reason 'asked by its author'
    gristmill forget --domain example.org --reason 'opted out' --dry-run
    """
    from catalog.erasure.forget import TOMBSTONES
    from catalog.erasure.ledger import Ledger
    from catalog.erasure.plan import plan
    from catalog.erasure.requests import carry_out
    from catalog.erasure.selecting import Asked, choose

    asked = Asked(
        names=tuple(documents or ()), files=tuple(file or ()), domains=tuple(domain or ()), sources=tuple(source or ()),
        authors=tuple(author or ()), patterns=tuple(regex or ()), text_patterns=tuple(text_regex or ()),
    )  # fmt: skip
    found = plan(choose(asked))
    typer.echo(found.text())
    if dry_run:
        return
    if not _agreed(yes, "Forget it?"):
        typer.echo("nothing was forgotten; `--yes` forgets it")
        return
    typer.echo(f"{len(carry_out(found, reason))} newly forgotten in {TOMBSTONES}")
    with Ledger() as ledger:
        for path in ledger.unread():
            typer.echo(f"note: {path} cannot be read, so what it says is not looked for; see `gristmill fsck`")
    typer.echo("Run `dvc repro` to rebuild what they reached, then `gristmill audit --purge --certificate DIR`.")


@erasure.command()
def audit(
    documents: Annotated[list[str] | None, typer.Argument(help="URIs or ids; by default all tombstones.")] = None,
    remote: Annotated[
        list[str] | None, typer.Option("--remote", "-r", help="By default every remote; repeatable.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Search no remote.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete what is found in the cache, remotes and .gristmill.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Purge without a question.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="Folder for the certificate, JSON and Markdown.")] = None,
    sign: Annotated[Path | None, typer.Option(help="SSH key to sign the certificate with.")] = None,
) -> None:
    """Search workspace, caches, git and remotes for what was forgotten; exit status 1 if something of it is left.

    After a purge, versions that had it cannot be checked out any more for those outputs. A certificate is written
    once nothing is found; the private ledger (data/forgotten.sqlite) is emptied then, if every remote was searched.
    """
    from catalog.erasure.audit import audit as search
    from catalog.erasure.audit import stones_of
    from catalog.erasure.search import Report

    if sign and not certificate:
        raise GristmillError("--sign signs a certificate; add --certificate DIR")

    def agree(report: Report) -> bool:
        count = sum(one.purgeable for one in report.remains)
        question = f"Delete {count} objects and files? Older versions that have them lose those outputs."
        return purge and _agreed(yes, question)

    found = search(
        stones_of(documents or ()), [] if local else remote or None, agree=agree, folder=certificate,
        key=sign,
    )  # fmt: skip
    typer.echo(found.text())
    if found.certificate and certificate:
        typer.echo(f"certified in {certificate}: sha256 {found.certificate['sha256']}")
    if found.report.remains:
        raise typer.Exit(1)


def _agreed(yes: bool, question: str) -> bool:
    return yes or (sys.stdin.isatty() and typer.confirm(question))
