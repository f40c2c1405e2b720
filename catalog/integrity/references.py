"""References: the objects that dvc.lock and the *.dvc files name, in the working tree and in any commit.

Reads   dvc.lock and *.dvc at any depth: as files, and through git as they were in commits
An output is one object (`<md5>`), or a folder: a listing (`<md5>.dir`) that names the object of every file below it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import GristmillError, InputError

NAMED = (":(glob)**/dvc.lock", ":(glob)**/*.dvc")
LISTING = ".dir"
ANY_OBJECT = re.compile(r"\bmd5: *([0-9a-f]{32}(?:\.dir)?)$", re.MULTILINE)
BROKEN = (yaml.YAMLError, AttributeError, KeyError, TypeError)  # what reading a file that DVC did not write raises
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Out:
    """One output, as some dvc.lock or .dvc file names it."""

    stage: str
    """Its stage, or the .dvc file that tracks it; empty where no version says."""
    path: str
    """File or folder, relative to the project's root."""
    oid: str
    """Name of its object in DVC's stores; of a folder, of the listing."""

    @property
    def folder(self) -> bool:
        """Is the object a listing?"""
        return self.oid.endswith(LISTING)

    @property
    def tracked(self) -> bool:
        """Did a person put it under DVC's care (`dvc add`), rather than a stage write it?"""
        return self.stage.endswith(".dvc")


def working_outs() -> list[Out]:
    """Outputs of the working tree. Errors: InputError for a file that cannot be read (a merge conflict)."""
    outs: list[Out] = []
    for path in _working_files():
        try:
            outs += outs_in(path.read_text(encoding="utf-8"), path.as_posix())
        except BROKEN as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} is not what DVC writes: {reason}; resolve it, or `git checkout {path}`") from None
    return list(dict.fromkeys(outs))


def outs_at(commits: Iterable[str]) -> list[Out]:
    """Outputs of some commits, each with all that its tree holds."""
    blobs: dict[str, str] = {}
    for commit in commits:
        for line in git("ls-tree", "-r", "-z", commit).split("\0"):
            head, _, path = line.partition("\t")
            if path.endswith(("dvc.lock", ".dvc")):
                blobs[head.split()[2]] = path
    return _outs_of(blobs)


def outs_ever() -> list[Out]:
    """Outputs of every commit that git still has: branches, tags, stashes, experiments, and what they were before."""
    shape = ("--format=", "--raw", "--no-abbrev", "--no-renames", "--relative", "-m")  # -m: merges change files too
    log = git("log", "--all", "--reflog", *shape, "--", *NAMED)
    lines = [line.partition("\t") for line in log.splitlines() if line.startswith(":")]
    return _outs_of({head.split()[3]: path.strip('"') for head, _, path in lines if head.split()[3].strip("0")})


def versions(last: int) -> list[str]:
    """The `last` commits of every branch that changed an output, and what tags, stashes and work trees stand on."""
    heads = re.findall(r"^HEAD ([0-9a-f]+)$", git("worktree", "list", "--porcelain"), re.MULTILINE)
    branches = [head for head in heads if head.strip("0")]  # zeros: a branch without a commit
    tips = list(branches)
    for line in git("for-each-ref", "--format=%(objectname) %(objecttype)%(*objecttype) %(refname)").splitlines():
        tip, kind, ref = line.split(" ", 2)
        tips += [tip] if kind.endswith("commit") else []  # a tag may name anything
        branches += [ref] if ref.startswith(("refs/heads/", "refs/remotes/")) else []
    logs = (git("log", f"-n{last}", "--format=%H", branch, "--", *NAMED).split() for branch in branches)
    return list(dict.fromkeys([*tips, *(commit for log in logs for commit in log)]))


def outs_in(text: str, file: str) -> Iterator[Out]:
    """Outputs that one dvc.lock or .dvc file names. Errors: those of BROKEN."""
    data = yaml.load(text, Loader=LOADER) or {}
    nodes = {file: data} if file.endswith(".dvc") else data.get("stages", {})
    for stage, node in nodes.items():
        yield from node_outs(stage, node, Path(file).parent)


def node_outs(stage: str, node: Mapping[str, Any], folder: Path) -> Iterator[Out]:
    """Outputs of one stage, as DVC writes it; paths are relative to `folder`."""
    for out in node.get("outs") or ():
        path = (folder / out["path"]).as_posix()
        for part in (out, *out.get("files", ())):  # `files`: of remotes that keep versions themselves
            if "md5" in part and out.get("hash", part.get("hash")) == "md5":  # else of DVC 2, kept elsewhere
                yield Out(stage=stage, path=path, oid=part["md5"])


def files_in(listing: bytes) -> dict[str, str]:
    """Relative path -> md5 of every file in a listing."""
    return {item["relpath"]: item["md5"] for item in json.loads(listing)}


def git(*arguments: str) -> str:
    """What git prints; nothing outside a repository. Errors: GristmillError when it fails inside one."""
    done = subprocess.run(["git", "-c", "core.quotepath=off", *arguments], capture_output=True, check=False)
    inside = done.returncode == 0 or _inside_git()
    if done.returncode != 0 and inside:
        said = done.stderr.decode(errors="replace").strip()
        raise GristmillError(f"git {arguments[0]} failed: {said or done.returncode}; `git fsck` says what is wrong")
    return done.stdout.decode(errors="replace") if inside else ""


def _inside_git() -> bool:
    asked = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, check=False)
    return asked.returncode == 0


def _working_files() -> list[Path]:
    """The dvc.lock and .dvc files of the working tree, committed or not."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *NAMED)
    found = [Path(name) for name in listed.split("\0") if name] or [Path("dvc.lock"), *Path().glob("*.dvc")]
    return sorted({path for path in found if path.is_file()})


def _outs_of(blobs: dict[str, str]) -> list[Out]:
    """Outputs that blobs of git name: of one that is broken (conflict markers), at least its objects."""
    found: list[Out] = []
    for blob, text in _texts(blobs):
        try:
            found += outs_in(text, blobs[blob])
        except BROKEN:
            found += [Out(stage="", path=blobs[blob], oid=oid) for oid in ANY_OBJECT.findall(text)]
    return list(dict.fromkeys(found))


def _texts(blobs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(blob, text) of each, through one process."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    done = subprocess.run(["git", "cat-file", "--batch"], input=asked, capture_output=True, check=False)
    rest: bytes = done.stdout
    while rest:
        head, _, rest = rest.partition(b"\n")
        blob, kind, *size = head.decode().split()
        if kind == "blob":  # else "missing", as in a partial clone
            yield blob, rest[: int(size[0])].decode(errors="replace")
            rest = rest[int(size[0]) + 1 :]


def named(value: int, what: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{value:,} {what}{'' if value == 1 else 's'}"
