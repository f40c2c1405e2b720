"""Which run is served: one of the working tree, or of an older version, each file checked against its manifest.

Reads   data/finetune, or DVC's store (and the default remote) for a revision; dvc.lock of that version
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from catalog.errors import GristmillError
from catalog.history.manifests import LOCK
from catalog.history.versions import commit_of, segments_at
from catalog.integrity.references import git
from catalog.layout import DATA
from stages.model.runs import checked, find_run

STAGE = "finetune"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of `finetune`, and where it comes from."""

    name: str
    revision: str
    """The commit that locked it; empty where git knows none that has what is in the working tree."""
    fingerprint: str
    sha256: dict[str, str]
    """Digest of each file, by its path in the run's folder."""
    paths: dict[str, Path]
    """Where each file lies."""
    data: dict[str, str]
    """What dvc.lock says that it was made from: path -> DVC's name of the object."""

    def about(self) -> dict[str, Any]:
        """As /version tells it: weights are the files of numbers."""
        weights = {name: digest for name, digest in self.sha256.items() if name.endswith(".safetensors")}
        return {"run": self.name, "revision": self.revision, "fingerprint": self.fingerprint, "weights": weights,
                "data": self.data}  # fmt: skip

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A temporary folder with its files, as links."""
        with TemporaryDirectory(prefix="gristmill-serve-") as found:
            for name, path in self.paths.items():
                link = Path(found, name)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.resolve())
            yield Path(found)


def run_named(name: str, revision: str = "") -> Run:
    """A run of the working tree, or of a version. Errors: InputError when it is not there, or is not what it was."""
    _, files = find_run(name, [STAGE], revision)
    paths = [part.path for part in segments_at(revision, STAGE, [name])] if revision else checked(STAGE, files.values())
    commit = commit_of(revision) if revision else _commit_here()
    return Run(
        name=name, revision=commit, fingerprint=next(iter(files.values())).fingerprint,
        paths=dict(zip(files, paths, strict=True)),
        sha256={path: entry.sha256 for path, entry in files.items()}, data=_made_from(revision),
    )  # fmt: skip


def _commit_here() -> str:
    """The commit whose dvc.lock stands in the working tree; empty where there is none."""
    try:
        changed = git("status", "--porcelain", "--", str(LOCK))
        return "" if changed or not LOCK.exists() else git("rev-parse", "HEAD").strip()
    except GristmillError:
        return ""


def _made_from(revision: str) -> dict[str, str]:
    """What dvc.lock records of the stage's inputs and output below data/."""
    if revision:
        text = git("show", f"{commit_of(revision)}:./{LOCK}")
    else:
        text = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    node = ((yaml.safe_load(text) or {}).get("stages") or {}).get(STAGE) or {}
    rows = [*node.get("deps", ()), *node.get("outs", ())]
    return {row["path"]: row["md5"] for row in rows if "md5" in row and Path(row["path"]).is_relative_to(DATA)}
