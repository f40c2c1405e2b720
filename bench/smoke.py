"""smoke: the embedded default from an empty clone: what it keeps, what it costs, what the models score.

Clones the committed project into a temporary folder, runs `dvc repro` there with an empty store, and reads the
figures off the built catalog. Package archives that this clone downloaded before are reused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

SAMPLE_EVERY = 0.2  # seconds between two looks at memory


def run(quick: bool) -> dict[str, Any]:
    """Documents, kept, dropped, quarantined, wall seconds, peak MB of all processes together, and scores."""
    with tempfile.TemporaryDirectory(prefix="gristmill-smoke-") as folder:
        project = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", ".", str(project)], check=True)
        downloads = Path(".gristmill/downloads")
        if downloads.exists():
            shutil.copytree(downloads, project / downloads)
        if quick:
            rewrite(project / "params.yaml", _one_seed)
        start = time.monotonic()
        peak = _run_watched([sys.executable, "-m", "dvc", "repro"], project)
        return {"seconds": round(time.monotonic() - start, 1), "peak_mb": peak, **_figures(project)}


def _one_seed(values: dict[str, Any]) -> dict[str, Any]:
    """The quick run fine-tunes with one seed instead of three."""
    values["finetune"]["seeds"] = values["finetune"]["seeds"][:1]
    return values


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change a YAML file."""
    content = change(yaml.safe_load(path.read_text(encoding="utf-8")))
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _run_watched(command: list[str], folder: Path) -> int:
    """Run a command; the largest sum of resident memory of its processes, in MB."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=sys.stderr)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_EVERY):
            peak = max(peak, _resident(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    done.set()
    watcher.join()
    if status != 0:
        raise SystemExit(f"`{' '.join(command)}` ended with status {status}")
    return peak // 2**20


def _resident(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _figures(project: Path) -> dict[str, Any]:
    """Counts and scores, as `gristmill sql` answers them in the built project."""
    rows = sql(project, "select stage, rows_in, kept, dropped, quarantined from conservation")
    corpus = {row["stage"]: row for row in rows}
    scores = {row["name"]: row["value"] for row in sql(project, "from headline")}
    flow = [corpus[stage] for stage in ("crawl", "clean", "dedup")]
    return {
        "documents": flow[0]["rows_in"],
        "kept": flow[-1]["kept"],
        "dropped": sum(row["dropped"] for row in flow),
        "quarantined": sum(row["quarantined"] for row in flow),
        **scores,
    }


def sql(project: Path, query: str) -> list[dict[str, Any]]:
    """Rows of a query, as `gristmill sql` answers it in a built project."""
    command = [sys.executable, "-m", "catalog", "sql", query, "--format", "json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))
