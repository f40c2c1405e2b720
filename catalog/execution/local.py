"""Actions here, or in a pool of processes on this machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import pyarrow as pa

from catalog.errors import OperatorError
from catalog.execution.action import Done, Task, perform
from catalog.execution.executor import workers
from catalog.incremental.fingerprint import code_digests
from catalog.incremental.operators import Operator

POOL_PAYS = 3.0  # seconds of work


class LocalExecutor:
    """A pool of processes that lives as long as the stage, started when it first pays.

    Every worker starts with the modules that `operators` need imported; those named by text stay unimported.
    """

    def __init__(self, operators: Iterable[Operator]) -> None:
        self._operators = tuple(operators)
        self._pool: ProcessPoolExecutor | None = None

    def execute(self, tasks: list[Task], seconds: float | None = None) -> Iterator[Done]:
        """Perform tasks of one operator and yield each as it ends, in any order.

        A single task, links, and tasks that will take few `seconds` together run in this process: a pool costs
        seconds. Of a light operator whose tasks nobody has timed, the first one tells.
        Errors: OperatorError naming the operator and the action.
        """
        operator = tasks[0].operator
        alone = workers() == 1 or len(tasks) < 2 or operator.linked
        if not alone and self._pool is None:
            if seconds is None and operator.light:
                first, *tasks = tasks
                yield (done := perform(first))
                seconds = done.seconds * len(tasks)
            alone = seconds is not None and seconds < POOL_PAYS
        yield from map(perform, tasks) if alone else self._in_pool(tasks)

    def _start_pool(self) -> ProcessPoolExecutor:
        needed = [code_digests(operator.module) for operator in self._operators if not isinstance(operator.run, str)]
        # The program itself is left out: each worker imports it anyway, and twice would be once too often.
        program = getattr(sys.modules["__main__"].__spec__, "name", None)
        modules = {module for digests in needed for module in digests} - {program}
        context = get_context("forkserver")
        context.set_forkserver_preload(["catalog.execution.action", *sorted(modules)])
        return ProcessPoolExecutor(workers(), mp_context=context, initializer=start_worker)

    def _in_pool(self, tasks: list[Task]) -> Iterator[Done]:
        if self._pool is None:
            self._pool = self._start_pool()
        waiting: list[Future[Done]] = [self._pool.submit(perform, task) for task in tasks]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BrokenProcessPool:
            raise OperatorError(
                f"a worker died in {tasks[0].operator.name} (out of memory, or a crash in a library); finished "
                "segments are kept; run again with GRISTMILL_WORKERS=1 to find the segment"
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def close(self, *, at_once: bool = False) -> None:
        """End the processes, after what they do now, or `at_once`."""
        if self._pool is None:
            return
        for process in list((self._pool._processes or {}).values()) if at_once else ():
            process.kill()  # what it writes is beside; the next run sweeps it up
        self._pool.shutdown(cancel_futures=True)


def start_worker() -> None:
    """The parent alone answers ^C; one thread per worker, so that workers do not fight for cores."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
