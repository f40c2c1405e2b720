"""params.yaml -> frozen dataclasses: typed, complete, every problem of a block reported at once.

Reads   params.yaml in the current directory, one block per stage.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import ParameterError

PARAMS_FILE = Path("params.yaml")


def read_block(name: str, path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The raw block of one stage; an absent block is empty.

    Errors: ParameterError when the file is missing, not YAML, or the block is not a mapping.
    """
    if not path.exists():
        raise ParameterError(f"{path} is missing in {Path.cwd()}; run the command in the root of a Gristmill project")
    try:
        blocks = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"{path} is not valid YAML: {error}") from None
    block = blocks.get(name) or {} if isinstance(blocks, dict) else None
    if not isinstance(block, dict):
        raise ParameterError(f"{path}: block `{name}` must be a mapping of parameter to value")
    return block


def load_params(name: str, block: Mapping[str, Any], kinds: Iterable[type]) -> dict[type, Any]:
    """One instance per dataclass in `kinds`, filled from the block of stage `name`.

    A key may be used by several classes, and every key must be used by one. Errors: ParameterError that lists
    unknown keys (with the nearest known one), missing keys, wrong types and impossible values together.
    """
    kinds = list(dict.fromkeys(kinds))
    known = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    problems = [_unknown(key, known) for key in block if key not in known]
    loaded = {}
    for kind in kinds:
        values, wrong = _values(kind, block)
        problems += wrong
        if wrong:
            continue
        try:
            loaded[kind] = kind(**values)
        except ValueError as error:
            problems += str(error).splitlines()
    if problems:
        lines = "\n".join(f"  {name}: {problem}" for problem in dict.fromkeys(problems))
        raise ParameterError(
            f"params.yaml has {len(set(problems))} problem(s):\n{lines}\nEdit params.yaml, then `dvc repro`."
        )
    return loaded


def _unknown(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(str(key), sorted(known), 1)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
    return f"unknown parameter `{key}`; {hint}"


def _values(kind: type, block: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The constructor's arguments for `kind`, and what is wrong with them."""
    values: dict[str, Any] = {}
    problems = []
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.name not in block:
            if required:
                problems.append(f"`{field.name}` is missing ({_spelled(hints[field.name])})")
            continue
        value = block[field.name]
        if not _fits(value, hints[field.name]):
            problems.append(f"`{field.name}` is {value!r}, must be {_spelled(hints[field.name])}")
        values[field.name] = float(value) if hints[field.name] is float and _fits(value, float) else value
    return values, problems


def _fits(value: Any, hint: Any) -> bool:
    """Does a YAML value fit a type hint? Classes that YAML cannot say are left to the dataclass itself."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if hint is type(None):
        return value is None
    if hint is bool or isinstance(value, bool):
        return hint in (bool, Any) and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float)
    base = origin or hint
    if base in (int, str):
        return isinstance(value, base)
    if base in (list, tuple):
        return isinstance(value, list | tuple)
    if isinstance(base, type) and issubclass(base, Mapping):
        return isinstance(value, Mapping)
    return True


def _spelled(hint: Any) -> str:
    names = {
        int: "a whole number", float: "a number", str: "a text", bool: "true or false", types.NoneType: "null",
    }  # fmt: skip
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(map(_spelled, typing.get_args(hint)))
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    return names.get(hint, str(hint).replace("typing.", ""))
