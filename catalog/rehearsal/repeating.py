"""Repeating an action: compute it once more, store nothing, and name the first row that comes out different.

Reads   the inputs of the action, and the files of its earlier result where a digest differs
Writes  for a build a temporary folder, removed at the end
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from catalog.digests import file_sha256, logical_digest, sha256_of
from catalog.execution.action import Task, keywords, tables
from catalog.incremental.journal import Output
from catalog.incremental.operators import resolve
from catalog.parquet import read_parquet

SHOWN = 30  # characters of a value on each side of where two values part
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first row in which a repeated action differs from its earlier result, or `what` else does."""

    operator: str
    action: str
    table: str
    what: str

    def __str__(self) -> str:
        return f"{self.operator} on {self.action}: {self.table}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Made:
    """One table or file of a repeated action; `rows` is None for a file."""

    table: str
    key: str | None
    logical: str
    rows: pa.Table | None


def chosen(items: Iterable[T], count: int, seed: str, name: Callable[[T], str]) -> list[T]:
    """`count` of `items`, by a hash of the seed and the name of each."""
    return sorted(items, key=lambda item: sha256_of(f"{seed} {name(item)}"))[:count]


def first_difference(task: Task, outputs: Iterable[Output], find: Callable[[Output], Path | None]) -> Difference | None:
    """Perform a task again, compare with its earlier `outputs`, whose files `find` knows; None when they are equal."""
    operator = f"{task.stage}.{task.operator.name}"
    try:
        for made, output in zip_longest(_repeated(task), outputs):
            what = _compared(made, output, find)
            if what:
                table = output.table if output else made.table
                return Difference(operator=operator, action=task.label, table=table, what=what)
    except Exception as error:  # whatever an operator raises, where it raised nothing before
        failed = f"{type(error).__name__}: {error}"
        return Difference(operator=operator, action=task.label, table="it fails now", what=failed)
    return None


def _repeated(task: Task) -> Iterator[Made]:
    if task.shape == "build":
        yield from _built(task)
        return
    for name, key, rows in tables(task):
        yield Made(table=name, key=key, logical=logical_digest(rows), rows=rows)


def _built(task: Task) -> Iterator[Made]:
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        out = Path(folder, "out")
        out.mkdir()
        resolve(task.operator.reference)(*task.args, **keywords(task), out=out)
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            name = path.relative_to(out).as_posix()
            yield Made(table=f"{task.label}/{name}", key=task.label, logical=file_sha256(path), rows=None)


def _compared(made: Made | None, output: Output | None, find: Callable[[Output], Path | None]) -> str:
    """How what was made differs from the earlier output at the same position; empty when it does not."""
    if made is None or output is None:
        return "was written, is not" if made is None else "is written, was not"
    named = f"{output.table}/{output.name}" if output.name else output.table
    if made.table != named or (output.key and made.key and made.key != output.key):
        return f"was {named} of {output.key}, is {made.table} of {made.key}"
    if made.logical == output.logical:
        return ""
    path = find(output)
    if made.rows is None or path is None:
        return "its bytes differ"
    return differing_row(read_parquet(path), made.rows)


def differing_row(before: pa.Table, after: pa.Table) -> str:
    """The first row, and in it the first column, in which two tables differ, with both values shortened."""
    if before.column_names != after.column_names:
        return f"its columns were {', '.join(before.column_names)}, are {', '.join(after.column_names)}"
    found = [(row, name) for name in after.column_names if (row := _parting(before[name], after[name])) is not None]
    if not found:
        return f"had {before.num_rows} rows, has {after.num_rows}"
    row, name = min(found, key=lambda pair: (pair[0], after.column_names.index(pair[1])))
    values = [table[name][row].as_py() for table in (before, after)]
    of = f" (id {after['id'][row].as_py()})" if "id" in after.column_names else ""
    return "row {}{}, {}: was {}, is {}".format(row, of, name, *shortened(*map(repr, values)))


def _parting(before: pa.ChunkedArray, after: pa.ChunkedArray) -> int | None:
    """The first position at which two columns differ; NaN equals NaN, and rows beyond the shorter one are not asked."""
    pairs = enumerate(zip(before.to_pylist(), after.to_pylist(), strict=False))
    return next((row for row, (old, new) in pairs if repr(old) != repr(new)), None)


def shortened(before: str, after: str) -> tuple[str, str]:
    """Two texts, each cut to what stands around the first character in which they differ."""
    pairs = enumerate(zip(before, after, strict=False))
    start = max(0, next((at for at, (old, new) in pairs if old != new), min(len(before), len(after))) - SHOWN)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    stop = start + 2 * SHOWN
    return f"{'…' if start else ''}{text[start:stop]}{'…' if stop < len(text) else ''}"
