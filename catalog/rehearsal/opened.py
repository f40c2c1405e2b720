"""Opened: which files of the repository a stage really reads, against the deps that dvc.yaml declares.

    GRISTMILL_OPENED=opened.txt dvc repro --force && gristmill lint opened.txt

Every process of a stage, its workers too, appends a line `stage<TAB>path` for each file of the repository it opens to
read, by an audit hook of Python that catalog/__init__.py sets before anything else is imported; catalog/parquet.py
tells it of Parquet files, which are opened below Python. A file that no dep covers is one whose change DVC would miss.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIABLE, STAGE = "GRISTMILL_OPENED", "GRISTMILL_OPENED_BY"
# Beside the graph: local state, and what DVC itself compares (parameters by value, its own files).
BESIDES = (".gristmill", ".dvc", ".git", ".venv", "params.yaml", "dvc.yaml", "dvc.lock")


def watch(record: Path) -> None:
    """Append to `record` every file of the repository that this process opens to read, or has imported already."""
    root = f"{Path.cwd()}{os.sep}"
    record = record.absolute()
    os.environ[VARIABLE] = str(record)  # for workers, whatever folder they start in
    stage = os.environ.setdefault(STAGE, _program())
    stream = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    seen: set[str] = set()

    def note(path: str) -> None:
        path = os.path.abspath(path)
        if path in seen or not path.startswith(root) or not os.path.isfile(path):
            return
        seen.add(path)
        os.write(stream, f"{stage}\t{_source(path.removeprefix(root))}\n".encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike) and _reads(*arguments[1:3]):
            note(os.fsdecode(arguments[0]))

    sys.addaudithook(hook)
    for module in list(sys.modules.values()):
        if origin := getattr(module, "__file__", None):
            note(origin)


def _program() -> str:
    """The stage that this process runs: its module in `python -m stages.clean`."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else words[0]
    return module.rpartition(".")[2]


def _reads(mode: Any, flags: Any) -> bool:
    """Is a file opened to be read? By the mode of `open`, or by the flags of `os.open`."""
    if isinstance(mode, str):
        return not set("wax+") & set(mode)
    return not isinstance(flags, int) or flags & (os.O_WRONLY | os.O_RDWR) == 0


def _source(path: str) -> str:
    """A compiled module as the source file it stands for."""
    if not path.endswith(".pyc"):
        return path
    try:
        return importlib.util.source_from_cache(path)
    except ValueError:
        return path


def undeclared(record: Path) -> Iterator[tuple[str, str]]:
    """(stage, path) of every file in a record that no dep of the stage covers, in order."""
    from catalog.rehearsal.shadow import graph

    nodes = graph()
    lines = {line.partition("\t")[::2] for line in record.read_text(encoding="utf-8").splitlines()}
    for stage, path in sorted(lines):
        if stage in nodes and not _covered(path, nodes[stage]):
            yield stage, path


def _covered(path: str, node: dict[str, Any]) -> bool:
    outs = [out if isinstance(out, str) else next(iter(out)) for out in node.get("outs", [])]
    known = [*BESIDES, *node.get("deps", []), *outs]
    # an empty __init__.py says nothing; a compiled kernel (.nbi, .nbc) follows from its source
    empty = path.endswith("__init__.py") and Path(path).is_file() and not Path(path).stat().st_size
    return empty or "__pycache__" in path or any(f"{path}/".startswith(f"{dep}/") for dep in known)
