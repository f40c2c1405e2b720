"""Places: every file in which a forgotten content may remain, and what would delete it there.

Reads   the project's folder, DVC's cache, remotes, and every object of git, reachable or not
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.erasure.contents import Parts, parts_of
from catalog.erasure.ledger import LEDGER
from catalog.errors import GristmillError
from catalog.integrity.copies import Copies, inventory
from catalog.integrity.gc import objects_in
from catalog.integrity.references import git, outs_ever, working_outs
from catalog.integrity.remotes import Place
from catalog.layout import ANNOTATION_LOG, LOCAL
from catalog.sql.database import DATABASE

WORKSPACE, CACHE, GIT = "workspace", "cache", "git"
PASSED_OVER = {".git", ".venv", ".venv-peers", ".venv-servers", "__pycache__"}
"""Folders without data of the project: programs, and git, whose objects are asked of git."""
OURS = (LOCAL, Path(".dvc/tmp"))
REWRITE = "git filter-repo --force"  # pip install git-filter-repo; drops the reflog and old objects too
PIECE = 1 << 20  # bytes of a git object that are read at a time


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One file or object: `parts` gives what it says."""

    place: str
    """workspace, cache, git, or the name of a remote."""
    name: str
    parts: Callable[[], Parts]
    oid: str = ""
    """Name of the object in DVC's stores or git; empty for a file of the workspace."""
    inode: tuple[int, int] | None = None
    """Of a local file: two names of one inode say the same."""
    deletable: bool = True
    """Can it be deleted from here?"""


def workspace() -> Iterator[Thing]:
    """Every file of the project but those of git, DVC's cache, environments and the ledger."""
    for home, folders, files in os.walk("."):
        here = Path(home)
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and here / name != Path(".dvc/cache"))
        for name in sorted(files):
            path = here / name
            if not path.name.startswith(LEDGER.name) and not path.is_symlink() and path.is_file():
                yield local(WORKSPACE, path)


def cache(folder: Path) -> Iterator[Thing]:
    """Every object of DVC's cache, and its record of runs."""
    for oid, path in objects_in(folder):
        yield local(CACHE, path, oid)
    for path in sorted((folder.parent.parent / "runs").rglob("*")):
        if path.is_file():
            yield local(CACHE, path)


def remote(place: Place, cache: Place, folder: Path, known: Callable[[str], bool]) -> Iterator[Thing]:
    """The objects of a remote that are not known by their names, each fetched into `folder` while it is read.

    One that cannot be listed, as over plain HTTP, is asked for every object that git's history names.
    """
    for oid in place.all() if place.listable else _named(place, cache):
        if not known(oid):
            parts = _fetched(place, oid, folder)
            yield Thing(place=place.name, name=place.shown(oid), parts=parts, oid=oid, deletable=place.listable)


def _named(place: Place, cache: Place) -> list[str]:
    """The objects of every commit that a remote has; of a listing that is nowhere, only itself."""
    with Copies(cache, [place]) as copies:
        outs = list(dict.fromkeys([*working_outs(), *outs_ever()]))
        found = inventory(outs, copies)
    return sorted(place.present({out.oid for out in outs} | {item.oid for item in found.items}))


def _fetched(place: Place, oid: str, folder: Path) -> Callable[[], Parts]:
    def parts() -> Parts:
        target = folder / oid
        try:
            place.fetch(oid, target)
            yield from parts_of(target)
        finally:
            target.unlink(missing_ok=True)

    return parts


def local(place: str, path: Path, oid: str = "") -> Thing:
    """A file of this machine."""
    state, root = path.stat(), Path.cwd()
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return Thing(
        place=place, name=shown.as_posix(), parts=lambda: parts_of(path), oid=oid,
        inode=(state.st_dev, state.st_ino),
    )  # fmt: skip


def git_objects() -> Iterator[Thing]:
    """Every object that git has: contents, names, messages; those too that no commit leads to any more. They come one
    after the other: read one before you ask for the next.
    """
    if not git("rev-parse", "--git-dir"):
        return
    command = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        while head := process.stdout.readline():
            oid, kind, size = head.decode().split()
            content = process.stdout.read(int(size))
            process.stdout.read(1)
            yield Thing(place=GIT, name=f"{kind} {oid}", parts=_said(content), oid=oid)
    if process.returncode:
        raise GristmillError("git cannot list its objects; `git fsck` says what is wrong")


def _said(content: bytes) -> Callable[[], Parts]:
    return lambda: iter([content])


def _in_history(kind: str, oid: str) -> tuple[str, str]:
    """(where a git object stands, what would delete it)."""
    if kind in ("commit", "tag") and git("for-each-ref", f"--contains={oid}", "--count=1"):
        return f"message of {kind} {oid[:12]}", f"`{REWRITE} --replace-message FILE`, where FILE says `words==>others`"
    log = git("log", "--all", "--reflog", "-m", "--format=%h", "--name-only", f"--find-object={oid}", "--")
    lines = [line for line in log.splitlines() if line]
    if not lines:
        return f"git object {oid[:12]}", "`git reflog expire --expire=now --all && git gc --prune=now`"
    path = lines[1] if len(lines) > 1 else "?"
    named = f"{path} in commit {lines[0]}"
    if kind != "blob":
        return named, f"`{REWRITE} --invert-paths --path {shlex.quote(path)}` rewrites history"
    return named, f"`echo {oid} > .git/strip && {REWRITE} --strip-blobs-with-ids .git/strip` rewrites history"


def told(thing: Thing, current: bool) -> tuple[str, str, bool]:
    """(where it stands, what would delete it, does a purge do that). `current`: does the version at hand have it?"""
    if thing.place == GIT:
        return *_in_history(thing.name.partition(" ")[0], thing.oid), False
    return thing.name, *_remedy(thing, current)


def _remedy(thing: Thing, current: bool) -> tuple[str, bool]:
    path = Path(thing.name)
    if current:
        return "`dvc repro`: this version was built before the tombstone, or not built to its end", False
    if not thing.deletable:
        return "delete it on its server: nothing can be deleted over plain HTTP", False
    if thing.place != WORKSPACE:
        return "a purge; versions that have it can then not be checked out any more", True
    if path == DATABASE or any(path.is_relative_to(folder) for folder in OURS):
        return "a purge; it is made again when it is needed", True
    if path.is_relative_to(ANNOTATION_LOG):
        return "`gristmill label import` again without it, or edit the file", False
    return "edit or delete this file of yours", False
