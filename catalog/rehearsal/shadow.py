"""Shadow: a folder of links to everything in the project, in which stages rehearse and `data/` may be written.

Reads   dvc.yaml (the command of a stage)
Writes  a temporary folder, removed at the end: what a stage writes to its own data/ there stays there

Paths are relative to the project, so a stage cannot tell a shadow from the project, and neither can its fingerprints.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import GristmillError
from catalog.layout import CRAWL_LOG, DATA, LOCAL, stage_root
from catalog.rehearsal.rehearsal import REQUEST, VARIABLE, Look, Report, Request
from catalog.schema import STAGES

Rehearse = Callable[[str, Request], Report]


def graph() -> dict[str, Any]:
    """The stages of dvc.yaml that Gristmill knows, in its order. Errors: GristmillError outside a project."""
    path = Path("dvc.yaml")
    if not path.is_file():
        raise GristmillError(f"no dvc.yaml in {Path.cwd()}; run the command in the root of a Gristmill project")
    stages = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages", {})
    return {name: stages[name] for name in STAGES if name in stages}


@contextmanager
def shadow() -> Iterator[Rehearse]:
    """Within the context: a function that has a stage rehearse; later stages read what earlier ones left there."""
    LOCAL.mkdir(exist_ok=True)  # its journal outlives the shadow
    commands = {name: shlex.split(node["cmd"]) for name, node in graph().items()}
    with tempfile.TemporaryDirectory(prefix="gristmill-") as name:
        folder = Path(name)
        _link_all(Path.cwd(), folder, besides=DATA)
        _link_all(Path.cwd() / DATA, folder / DATA, besides=Path("crawl"))
        _link(stage_root("crawl"), folder / stage_root("crawl"))
        _link_all(Path.cwd() / CRAWL_LOG, folder / CRAWL_LOG, deep=True)  # crawl writes to it
        yield lambda stage, request: _rehearse(folder, stage, commands[stage], request)


def _rehearse(folder: Path, stage: str, command: list[str], request: Request) -> Report:
    (folder / REQUEST).write_text(json.dumps(asdict(request)), encoding="utf-8")
    program = [sys.executable, *command[1:]] if command[0] == "python" else command
    environment = os.environ | {VARIABLE: str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    report = folder / f"{stage}.json"
    if not report.exists():
        return Report(looks=[], answer={}, error=_message(done.stderr) or f"status {done.returncode}")
    said = json.loads(report.read_text(encoding="utf-8"))
    return Report(looks=[Look(**look) for look in said["looks"]], answer=said["answer"], error=said["error"])


def _message(printed: str) -> str:
    """What a stage that failed says: its own error, or the last line of a traceback."""
    _, own, message = f"\n{printed.strip()}".rpartition("\nerror: ")
    return message if own else printed.strip().rpartition("\n")[2]


def _link_all(source: Path, target: Path, *, besides: Path | None = None, deep: bool = False) -> None:
    """A folder `target` with links to what `source` holds; `deep`: to its files, in folders of its own."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir() if source.is_dir() else ():
        if path.name == (besides and besides.name):
            continue
        if deep and path.is_dir():
            _link_all(path, target / path.name, deep=True)
        else:
            (target / path.name).symlink_to(path)


def _link(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve())
