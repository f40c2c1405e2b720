"""Presets: what a known interface needs, as a file of presets/ that params.yaml names and may override.

Reads   presets/<name>.yaml: the keys of a source of the kind `api`, and `about`, `terms`, `limits` for people
A mapping of params.yaml (`params`, `values`, `headers`, `paging`, ...) is merged into the preset's key by key.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PRESETS = Path(__file__).parent / "presets"
FOR_PEOPLE = ("about", "terms", "limits")


def preset_names() -> tuple[str, ...]:
    """Names of the presets there are, in order."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


@functools.cache
def load_preset(name: str) -> Mapping[str, Any]:
    """The preset of that name. Errors: ValueError for an unknown one."""
    names = preset_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise ValueError(
            f"`preset` is {name!r}; " + (f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names)}")
        )
    written: Mapping[str, Any] = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    return written


def with_preset(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of params.yaml over the preset it names. Errors: ValueError."""
    if entry.get("preset") is None:
        return dict(entry)
    preset = load_preset(str(entry["preset"]))
    return merged({key: value for key, value in preset.items() if key not in FOR_PEOPLE}, entry)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one; where both have a mapping, those are merged, else `above` counts."""
    both = {
        key: merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in above.items()
    }
    return {**below, **both}
