"""Fingerprints: meaning in, spelling out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.digests import digest_of
from catalog.errors import OperatorError
from catalog.incremental import fingerprint as fingerprints
from catalog.incremental.fingerprint import code_digests, fingerprint, recipe
from catalog.incremental.operators import Memo, Operator

SOURCE = '''"""A module."""
import json
from stages_under_test.helper import double
from stages_under_test import other


def run(x):
    """Twice."""
    # a comment
    return double(x) + other.ONE
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A first-party package of three modules."""
    folder = tmp_path / "stages_under_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "main.py").write_text(SOURCE)
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (folder / "other.py").write_text("ONE = 1\n")
    (folder / "unused.py").write_text("TWO = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fingerprints, "FIRST_PARTY", "stages_under_test")
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith("stages_under_test")]:
        del sys.modules[name]


def digests() -> dict[str, str]:
    """Digests of the module under test and what it reaches."""
    return code_digests("stages_under_test.main")


def test_reachable_modules_are_found_and_no_others(package: Path) -> None:
    """Both spellings of an import are followed; the standard library and unused modules are not."""
    assert set(digests()) == {f"stages_under_test{name}" for name in ("", ".main", ".helper", ".other")}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("# a comment", "# another comment", False),
        ('"""Twice."""', '"""Two times."""', False),
        ('"""A module."""\n', "", False),
        ("return double(x) + other.ONE", "return  (double(x) + other.ONE)", False),
        ("double(x) +", "double(x) -", True),
        ("def run(x)", "def run(x, y=1)", True),
    ],
)
def test_only_meaning_changes_a_digest(package: Path, old: str, new: str, changes: bool) -> None:
    """Comments, docstrings and layout carry none."""
    before = digests()
    (package / "main.py").write_text(SOURCE.replace(old, new))
    assert (digests() != before) == changes


def test_a_change_in_an_imported_module_counts(package: Path) -> None:
    """The closure is part of the code."""
    before = digests()
    (package / "helper.py").write_text("def double(x):\n    return x + x\n")
    after = digests()
    assert {name for name in after if after[name] != before[name]} == {"stages_under_test.helper"}


def test_every_part_of_a_recipe_decides_the_fingerprint(package: Path) -> None:
    """Parameters and inputs enter by value, whatever their order."""
    operator = Operator(name="run", run="stages_under_test.main:run")
    more = Operator(name="run", run=operator.run, libraries=("numpy",))
    batched = Operator(name="run", run=operator.run, memo=Memo(by=("id",), batch=16))
    one, two = {"a": 1, "b": 2}, {"a": 1, "b": 3}
    base = named(recipe("clean", operator, one))
    assert base == named(recipe("clean", operator, {"b": 2, "a": 1}))
    others = [recipe("clean", operator, two), recipe("dedup", operator, one), recipe("clean", more, one),
              recipe("clean", batched, one)]  # fmt: skip
    names = {base, *map(named, others)}
    assert len(names) == 5
    assert len({fingerprint(name, inputs) for name in names for inputs in ('{"t":"d"}', '{"t":"e"}')}) == 10


def named(recipe: dict[str, Any]) -> str:
    """The digest of a recipe."""
    return digest_of(recipe)


def test_a_missing_library_or_asset_is_named(package: Path) -> None:
    """The user is told what to install or restore."""
    lost = Operator(name="run", run="stages_under_test.main:run", libraries=("no-such-library",))
    with pytest.raises(OperatorError, match="`no-such-library` is not installed"):
        recipe("clean", lost, {})
    gone = Operator(name="run", run="stages_under_test.main:run", assets=("no/such.yaml",))
    with pytest.raises(OperatorError, match=r"the asset no/such.yaml is missing"):
        recipe("clean", gone, {})
