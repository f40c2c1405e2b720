"""Operator: what a stage does, declared so that its result can be found again.

An operator is a pure function plus everything that decides its bytes: the parameters it uses, the schemas it
writes, the libraries and files it reads. Three shapes of `run`, by the method of `Stage` it is handed to:

    map      run(table, ..., params=P) -> {table name: pa.Table}
    act      run(*args, params=P)      -> iterator of (table name, None, pa.Table)
    reduce   run(segments, ..., params=P) -> iterator of (table name, key or "all", pa.Table)
    build    run(segments, ..., params=P, out=Path) -> None; every file under `out` is a result

`run` may be written as "package.module:function", so that a heavy module is imported only where it computes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Memo:
    """Makes a costly map reuse rows of any earlier result with the same recipe, whichever segment held them.

    `by` names the columns of the input that, together, determine everything the operator reads of a row. With `batch`,
    for models, whose bits change with the rows beside a row, what is reused is a whole canonical batch: the operator
    is called once per batch of at most `batch` rows and pads it to that many (catalog/incremental/memo.py).
    """

    by: tuple[str, ...]
    batch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of a stage; `name` is unique within it."""

    name: str
    run: Callable[..., Any] | str
    params: type | None = None
    """Frozen dataclass with exactly the parameters used; they enter the fingerprint by value."""
    writes: Mapping[str, pa.Schema] = field(default_factory=dict)
    """Table name -> schema; empty for operators that write files."""
    reads: tuple[tuple[str, ...] | None, ...] = ()
    """Maps only: the columns to read of each input, None for all; a map reads all columns of inputs beyond these."""
    accounts: tuple[str, ...] = ()
    """Tables whose rows add up to the rows of the first input; the action fails when they do not."""
    libraries: tuple[str, ...] = ()
    """Distributions whose version decides the bytes."""
    assets: tuple[str, ...] = ()
    """Files of the repository that it reads: presets, lexicons."""
    memo: Memo | None = None
    """Maps of one input only, whose rows have an `id` and do not depend on each other (or only within a batch)."""
    linked: bool = False
    """Maps that give their one input as it stands, column by column: its file is linked, not read and written again."""

    light: bool = False
    """Maps that move columns and compute little: the first task runs in the stage, and tells whether a pool pays."""

    @property
    def reference(self) -> str:
        """`package.module:function`, the same however `run` was given."""
        if isinstance(self.run, str):
            return self.run
        module = self.run.__module__
        if module == "__main__":  # `python -m stages.dedup` and `import stages.dedup` are one module with one recipe
            module = getattr(sys.modules["__main__"].__spec__, "name", module)
        return f"{module}:{self.run.__qualname__}"

    @property
    def module(self) -> str:
        """The module that holds `run`."""
        return self.reference.partition(":")[0]


def resolve(reference: str) -> Callable[..., Any]:
    """The function that `package.module:function` names."""
    module, _, name = reference.partition(":")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{reference} is not a function")
    return found
