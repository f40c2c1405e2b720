"""Nothing that comes as data chooses the code that runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"}
SAFE_LOADERS = ("LOADER", "yaml.SafeLoader", "yaml.CSafeLoader")
EVALUATORS = {"eval", "exec", "torch.load", "pd.read_pickle", "yaml.unsafe_load", "yaml.full_load", "__import__"}


def unsafe(source: str) -> list[str]:
    """What in a module would run code that came as data."""
    tree = ast.parse(source)
    found = [
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    ] + [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]  # fmt: skip
    problems = [name for name in found if name.split(".")[0] in UNPICKLERS]
    for name, call in calls(tree):
        named = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        loads_yaml = name == "yaml.load" and named.get("Loader") not in (
            "LOADER",
            "yaml.SafeLoader",
            "yaml.CSafeLoader",
        )
        pickled = named.get("allow_pickle") == "True" or named.get("trust_remote_code") == "True"
        problems += [name] if name in EVALUATORS or loads_yaml or pickled else []
    return problems


def test_nothing_is_unpickled() -> None:
    """No module that ships reads a pickle, evaluates text or lets a data file choose the code that runs."""
    modules = [path for folder in ("catalog", "stages", "bench") for path in (ROOT / folder).rglob("*.py")]
    assert len(modules) > 100
    assert {str(path): found for path in modules if (found := unsafe(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "source",
    [
        *("import pickle", "from pickle import loads", "import joblib.numpy_pickle", "eval(x)", "torch.load(x)"),
        *("yaml.load(x)", "yaml.load(x, Loader=yaml.Loader)", "np.load(x, allow_pickle=True)"),
        "AutoModel.from_pretrained(x, trust_remote_code=True)",
    ],
)
def test_the_search_for_unpicklers_finds_them(source: str) -> None:
    """So that an empty result means something."""
    assert unsafe(source)
