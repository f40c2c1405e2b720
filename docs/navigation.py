"""The site's navigation: what lies in docs/, in four parts. A page that no part names is a guide to a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PARTS = {
    "Begin": ("index", "tutorial", "training"),
    "Guides": (),
    "Reference": ("cli", "params", "schema", "signals", "queries"),
    "Explanation": ("concepts", "core", "benches", "scale"),
}


def on_config(config: Any) -> Any:
    """MkDocs asks this before it reads a page."""
    config.nav = navigation(Path(config.docs_dir))
    return config


def navigation(folder: Path) -> list[dict[str, list[str]]]:
    """[{part: its pages}], each page of the folder once; decisions end the explanation."""
    pages = {path.stem: path.name for path in sorted(folder.glob("*.md"))}
    named = {name for names in PARTS.values() for name in names}
    parts = {part: [pages[name] for name in names if name in pages] for part, names in PARTS.items()}
    parts["Guides"] = [file for name, file in pages.items() if name not in named]
    parts["Explanation"] += [f"decisions/{path.name}" for path in sorted((folder / "decisions").glob("*.md"))]
    return [{part: files} for part, files in parts.items()]
