"""One action, performed: what every executor runs, whichever machine it runs on.

A task is picklable and self-contained: it reads segments, calls the operator, writes each result beside, fsyncs it,
hashes it and renames it into the object store. Only then does the caller record it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from catalog.digests import file_digests, logical_digest
from catalog.errors import DISK, ConservationError, GristmillError, OperatorError, no_room
from catalog.incremental.journal import Output
from catalog.incremental.memo import Reused, canonical_batches, conformed, merged, row_digests, without
from catalog.incremental.operators import Memo, Operator, resolve
from catalog.incremental.store import Store, new_object, seal
from catalog.layout import BUILDING, OBJECTS
from catalog.parquet import column_names, conform, write_parquet
from catalog.segments import Segment

Shape = Literal["map", "act", "reduce", "build"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One action; `label` names it in messages, `args` are segments (lists of them in a reduce) or values."""

    stage: str
    operator: Operator
    shape: Shape
    label: str
    fingerprint: str
    args: tuple[Any, ...]
    params: Any
    reused: tuple[Reused, ...] = ()
    """Rows that earlier results hold already; the operator computes the others."""

    @property
    def rows(self) -> int:
        """Rows of the first input, for progress; 0 when unknown."""
        first = self.args[0] if self.args else None
        segments = first if isinstance(first, list) else [first]
        return sum(segment.rows for segment in segments if isinstance(segment, Segment))

    @property
    def segments(self) -> Iterator[Segment]:
        """Every segment it reads."""
        for value in self.args:
            yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Segment))

    @property
    def fresh_rows(self) -> int:
        """Those of `rows` that no earlier result holds."""
        return self.rows - sum(len(part.ids) for part in self.reused)


@dataclass(frozen=True)
class Done:
    """What a task produced and the wall seconds it took."""

    task: Task
    outputs: tuple[Output, ...]
    seconds: float


def perform(task: Task) -> Done:
    """Run one action and store its results."""
    start = time.perf_counter()
    try:
        outputs = tuple(_build(task) if task.shape == "build" else _tables(task))
    except GristmillError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK:
            raise GristmillError(no_room(str(error.filename or OBJECTS), error)) from None
        if os.environ.get("GRISTMILL_TRACEBACK"):
            raise
        raise OperatorError(
            f"{task.operator.name} failed on {task.label}: {type(error).__name__}: {error}; "
            "see the traceback with GRISTMILL_TRACEBACK=1"
        ) from error
    if not outputs:
        raise OperatorError(f"{task.operator.name} produced nothing for {task.label}")
    return Done(task, outputs, time.perf_counter() - start)


def _tables(task: Task) -> Iterator[Output]:
    if task.operator.linked:
        yield _linked(task)
        return
    for name, key, table in tables(task):
        yield _stored_table(table, name, key)


def _linked(task: Task) -> Output:
    """The file of the one input, once more, as the result. Errors: OperatorError where it has other columns."""
    (segment,) = task.args
    ((table, schema),) = task.operator.writes.items()
    if (found := column_names(segment.path)) != schema.names:
        raise OperatorError(
            f"{segment.path} has the columns {', '.join(found)}, must have {', '.join(schema.names)}; "
            f"run `dvc repro {segment.stage}`"
        )
    target = OBJECTS / f"{segment.sha256}.{segment.md5}"
    Store().place(segment.path.resolve(), target)
    seal(target, segment.sha256)
    return Output(
        table=table, key=None, name=None, rows=segment.rows, bytes=segment.bytes, sha256=segment.sha256,
        md5=segment.md5, logical=segment.logical,
    )  # fmt: skip


def tables(task: Task) -> Iterator[tuple[str, str | None, pa.Table]]:
    """Run an action that yields tables: (name, key, rows as declared); check what it must account for."""
    produced: Any
    if task.operator.memo:
        produced = _with_memo(task, task.operator.memo)
    else:
        args = _read(task) if task.shape == "map" else list(task.args)
        produced = resolve(task.operator.reference)(*args, **keywords(task))
    accounted = 0
    named = ((name, None, rows) for name, rows in produced.items()) if task.shape == "map" else produced
    for name, key, rows in named:
        if name not in task.operator.writes:
            raise OperatorError(f"{task.operator.name} wrote the table {name}, which it does not declare")
        accounted += rows.num_rows if name in task.operator.accounts else 0
        yield name, key, conform(rows, task.operator.writes[name], f"{task.operator.name}/{name}")
    if task.operator.accounts and accounted != task.rows:
        raise ConservationError(
            f"{task.operator.name} lost rows of {task.label}: {task.rows} in, {accounted} in {task.operator.accounts}"
        )


def _read(task: Task) -> list[pa.Table]:
    """The tables of a map, each with the columns the operator reads."""
    reads = [*task.operator.reads, *[None] * len(task.args)][: len(task.args)]
    return [segment.read(list(columns) if columns else None) for segment, columns in zip(task.args, reads, strict=True)]


def _with_memo(task: Task, memo: Memo) -> dict[str, pa.Table]:
    """The tables of a map that reuses rows: compute those that no earlier result holds, and put all in order."""
    (rows,) = _read(task)
    fresh = without(rows, task.reused) if task.reused else rows
    produced = _computed(task, memo, fresh) if fresh.num_rows or not task.reused else {}
    if produced and set(produced) != set(task.operator.writes):
        raise OperatorError(f"{task.operator.name} has a memo, so it must always write {sorted(task.operator.writes)}")
    return merged(produced, task.reused, rows["id"], task.operator.writes) if task.reused or memo.batch else produced


def _computed(task: Task, memo: Memo, rows: pa.Table) -> dict[str, pa.Table]:
    """What the operator says of some rows: of all at once, or of one canonical batch after the other."""
    run = resolve(task.operator.reference)
    if memo.batch is None:
        return dict(run(rows, **keywords(task)))
    batches = canonical_batches(row_digests(rows, memo.by), memo.batch)
    done = [run(rows.take(pa.array(batch, pa.int64())), **keywords(task)) for batch in batches or [[]]]
    writes = task.operator.writes
    return {name: pa.concat_tables([conformed(part[name], schema) for part in done]) for name, schema in writes.items()}


def keywords(task: Task) -> dict[str, Any]:
    """The keyword arguments of every `run`."""
    return {} if task.params is None else {"params": task.params}


def _stored_table(table: pa.Table, name: str, key: str | None) -> Output:
    beside = new_object()
    write_parquet(table, beside)
    return _stored(beside, table=name, key=key, name=None, rows=table.num_rows, logical=logical_digest(table))


def _stored(beside: Path, *, table: str, key: str | None, name: str | None, rows: int, logical: str | None) -> Output:
    """Hash a finished file and rename it into the object store."""
    sha256, md5 = file_digests(beside)
    size = beside.stat().st_size
    seal(beside, sha256)
    beside.replace(OBJECTS / f"{sha256}.{md5}")
    return Output(
        table=table, key=key, name=name, rows=rows, bytes=size, sha256=sha256, md5=md5, logical=logical or sha256
    )


def _build(task: Task) -> Iterator[Output]:
    """Run an action that writes files under `out`.

    The parent of `out` is named by the fingerprint and outlives a crash, so that training can resume from it.
    """
    home = BUILDING / task.stage / task.fingerprint
    out = home / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    run = resolve(task.operator.reference)
    run(*task.args, **keywords(task), out=out)
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = path.relative_to(out).as_posix()
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        yield _stored(path, table=task.label, key=task.label, name=name, rows=0, logical=None)
    shutil.rmtree(home)
