"""Actions on a Ray cluster: the one that RAY_ADDRESS names, or one that is started here for as long as the stage runs.

Ray schedules and repeats: an action whose node dies runs again elsewhere, and because results are named by their
digest and recorded by this process alone, once, it makes no difference how often one ran. The journal, the lock of the
stage and its manifest stay with this process.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import catalog
from catalog.errors import GristmillError, OperatorError
from catalog.execution.action import Done, Task
from catalog.execution.executor import workers
from catalog.execution.local import LocalExecutor
from catalog.execution.remote import fetch, order, serve
from catalog.execution.staging import Staging
from catalog.incremental.operators import Operator

CODE = Path(catalog.__file__).parents[1]
LEFT_HERE = [".git", ".dvc", ".gristmill", ".venv*", "data", "docs"]  # of CODE, when it is sent to the nodes
REPEATS = 3  # of an action whose worker or node died
AHEAD = 4  # actions handed over per CPU of the cluster
CONNECT = 5  # seconds
REMEDY = "see `ray status`, start a cluster with `ray start --head`, or unset RAY_ADDRESS to run on this machine"


class RayExecutor:
    """Joins the cluster with the first task; see catalog/execution/executor.py.

    Two kinds of action stay here: those that only link a file, and, with staging, those that read source files, which
    no other node has. Errors: GristmillError when Ray is not installed, or its cluster not reached.
    """

    def __init__(self, operators: Iterable[Operator]) -> None:
        try:
            import ray
        except ImportError:
            raise GristmillError(
                "GRISTMILL_EXECUTOR is 'ray', but ray is not installed; run `pip install 'gristmill[ray]'`"
            ) from None
        self._ray: Any = ray
        url = os.environ.get("GRISTMILL_STAGING")
        self._staging = Staging(url) if url else None
        self._here = LocalExecutor(operators)
        self._serve: Any = None

    def execute(self, tasks: list[Task], seconds: float | None = None) -> Iterator[Done]:
        """See Executor."""
        first = tasks[0]
        stay = first.operator.linked or (self._staging is not None and first.shape == "act")
        yield from self._here.execute(tasks, seconds) if stay else self._on_cluster(tasks)

    def close(self, *, at_once: bool = False) -> None:
        """Leave the cluster, which ends what it still does for this process."""
        self._here.close(at_once=at_once)
        if self._serve is not None:
            self._ray.shutdown()

    def _on_cluster(self, tasks: list[Task]) -> Iterator[Done]:
        if self._serve is None:
            self._serve = self._join()
        room = AHEAD * max(int(self._ray.cluster_resources().get("CPU", 0)), 16)
        later = iter(tasks)
        waiting = {self._submit(task): task for task in islice(later, room)}
        try:
            while waiting:
                (ended, *_), _ = self._ray.wait(list(waiting), num_returns=1)
                task = waiting.pop(ended)
                waiting |= {self._submit(following): following for following in islice(later, 1)}
                yield self._done(task, ended)
        finally:
            for unwanted in waiting if self._ray.is_initialized() else ():
                self._ray.cancel(unwanted, force=True)

    def _submit(self, task: Task) -> Any:
        return self._serve.remote(order(task, self._staging))

    def _done(self, task: Task, ended: Any) -> Done:
        """What a worker said, its files in the object store of this process. Errors: OperatorError."""
        try:
            answer = self._ray.get(ended)
        except self._ray.exceptions.RayTaskError as error:
            raise OperatorError(f"{task.operator.name} failed on {task.label}: {error.cause!r}") from error
        except self._ray.exceptions.RayError as error:
            raise OperatorError(
                f"{task.operator.name} was given up on {task.label} after {REPEATS} repeats: {type(error).__name__} "
                "(out of memory, a crash in a library, or no node left); finished segments are kept; see `ray status`, "
                "then run again"
            ) from None
        if isinstance(answer, GristmillError):
            raise answer
        outputs, seconds = answer
        if self._staging is not None:
            fetch(self._staging, outputs)
        return Done(task, outputs, seconds)

    def _join(self) -> Any:
        """Connect; the function that performs an action on some node."""
        address = os.environ.get("RAY_ADDRESS")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        if address and not answers(address):
            raise GristmillError(f"nobody answers at RAY_ADDRESS {address} within {CONNECT} s; {REMEDY}")
        here = {} if address else {"num_cpus": workers(), "include_dashboard": False}
        try:
            self._ray.init(
                address=address or "local", runtime_env=self._environment(), log_to_driver=False,
                logging_level="ERROR", **here,
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise GristmillError(
                f"the Ray cluster {address or 'of this machine'} is not reached: {error}; {REMEDY}"
            ) from None
        return self._ray.remote(num_cpus=1, max_retries=REPEATS)(serve)

    def _environment(self) -> dict[str, Any]:
        """What a worker starts with: the variables of ours that decide messages, and the code."""
        if self._staging is not None:
            return {"working_dir": str(CODE), "excludes": LEFT_HERE, "env_vars": _variables()}
        return {"env_vars": _variables() | {"PYTHONPATH": str(CODE)}}


def _variables() -> dict[str, str]:
    """Ray would hide the GPUs of a node from an action that reserves none, and so turn its device into a CPU."""
    own = {name: os.environ[name] for name in ("GRISTMILL_TRACEBACK",) if name in os.environ}
    return own | {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


def answers(address: str) -> bool:
    """Does anybody listen at `host:port` or `ray://host:port`? Ray itself would ask for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return True  # `auto` or `local`, which Ray looks up
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), CONNECT):
        return True
    return False
