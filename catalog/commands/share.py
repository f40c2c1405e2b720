"""gristmill share and gristmill pull: versions go to a remote, and parts of them come back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import GristmillError

if TYPE_CHECKING:
    from catalog.integrity.remotes import Stores

sharing = typer.Typer()


@sharing.command()
def share(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages or outputs; by default all of them.")] = None,
    remote: Annotated[str, typer.Option("--remote", "-r", help="By default the project's default remote.")] = "",
    url: Annotated[str, typer.Option(help="Set it up first: s3://…, ssh://…, webdavs://…, a folder.")] = "",
    public: Annotated[str, typer.Option(help="With --url: the http(s) address at which others read it.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of it: key=value, as endpointurl=…; repeatable.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="One whose value is asked for, or read from a pipe, a line each.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also what every other commit has, as far as it is here.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send it without a question.")] = False,
) -> None:
    """Send this version to a remote, after saying what that is by output; what is there already is not sent again.

    With --url the remote is set up (or changed) first: its address in .dvc/config with `verify = true`, secrets in
    .dvc/config.local, which git does not take. An upload that was cut off goes on where it was.
    Examples: gristmill share --url /mnt/shared/corpus
    gristmill share --remote store --url s3://bucket/corpus --set region=eu-north-1 --secret secret_access_key
    gristmill share catalog --remote open --url ssh://host/srv/www/corpus --public https://example.org/corpus
    """
    from catalog.integrity.references import git
    from catalog.integrity.remotes import Stores
    from catalog.sharing.sending import send
    from catalog.sharing.shipment import shipment

    if public and not url:
        raise GristmillError("--public is where others read what you write to --url; add --url")
    if url or set_ or secret:
        _configure(remote, url, public, set_ or [], secret or [])
    with Stores() as stores, shipment(stores, _name(stores, remote), targets or (), everything=all_) as found:
        typer.echo(found.text())
        if dry_run or not found.objects:
            return
        if not (yes or (sys.stdin.isatty() and typer.confirm("Send it?"))):
            typer.echo("nothing was sent; `--yes` sends it")
            return
        typer.echo(f"sent {send(found):,} objects to {found.place.name}; `gristmill fsck -r {found.place.name}` reads "
                   "them back")  # fmt: skip
    if git("status", "--porcelain", "--", "dvc.lock", "*.dvc", ".dvc/config"):
        typer.echo("Commit dvc.lock and .dvc/config and `git push`: through them others find this version.")


def _name(stores: Stores, remote: str) -> str:
    """The remote that is meant. Errors: GristmillError where none is."""
    if not remote and not stores.default:
        raise GristmillError("this project has no default remote; `gristmill share --url URL` sets one up")
    return remote or str(stores.default)


def _configure(remote: str, url: str, public: str, options: list[str], secret: list[str]) -> None:
    from catalog.integrity.remotes import Stores
    from catalog.sharing.settings import Remote, configure

    given = dict(option.split("=", 1) for option in options if "=" in option)
    if len(given) != len(options):
        raise GristmillError("--set wants key=value, as in --set region=eu-north-1")
    with Stores() as stores:
        name = remote or ("store" if url else _name(stores, remote))
    secrets = {key: _asked(key) for key in secret}
    for line in configure(Remote(name=name, url=url, public=public, options=given, secrets=secrets)):
        typer.echo(line)


def _asked(key: str) -> str:
    """A secret from the terminal, unseen, or a line from a pipe."""
    if sys.stdin.isatty():
        return str(typer.prompt(key, hide_input=True))
    return sys.stdin.readline().rstrip("\n")


@sharing.command()
def pull(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages, outputs, or files and folders below.")] = None,
    remote: Annotated[str, typer.Option("--remote", "-r", help="By default the project's default remote.")] = "",
    split: Annotated[list[str] | None, typer.Option(help="Texts of this split: train, …; repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Texts in this language; repeatable.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Texts of this source; repeatable.")] = None,
) -> None:
    """Bring this version from a remote, or a part of it: outputs, one model, the texts of a split or a language.

    As `dvc pull`, with every object hashed before it is taken, and what does not come named. Texts come by segment:
    `gristmill export` writes exactly the documents asked for.
    Examples: gristmill pull catalog
    gristmill pull data/finetune/pretrained-seed-1 data/tokenize/tokenizer
    gristmill pull --split test --language zh
    """
    from catalog.integrity.remotes import Stores
    from catalog.sharing.partial import FIRST, Wanted, files_with
    from catalog.sharing.pulling import pull as bring

    wanted = Wanted(splits=tuple(split or ()), languages=tuple(language or ()), sources=tuple(source or ()))
    if wanted and targets:
        raise GristmillError("name outputs, or say which texts; not both in one command")
    with Stores() as stores:
        name = _name(stores, remote)
        if wanted:
            bring(stores, name, FIRST)
            targets = files_with(wanted)
        found = bring(stores, name, targets or ())
    typer.echo(f"{found.objects:,} objects came from {name}, {found.bytes:,} bytes; {found.files:,} files are in data/")
