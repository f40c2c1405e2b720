"""params.yaml: what fits, what does not, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from catalog.errors import ParameterError
from catalog.params import load_params, read_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """One field of each kind."""

    count: int
    share: float = 0.5
    mode: Literal["fast", "exact"] = "fast"
    name: str | None = None
    items: list[Any] = ()  # type: ignore[assignment]
    table: Mapping[str, int] | None = None
    on: bool = False


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "`count` is missing (a whole number)"),
        ({"count": 1.5}, "`count` is 1.5, must be a whole number"),
        ({"count": True}, "`count` is True, must be a whole number"),
        ({"count": 1, "share": "half"}, "`share` is 'half', must be a number"),
        ({"count": 1, "mode": "slow"}, "`mode` is 'slow', must be one of fast, exact"),
        ({"count": 1, "items": 3}, "`items` is 3"),
        ({"count": 1, "table": [1]}, "`table` is [1]"),
        ({"count": 1, "on": 1}, "`on` is 1, must be true or false"),
        ({"count": 1, "name": 3}, "`name` is 3, must be a text or null"),
        ({"count": 1, "shar": 0.1}, "unknown parameter `shar`; did you mean `share`?"),
        ({"count": 1, "zzz": 0.1}, "unknown parameter `zzz`; known: count, items"),
    ],
)
def test_a_wrong_value_is_named(block: dict[str, Any], message: str) -> None:
    """The stage, the key, the value and what it must be."""
    with pytest.raises(ParameterError) as caught:
        load_params("clean", block, [Params])
    assert f"clean: {message}" in str(caught.value)


def test_whole_numbers_are_numbers_and_defaults_fill_in() -> None:
    """`share: 1` is 1.0; what is not said keeps its default."""
    params = load_params("clean", {"count": 2, "share": 1, "name": None}, [Params])[Params]
    assert (params.count, params.share, params.mode) == (2, 1.0, "fast")
    assert isinstance(params.share, float)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "params.yaml is missing"),
        ("clean: 3", "must be a mapping"),
        ("3", "must be"),
        ("a: [", "not valid YAML"),
        ("a: \udcab", "not valid YAML"),
    ],
)
def test_a_broken_file_is_named(project: Path, content: str | None, message: str) -> None:
    """No traceback for a missing or broken params.yaml."""
    path = Path("params.yaml")
    path.unlink() if content is None else path.write_text(content, errors="surrogateescape")
    with pytest.raises(ParameterError, match=message):
        read_block("clean")
