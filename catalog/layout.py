"""Where things lie in a project, relative to its root (the current directory).

data/<stage>/            one DVC output per stage: manifest.parquet and a folder per table
data/crawl/snapshot/     crawl's output; beside it data/crawl/log/, what the network answered (persists, only grows)
data/annotations/        what people answered, one file an import; a .dvc file tracks it
.gristmill/              local and disposable: journal, objects not yet in DVC's store, downloads, locks, traces
"""

from __future__ import annotations

import configparser
import itertools
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from catalog.errors import InputError

DATA = Path("data")
LOCAL = Path(".gristmill")
OBJECTS = LOCAL / "objects"
DOWNLOADS = LOCAL / "downloads"
BUILDING = LOCAL / "building"
TRACES = LOCAL / "traces"
LOCKS = LOCAL / "locks"
SITE_CACHE = LOCAL / "dvc"  # as .dvc/config says: what DVC has found out about files
PREDICTIONS = LOCAL / "predictions"  # what models say of the documents of a task, for `gristmill label queue`
MANIFEST = "manifest.parquet"
DVC_CONFIG = (Path(".dvc/config"), Path(".dvc/config.local"))
CRAWL_LOG = DATA / "crawl" / "log"
ANNOTATION_LOG = DATA / "annotations"


@cache
def stage_root(stage: str) -> Path:
    """Folder of a stage's output."""
    return DATA / "crawl" / "snapshot" if stage == "crawl" else DATA / stage


def project_root(folder: Path = Path()) -> Path:
    """The project's own folder, absolute; `folder` may be a shadow of it, with links (catalog/rehearsal/shadow.py)."""
    return (folder / "dvc.yaml").resolve().parent


def dvc_store() -> Path:
    """Folder of DVC's own object store, as configured by `cache.dir`. Errors: InputError."""
    found = _dvc_config().get("cache", "dir", fallback="cache")
    return Path(".dvc") / found / "files" / "md5"


def dvc_links() -> list[str]:
    """How DVC puts objects of its store into the workspace, as configured by `cache.type`, best first.

    Errors: InputError.
    """
    given = _dvc_config().get("cache", "type", fallback="reflink,copy").strip("\"'")
    return [kind.strip() for kind in given.split(",")]


def _dvc_config() -> configparser.ConfigParser:
    """What DVC is told. Errors: InputError naming the first line of a file that DVC could not read either."""
    config = configparser.ConfigParser(interpolation=None)
    for path in DVC_CONFIG:
        try:
            config.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}:{_line(error)} is no line of a configuration of DVC ({type(error).__name__}); "
                "correct it, and see with `dvc config --list` that DVC can read it"
            ) from None
    return config


def _line(error: configparser.Error | UnicodeDecodeError) -> int:
    """Where a file is wrong; 1 is its first line."""
    if isinstance(error, UnicodeDecodeError):
        return error.object.count(b"\n", 0, error.start) + 1
    numbers = [number for number, _ in getattr(error, "errors", [])]
    return int(numbers[0] if numbers else getattr(error, "lineno", 1))


def watched_path(path: str) -> Path:
    """What DVC can watch of a path or glob: the part before its first wildcard."""
    fixed = itertools.takewhile(lambda part: not set("*?[") & set(part), Path(path).parts)
    return Path(*fixed)


def is_watched(path: Path, deps: Iterable[str]) -> bool:
    """Is a path among the deps of a stage, or below one of them?"""
    return any(path == Path(dep) or Path(dep) in path.parents for dep in deps)
