"""Recipe and inputs -> fingerprint. Together they are everything that determines the result of an action.

What enters a recipe, each by value: operator, digest of every first-party module it can reach (syntax tree without
comments and docstrings), parameters used, schemas written, assets read, versions of the libraries that decide its
bytes, and the settings of the one Parquet writer. What never enters: paths, clocks, hosts, the number of workers.
`catalog/` itself is not followed: it moves rows and decides none (docs/decisions/0002).
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.digests import file_sha256
from catalog.errors import OperatorError
from catalog.incremental.operators import Operator
from catalog.parquet import WRITER

FIRST_PARTY = "stages"

Recipe = dict[str, Any]


def recipe(stage: str, operator: Operator, params: Mapping[str, Any]) -> Recipe:
    """Everything but the inputs that determines the results of an operator; shared by all its actions.

    `params` maps the dotted name of a parameter to its value.
    """
    made = {
        "operator": f"{stage}.{operator.name}",
        "run": operator.reference,
        "code": code_digests(operator.module),
        "params": dict(params),
        "writes": {name: _shape(schema) for name, schema in operator.writes.items()},
        "assets": {path: asset_digest(path) for path in operator.assets},
        "libraries": library_versions(operator.libraries),
        "writer": WRITER if operator.writes else None,
    }
    return made | ({"batch": operator.memo.batch} if operator.memo and operator.memo.batch else {})


def fingerprint(recipe: str, inputs: str) -> str:
    """What determines the result of one action: sha256 (hex) over the digest of its recipe and its inputs.

    `inputs` is the canonical JSON of a mapping from table to logical digest, or to a list of key:digest.
    """
    return hashlib.sha256(f"{recipe} {inputs}".encode()).hexdigest()


def _shape(schema: pa.Schema) -> list[str]:
    """A schema as text: names, types and nullability, without metadata."""
    return [f"{field.name} {field.type}{'?' if field.nullable else ''}" for field in schema]


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution, and of Python (whose Unicode tables decide text)."""
    versions = {"python": "{}.{}".format(*sys.version_info)}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise OperatorError(f"the library `{name}` is not installed; run `make install`") from None
    return versions


def asset_digest(path: str) -> str:
    """sha256 of a file of the repository."""
    if not Path(path).is_file():
        raise OperatorError(f"the asset {path} is missing; restore it with `git checkout -- {path}`")
    return file_sha256(Path(path))


def code_digests(module: str) -> dict[str, str]:
    """Digest of `module` and of every first-party module reachable from its imports, by module name.

    Imports are found wherever they stand, in functions too. Modules of `catalog` and of other people are not followed.
    """
    digests: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        path = _source(name)
        stat = path.stat()
        digests[name], imported = _parsed(path, name, (stat.st_mtime_ns, stat.st_size))
        waiting += [found for found in imported if found not in digests]
    return dict(sorted(digests.items()))


def _source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise OperatorError(f"the module {module} has no source file, so its results cannot be found again")
    return Path(spec.origin)


@functools.cache
def _parsed(path: Path, module: str, stamp: tuple[int, int]) -> tuple[str, tuple[str, ...]]:
    """Digest of what a source file means (no comments, docstrings or positions), and the modules it imports."""
    tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(_imports(tree, module))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    """Is a statement a bare string: a docstring of a module, class, function or attribute?"""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(tree: ast.Module, module: str) -> Iterator[str]:
    """First-party modules that a syntax tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_first_party(alias.name))
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(node, module)


def _imported_from(node: ast.ImportFrom, module: str) -> Iterator[str]:
    base = node.module or ""
    if node.level:
        package = module if _source(module).name == "__init__.py" else module.rpartition(".")[0]
        base = importlib.util.resolve_name("." * node.level + base, package)
    if not _is_first_party(base):
        return
    yield base
    for alias in node.names:
        if _is_module(base, alias.name):
            yield f"{base}.{alias.name}"


def _is_first_party(name: str) -> bool:
    return name == FIRST_PARTY or name.startswith(FIRST_PARTY + ".")


def _is_module(package: str, name: str) -> bool:
    """Is `name`, imported from `package`, a module of it rather than a value in it?"""
    spec = importlib.util.find_spec(package)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return is_package and importlib.util.find_spec(f"{package}.{name}") is not None
