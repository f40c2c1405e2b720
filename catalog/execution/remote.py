"""Remote: one action as it is sent to a worker of a cluster, and what the worker does with it.

With a shared folder the worker goes to the project's own path and works as a process of this machine would. With
staging it works in an empty folder, into which it fetches what the action reads; it sends what it wrote and keeps
nothing. Table data never passes through the cluster's own messages, which hold the task and a few digests per file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import spawn
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.digests import file_sha256
from catalog.errors import GristmillError
from catalog.execution.action import Task, perform
from catalog.execution.staging import Staged, Staging
from catalog.incremental.journal import Output
from catalog.incremental.store import new_object
from catalog.layout import OBJECTS


@dataclass(frozen=True, kw_only=True)
class Order:
    """`preparation` makes the worker's Python that of the driver; `folder` is shared, or null with `staging`."""

    task: bytes
    preparation: dict[str, Any]
    folder: str | None
    staging: str | None
    files: tuple[Staged, ...]


def order(task: Task, staging: Staging | None) -> Order:
    """An action as it is sent; with staging, every file that it reads is there afterwards."""
    files = tuple(_read_by(task)) if staging else ()
    if staging:
        for file in files:
            staging.put(file)
    given = spawn.get_preparation_data(task.stage)
    wanted = {"init_main_from_name"} | (set() if staging else {"sys_path"})
    sent = replace(task, operator=replace(task.operator, run=task.operator.reference))
    return Order(
        task=bytes(ForkingPickler.dumps(sent)),
        preparation={name: value for name, value in given.items() if name in wanted},
        folder=None if staging else str(Path.cwd()), staging=staging.url if staging else None, files=files,
    )  # fmt: skip


def _read_by(task: Task) -> Iterator[Staged]:
    """Everything an action reads: its segments, earlier results whose rows it reuses, and the operator's assets."""
    for segment in task.segments:
        yield Staged(segment.path, segment.sha256, segment.bytes)
    for _, path in (file for part in task.reused for file in part.files):
        yield Staged(path, path.name.partition(".")[0], path.stat().st_size)
    for path in map(Path, task.operator.assets):
        yield Staged(path, file_sha256(path), path.stat().st_size)


def serve(given: Order) -> tuple[tuple[Output, ...], float] | GristmillError:
    """What a worker does: perform the action; the results and the wall seconds, or what went wrong."""
    pa.set_cpu_count(1)
    try:
        staging = Staging(given.staging) if given.staging else None
        with _folder(given, staging):
            spawn.prepare(given.preparation)
            done = perform(ForkingPickler.loads(given.task))
            if staging:
                for output in done.outputs:
                    staging.put(_object(output))
            return done.outputs, done.seconds
    except GristmillError as error:
        return error


@contextlib.contextmanager
def _folder(given: Order, staging: Staging | None) -> Iterator[None]:
    """The project's folder, or an empty one with what the action reads; it is the current one inside."""
    with contextlib.ExitStack() as stack:
        if staging is None:
            stack.enter_context(_shared(str(given.folder)))
        else:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="gristmill-"))
            stack.enter_context(contextlib.chdir(scratch))
            for file in given.files:
                staging.get(file, Path("fetched"))
        OBJECTS.mkdir(parents=True, exist_ok=True)
        yield


def _shared(folder: str) -> contextlib.AbstractContextManager[None]:
    if not Path(folder).is_dir():
        raise GristmillError(
            f"the node {os.uname().nodename} has no folder {folder}; mount it there, or set GRISTMILL_STAGING to a "
            "place that every node reaches"
        )
    return contextlib.chdir(folder)


def fetch(staging: Staging, outputs: tuple[Output, ...]) -> None:
    """Bring the results of an action into the driver's object store, file by file."""
    for output in outputs:
        staging.get(_object(output), new_object())


def _object(output: Output) -> Staged:
    return Staged(OBJECTS / f"{output.sha256}.{output.md5}", output.sha256, output.bytes)
