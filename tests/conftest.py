"""What all tests share: an empty project in a temporary folder, the order of files, the names of cases."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory is an empty project, with one worker and no history."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    (tmp_path / "params.yaml").write_text("")
    return tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few long tests come first: begun last, one of them would keep one worker busy and the other idle.

    Before them come those that compile the kernels, which every copy of the project then takes over.
    """
    kernels = ("stages/test_measuring", "stages/test_dedup", "stages/test_markup")
    first = (*kernels, "pipeline/test_machine", "pipeline/test_incremental", "pipeline/")
    items.sort(key=lambda item: next((place for place, name in enumerate(first) if name in item.nodeid), len(first)))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes do not name a case: packed ones hold a clock, and each worker must collect the same names."""
    return argname if isinstance(val, bytes) else None
