"""Versions: what a commit, branch or tag of the project had built, brought back to be read.

Reads   git, dvc.lock as it was, DVC's store; from the default remote what is not in the store, and nothing else
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.history.manifests import LOCK, manifest_of
from catalog.integrity.references import LISTING, git, outs_at
from catalog.layout import MANIFEST, dvc_store, stage_root
from catalog.segments import Entry, Segment

FIELDS = ("%H", "%h", "%cs", "%s")  # of `git log`: commit, its short name, day, subject


@dataclass(frozen=True, kw_only=True)
class Version:
    """A commit that changed what is built."""

    commit: str
    short: str
    day: str
    """Of the commit, ISO 8601."""
    names: str
    """Branches and tags that still have what it locked."""
    subject: str


def versions_with(stage: str, last: int) -> list[Version]:
    """The newest `last` versions of a stage's output that HEAD comes from, each by the commit that locked it first."""
    log = git("log", "--ignore-missing", f"--format={'%x00'.join(FIELDS)}", "HEAD", "--", str(LOCK)).splitlines()
    names = _names()
    found: list[Version] = []
    for folder, lines in groupby(log, key=lambda line: _folder(line.split("\0")[0], stage)):
        if not folder:
            continue
        if len(found) == last:
            break
        commits = [dict(zip(FIELDS, line.split("\0"), strict=True)) for line in lines]
        first = commits[-1]
        standing = [name for commit in commits for name in names.get(commit["%H"], ())]
        found.append(Version(
            commit=first["%H"], short=first["%h"], day=first["%cs"], names=", ".join(standing), subject=first["%s"]
        ))  # fmt: skip
    return found


def git_state() -> str:
    """What changes with every commit, branch and tag: the files in which git keeps them; empty outside a repository."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (found := folder / ".git").is_dir():
            heads = [found / "HEAD", found / "packed-refs", *sorted((found / "refs").rglob("*"))]
            return "".join(f"{path.name} {path.read_text()}" for path in heads if path.is_file())
    return ""


def _names() -> dict[str, list[str]]:
    """Commit that locked something -> the branches and tags for which it is the last one that did."""
    found: dict[str, list[str]] = {}
    for name in git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags").split():
        found.setdefault(git("log", "-1", "--format=%H", name, "--", str(LOCK)).strip(), []).append(name)
    return found


def commit_of(revision: str) -> str:
    """The commit that a branch, tag or short name stands for. Errors: InputError."""
    try:
        found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except GristmillError:
        found = ""
    if not found:  # outside a repository git prints nothing
        raise InputError(f"git knows no revision {revision}; `git log --oneline {LOCK}` lists those with builds")
    return found


def entries_at(revision: str, stage: str) -> list[Entry]:
    """The manifest of a stage as a version locked it; empty where it was not built. Errors: InputError."""
    folder = _folder(commit_of(revision), stage)
    if not folder:
        return []
    store = dvc_store()
    found = manifest_of(store, folder)
    if not found:
        _bring(revision, f"{stage_root(stage).as_posix()}/{MANIFEST}")
        found = manifest_of(store, folder)
    if not found:
        _not_here(revision, stage)
    return found


def entries_here(commit: str, stage: str) -> list[Entry]:
    """The same of a commit (its full name) as far as DVC's cache has it: nothing is fetched, and empty also means that
    it is not here.
    """
    folder = _folder(commit, stage)
    return manifest_of(dvc_store(), folder) if folder else []


def segments_at(revision: str, stage: str, tables: Iterable[str] = ()) -> list[Segment]:
    """The segments of a stage's tables (all of them when none is named) as a version had them, checked byte by byte.

    Their paths are in DVC's store: they are to be read, not written. Errors: InputError when they are nowhere to be
    had.
    """
    named = set(tables)
    found = [entry for entry in entries_at(revision, stage) if not named or entry.table in named]
    segments = [_in_store(entry, stage) for entry in found]
    if missing := [entry for entry, segment in zip(found, segments, strict=True) if not segment.path.exists()]:
        root = stage_root(stage)
        _bring(revision, *dict.fromkeys((root / entry.table).as_posix() for entry in missing))
    for segment in segments:
        if not segment.path.exists():
            _not_here(revision, stage)
        if file_sha256(segment.path) != segment.sha256:
            raise InputError(f"{segment.path} is not what {revision} had; run `gristmill fsck --all --repair`")
    return segments


def tables_here(commit: str, stage: str, table: str) -> list[Path]:
    """The files of a stage's table as a commit locked it, of those that DVC's store has; nothing is fetched."""
    paths = [_in_store(entry, stage).path for entry in entries_here(commit, stage) if entry.table == table]
    return [path for path in paths if path.exists()]


def _in_store(entry: Entry, stage: str) -> Segment:
    """The segment that an entry describes, where DVC keeps it."""
    values = {name: getattr(entry, name) for name in ("table", "key", "rows", "bytes", "sha256", "md5", "logical")}
    return Segment(stage=stage, path=dvc_store() / entry.md5[:2] / entry.md5[2:], **values)


@cache
def _folder(commit: str, stage: str) -> str:
    """Name of the folder that a commit, by its full name, locked as a stage's output; empty where there is none."""
    root = stage_root(stage).as_posix()
    return next((out.oid.removesuffix(LISTING) for out in outs_at([commit]) if out.path == root), "")


def _bring(revision: str, *targets: str) -> None:
    """Fetch what is missing from the default remote, where there is one; what cannot be had is found missing later."""
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    with Repo() as repo:
        remotes = {name: dict(repo.config[name]) for name in ("core", "remote")}  # of today: those of then may be gone
        if remotes["core"].get("remote"):
            try:
                repo.fetch(targets=list(targets), revs=[commit_of(revision)], workspace=False, config=remotes)
            except DvcException as error:
                raise InputError(f"{', '.join(targets)} of {revision} cannot be fetched: {error}") from None


def _not_here(revision: str, stage: str) -> NoReturn:
    raise InputError(
        f"what {revision} had in {stage_root(stage)} is in neither DVC's cache nor the default remote; "
        f"`git checkout {revision} && dvc repro {stage}` builds it again"
    )
