"""Executor: who runs the actions of a stage, chosen by GRISTMILL_EXECUTOR. No stage knows which."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from typing import Protocol

from catalog.errors import GristmillError
from catalog.execution.action import Done, Task
from catalog.incremental.operators import Operator

EXECUTORS = {"local": "catalog.execution.local:LocalExecutor", "ray": "catalog.execution.cluster:RayExecutor"}


class Executor(Protocol):
    """Lives as long as the stage; starts what it needs when it first pays."""

    def __init__(self, operators: Iterable[Operator]) -> None:
        """`operators`: those of the stage, whose modules a worker may load before its first task."""

    def execute(self, tasks: list[Task], seconds: float | None = None) -> Iterator[Done]:
        """Perform tasks of one operator, which will take about `seconds` together, and yield each as it ends.

        The bytes of what is yielded lie in the object store. Errors: OperatorError naming the operator and the action.
        """

    def close(self, *, at_once: bool = False) -> None:
        """End the workers, after what they do now, or `at_once`."""


def new_executor(operators: Iterable[Operator]) -> Executor:
    """The executor that GRISTMILL_EXECUTOR names, `local` where it is unset."""
    name = os.environ.get("GRISTMILL_EXECUTOR") or "local"
    if name not in EXECUTORS:
        raise GristmillError(
            f"GRISTMILL_EXECUTOR is {name!r}, must be {' or '.join(EXECUTORS)}; set it so, or unset it to run here"
        )
    module, _, kind = EXECUTORS[name].partition(":")
    found: Executor = getattr(importlib.import_module(module), kind)(operators)
    return found


def workers() -> int:
    """Processes to use: GRISTMILL_WORKERS, or one per available core."""
    given = os.environ.get("GRISTMILL_WORKERS", "")
    if given and not (given.isdigit() and int(given) > 0):
        raise GristmillError(f"GRISTMILL_WORKERS is {given!r}, must be a whole number above 0")
    return int(given) if given else len(os.sched_getaffinity(0))
