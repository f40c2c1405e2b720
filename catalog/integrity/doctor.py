"""Doctor: is this machine and this clone fit to build? What is not, with the next command to type.

Reads   the interpreter, installed packages, disk, memory, devices; .dvc/config, DVC's cache and remotes
Writes  nothing that stays: a link of a file of its own tells which links the file system makes
`wrong` stops a build or a push, `advice` costs time or space, `ok` is fine.
"""

from __future__ import annotations

import configparser
import fcntl
import importlib.metadata
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import psutil

from catalog.errors import GristmillError
from catalog.integrity.references import git, working_outs
from catalog.integrity.remotes import CONFIG, Stores, unverified
from catalog.integrity.torn import torn
from catalog.layout import DATA, LOCAL, SITE_CACHE, dvc_links, dvc_store
from catalog.sharing.settings import secrets_in_git

PINS = Path("requirements/base.lock")
PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)
OLDEST_PYTHON = (3, 11)
ROOM, LITTLE_ROOM = 1 << 30, 10 << 30  # bytes free: below it, a build of any size fails; a corpus of some size may
MEMORY = 2 << 30  # bytes; the default build holds 1.7 GB at its peak
FICLONE = 0x40049409  # linux/fs.h
State = Literal["ok", "advice", "wrong"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    remedy: str = ""

    def text(self) -> str:
        """One line."""
        return f"{self.state:<7} {self.name:<12} {self.found}" + (f"; {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All findings."""

    findings: list[Finding]

    @property
    def fit(self) -> bool:
        """Is nothing wrong?"""
        return all(finding.state != "wrong" for finding in self.findings)

    def text(self) -> str:
        """A line each."""
        return "\n".join(finding.text() for finding in self.findings)

    def json(self) -> str:
        """The same for a program."""
        return json.dumps({"fit": self.fit, "findings": [asdict(finding) for finding in self.findings]})


def examine() -> Examination:
    """Look at everything; what cannot be looked at is a finding too."""
    checks = (_python, _packages, _disk, _memory, _device, _versions, _dvc_files, _dvc_folder, _links, _remotes)
    return Examination(findings=[finding for check in checks for finding in _checked(check)])


def _checked(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except (GristmillError, configparser.Error, OSError) as error:
        return [Finding(name=check.__name__.strip("_"), state="wrong", found=str(error))]


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info[:2] < OLDEST_PYTHON
    remedy = "make the environment anew: `make PYTHON=python3.12 install`" if old else ""
    yield Finding(name="python", state="wrong" if old else "ok", found=found, remedy=remedy)


def _packages() -> Iterator[Finding]:
    """Installed versions against the lock; what holds on other systems only is left out."""
    if not PINS.exists():
        return
    from packaging.markers import Marker

    wanted = {name: version for name, version, marker in PINNED.findall(PINS.read_text(encoding="utf-8"))
              if not marker or Marker(marker).evaluate()}  # fmt: skip
    other = [f"{name} {has} instead of {version}" for name, version in wanted.items()
             if (has := _installed(name)) != version]  # fmt: skip
    shown = ", ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
    yield Finding(
        name="packages", state="advice" if other else "ok", found=shown or f"the {len(wanted)} of {PINS}",
        remedy="`make install` installs what is pinned" if other else "",
    )  # fmt: skip


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _disk() -> Iterator[Finding]:
    for name, folder in (("disk", Path()), ("cache disk", dvc_store())):
        free = shutil.disk_usage(_nearest(folder)).free
        state: State = "wrong" if free < ROOM else "advice" if free < LITTLE_ROOM else "ok"
        remedy = "" if state == "ok" else "make room; `gristmill gc --keep-last 5 --dry-run` says what it would free"
        yield Finding(name=name, state=state, found=f"{free / 2**30:.1f} GiB free", remedy=remedy)


def _nearest(path: Path) -> Path:
    """The path, or the first folder above it that exists."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _memory() -> Iterator[Finding]:
    free = psutil.virtual_memory().available
    state: State = "advice" if free < MEMORY else "ok"
    remedy = "end other programs, or set GRISTMILL_WORKERS=1" if free < MEMORY else ""
    yield Finding(name="memory", state=state, found=f"{free / 2**30:.1f} GiB free", remedy=remedy)


def _device() -> Iterator[Finding]:
    built, there = _installed("torch"), Path("/dev/nvidia0").exists()
    unused = there and "+cpu" in built
    found = f"torch {built}, {'a GPU' if there else 'no GPU: models are trained on the CPU'}"
    remedy = "install a build of torch for it: `make repro TORCH=…`, as the Makefile says" if unused else ""
    yield Finding(name="device", state="advice" if unused else "ok", found=found, remedy=remedy)


def _versions() -> Iterator[Finding]:
    commit = git("rev-parse", "--short", "HEAD").strip() if Path(".git").exists() else ""
    remedy = "" if commit else "`git init`, and commit dvc.lock after a build: versions are found through git"
    yield Finding(name="git", state="ok" if commit else "advice", found=commit or "no commit", remedy=remedy)


def _dvc_files() -> Iterator[Finding]:
    broken = ", ".join(map(str, torn()))
    found = f"{broken} half-written" if broken else "dvc.lock can be read"
    remedy = "`gristmill fsck --repair`" if broken else ""
    yield Finding(name="dvc files", state="wrong" if broken else "ok", found=found, remedy=remedy)


def _dvc_folder() -> Iterator[Finding]:
    """DVC keeps pickles in its site cache, so that nobody else may write there."""
    config = Path(".dvc/config").read_text(encoding="utf-8") if Path(".dvc/config").exists() else ""
    if "site_cache_dir" not in config:
        yield Finding(name="dvc cache", state="advice", found="DVC's site cache is shared by all projects and users",
                      remedy=f"`dvc config core.site_cache_dir {SITE_CACHE}`")  # fmt: skip
        return
    writable = [folder for folder in (LOCAL, SITE_CACHE) if folder.exists() and _others_write(folder)]
    yield Finding(
        name="dvc cache", state="wrong" if writable else "ok",
        found=f"{writable[-1]} can be written by others" if writable else "of this project only",
        remedy=f"`chmod 700 {' '.join(map(str, writable))}`" if writable else "",
    )  # fmt: skip


def _others_write(folder: Path) -> bool:
    return bool(stat.S_IMODE(folder.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH))


def _links() -> Iterator[Finding]:
    """Which of the links of `cache.type` the file systems of cache and workspace make, best first."""
    wanted = dvc_links()
    kind = next((kind for kind in wanted if kind == "copy" or _links_by(kind)), "none")
    found = f"{kind}, of {', '.join(wanted)}"
    if kind == "none":
        yield Finding(name="links", state="wrong", found=found, remedy="`dvc config cache.type hardlink,copy`")
    elif kind == "copy" and (better := next((one for one in ("reflink", "hardlink") if _links_by(one)), "")):
        yield Finding(name="links", state="advice", found=f"{found}: every file lies here twice",
                      remedy=f"`dvc config cache.type {better},copy`")  # fmt: skip
    elif kind == "copy":
        yield Finding(name="links", state="advice", found=f"{found}: every file lies here twice",
                      remedy="put the cache on the file system of the project: `dvc cache dir`")  # fmt: skip
    else:
        yield Finding(name="links", state="ok", found=found)


def _links_by(kind: str) -> bool:
    """Can a file of DVC's cache stand in the workspace by this kind of link?"""
    cache, here = _nearest(dvc_store()), _nearest(DATA)
    try:
        with TemporaryDirectory(dir=cache) as there, TemporaryDirectory(dir=here) as target:
            source, link = Path(there, "file"), Path(target, "file")
            source.write_bytes(b"x")
            _link(kind, source.absolute(), link)
            return link.read_bytes() == b"x"
    except OSError:
        return False


def _link(kind: str, source: Path, link: Path) -> None:
    if kind == "hardlink":
        os.link(source, link)
    elif kind == "symlink":
        os.symlink(source, link)
    else:
        with source.open("rb") as old, link.open("wb") as new:
            fcntl.ioctl(new, FICLONE, old.fileno())


def _remotes() -> Iterator[Finding]:
    """Each remote is asked for one object."""
    with Stores() as stores:
        if not stores.remotes():
            yield Finding(name="remotes", state="advice", found="none: nothing is shared or kept elsewhere",
                          remedy="`gristmill share --url /mnt/shared/corpus`")  # fmt: skip
        oids = [out.oid for out in working_outs()]
        for name in stores.remotes():
            yield _remote(stores, name, oids[-1] if oids else "0" * 32)
    if secrets := secrets_in_git():
        yield Finding(name="secrets", state="wrong", found=f"git has {', '.join(secrets)} in {CONFIG}",
                      remedy="change it, `dvc remote modify --unset` it, `gristmill share --secret`")  # fmt: skip
    for name in unverified():
        yield Finding(name="verify", state="advice", found=f"DVC takes what {name} sends for right",
                      remedy=f"`dvc remote modify {name} verify true`")  # fmt: skip


def _remote(stores: Stores, name: str, oid: str) -> Finding:
    try:
        place = stores.remote(name)
        has = bool(place.present([oid]))
    except GristmillError as error:
        return Finding(name=f"remote {name}", state="wrong", found=str(error), remedy="see `dvc remote list`")
    folder = Path(place.url.removeprefix("file://"))
    if place.local and not folder.exists():
        return Finding(name=f"remote {name}", state="advice", found=f"{folder} does not exist",
                       remedy="mount it, or let the first `gristmill share` make it")  # fmt: skip
    return Finding(
        name=f"remote {name}", state="ok" if has else "advice",
        found=f"{place.url} {'has' if has else 'answers, without'} the last build",
        remedy="" if has else f"`gristmill share -r {name}`",
    )  # fmt: skip
