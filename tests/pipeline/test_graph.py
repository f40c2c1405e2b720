"""dvc.yaml against the code: one name everywhere, and no dependency that DVC does not know of."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.incremental.fingerprint import code_digests
from catalog.schema import STAGES

ROOT = Path(__file__).parents[2]
GRAPH: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def test_stage_file_params_block_and_schema_have_the_same_names_in_the_same_order() -> None:
    """A reader who knows one name knows them all."""
    assert list(GRAPH) == list(STAGES)
    assert [name for name in GRAPH if (ROOT / "stages" / f"{name}.py").exists()] == list(GRAPH)
    assert list(PARAMS) == [*(name for name in GRAPH if GRAPH[name].get("params")), "card"]  # of the reports


@pytest.mark.parametrize("stage", GRAPH)
def test_every_first_party_import_is_a_dep(stage: str) -> None:
    """A module that a stage can reach lies under one of its deps, so DVC reruns the stage when it changes."""
    modules = [name for name in code_digests(f"stages.{stage}") if not name.endswith("__init__")]
    files = [_file(name) for name in modules]
    deps = [str(dep) for dep in GRAPH[stage]["deps"]]
    uncovered = [file for file in files if not any(file == dep or file.startswith(f"{dep}/") for dep in deps)]
    assert [file for file in uncovered if (ROOT / file).stat().st_size] == []


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    """Helpers are shared below stages/<subject>/, never through another verb."""
    others = {f"stages.{name}" for name in GRAPH if name != stage}
    assert others.isdisjoint(code_digests(f"stages.{stage}"))


@pytest.mark.parametrize("stage", GRAPH)
def test_outs_are_plain_and_named_like_the_stage(stage: str) -> None:
    """`persist` and `cache: false` turn DVC's run cache off; only the crawl log persists."""
    for out in GRAPH[stage]["outs"]:
        path, options = (out, {}) if isinstance(out, str) else next(iter(out.items()))
        assert path.startswith(f"data/{stage}")
        assert options == ({"persist": True} if path == "data/crawl/log" else {})


def test_the_catalog_never_imports_stages() -> None:
    """Imports point one way."""
    for path in (ROOT / "catalog").glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        assert [name for name in names if name.partition(".")[0] == "stages"] == [], path


def _file(module: str) -> str:
    path = Path(*module.split("."))
    return str(path / "__init__.py") if (ROOT / path).is_dir() else f"{path}.py"
