"""The sources of params.yaml, listed and added. The crawl stage itself checks what a source may say.

Reads and writes  params.yaml (`crawl.sources`) and dvc.yaml (the deps of crawl), keeping comments and order.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.errors import SourceError
from catalog.layout import watched_path
from catalog.params import PARAMS_FILE
from catalog.settings import GRAPH, depend, load_settings, save_settings


def list_sources() -> list[dict[str, Any]]:
    """Every source, as params.yaml has it. Errors: SourceError outside a project."""
    return list(load_settings(PARAMS_FILE).get("crawl", {}).get("sources", []))


def add_source(source: Mapping[str, Any]) -> None:
    """Append a source to params.yaml and, for local files, its path to crawl's deps in dvc.yaml.

    Both files are put back when the crawl stage refuses the source. Errors: SourceError with its words.
    """
    name = source["name"]
    if any(known["name"] == name for known in list_sources()):
        raise SourceError(f"a source named {name} exists; `gristmill source list` shows all, choose another name")
    before = {path: path.read_bytes() for path in (PARAMS_FILE, GRAPH)}
    params = load_settings(PARAMS_FILE)
    params["crawl"]["sources"].append(dict(source))
    save_settings(params, PARAMS_FILE)
    for watched in _watched(source):
        depend("crawl", watched)
    check = subprocess.run(
        [sys.executable, "-m", "stages.crawl", "--check"], capture_output=True, text=True, check=False
    )
    if check.returncode != 0:
        for path, content in before.items():
            path.write_bytes(content)
        raise SourceError(f"source {name} not added: {check.stderr.strip().removeprefix('error: ')}")


def _watched(source: Mapping[str, Any]) -> list[Path]:
    """What DVC must watch of a source: its files, or the list of them and the folder where they stand."""
    names = {"files": ("path",), "warc": ("path", "paths", "base")}.get(str(source.get("kind")), ())
    return [watched_path(str(source[name])) for name in names if source.get(name) and "://" not in str(source[name])]


def guess(where: str) -> dict[str, Any]:
    """The settings of a source at a path or URL, as far as it tells them. Errors: SourceError."""
    command = [sys.executable, "-m", "stages.sources.guess", where]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise SourceError(said.stderr.strip().removeprefix("error: "))
    return dict(json.loads(said.stdout))


def refetch(name: str | None, *, due: bool = False) -> int:
    """Ask the network again for one source, or all, with `due` only for what is; the exit status of the crawl stage.

    Errors: SourceError for an unknown name.
    """
    names = [source["name"] for source in list_sources()]
    if name and name not in names:
        raise SourceError(f"no source is named {name}; known: {', '.join(names) or 'none'}")
    arguments = ["--refetch", *([name] if name else []), *(["--due"] if due else [])]
    return subprocess.run([sys.executable, "-m", "stages.crawl", *arguments], check=False).returncode
