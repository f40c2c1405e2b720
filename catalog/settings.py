"""params.yaml and dvc.yaml as a person keeps them: read and written again with their comments, order and quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from catalog.errors import SourceError
from catalog.layout import is_watched

GRAPH = Path("dvc.yaml")


def load_settings(path: Path) -> Any:
    """The content of a file. Errors: SourceError outside a project."""
    if not path.exists():
        raise SourceError(f"{path} is missing in {Path.cwd()}; run the command in the root of a Gristmill project")
    return _yaml().load(path)


def save_settings(content: Any, path: Path) -> None:
    """Write what `load_settings` gave, changed in place."""
    beside = path.with_suffix(".tmp")
    _yaml().dump(content, beside)
    beside.replace(path)


def depend(stage: str, path: Path) -> None:
    """Make a path a dep of a stage in dvc.yaml, unless one of its deps covers it."""
    graph = load_settings(GRAPH)
    deps = graph["stages"][stage]["deps"]
    if not is_watched(path, deps):
        deps.append(path.as_posix())
        save_settings(graph, GRAPH)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # never re-wrap a line that nobody changed
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
