"""Run a function over rows in a child process that can be killed: a row that hangs or crashes it costs that row only.

Native parsers loop for minutes on a hostile file and heed no signal, exception or thread; a process can be ended.
The child is forked once per process that needs one, keeps what was imported, and answers batch after batch over a
socket, in Arrow's stream format. It notes which row it is at in memory that both see, so the row that ended it is
known. The kernel ends it after so many seconds of CPU time on one row (a busy machine changes no result) and when its
parent dies. It ends itself after a row for which it grew beyond the memory agreed, for parsers hide that they got none;
the parent ends it where it sees that earlier, and the kernel refuses what is far beyond. The wall clock is only a last
resort, against a deadlock.

A row that ended the child in another way than by its CPU time gets a second child of its own: what an innocent row
suffered from its neighbours, or from outside, is not held against it.
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.processes.confined import AT, MOST, NOTE, RESIDENT, ROOM, Job, Limits, Row, packed, serve, statm, unpacked

__all__ = ["Died", "How", "Job", "Limits", "Row", "WorkError", "end", "results"]

MAX_ROWS = 32  # of a batch
MAX_BYTES = 1 << 20  # of a batch of more than one row
PATIENCE = 10  # wall seconds per second of CPU time: the last resort
GLANCE = 0.05  # wall seconds between two looks at the child's memory

How = Literal["time", "crash"]


class WorkError(Exception):
    """The function raised in the child; the message is what it said."""


class Died(NamedTuple):
    """A row that ended the child, by its position, and how."""

    position: int
    how: How


def results(rows: pa.Table, job: Job, lost: Callable[[Row, How], Row]) -> pa.Table:
    """One row of results per row, in order; `lost` says what stands for a row that ended its child.

    Errors: WorkError where the function raised.
    """
    done = [part for batch in _batches(rows) for part in _settled(batch, job, lost)]
    return pa.concat_tables([job.writes.empty_table(), *done])


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    """Consecutive rows, at most MAX_ROWS of some MAX_BYTES together."""
    start = size = 0
    for end, more in enumerate(_row_bytes(rows)):
        if end > start and (end - start == MAX_ROWS or size + more > MAX_BYTES):
            yield rows.slice(start, end - start)
            start, size = end, 0
        size += more
    if rows.num_rows:
        yield rows.slice(start)


def _row_bytes(rows: pa.Table) -> list[int]:
    """Bytes of the texts and binaries of each row."""
    sizes = np.zeros(rows.num_rows, np.int64)
    for column in rows.columns:
        if pa.types.is_binary(column.type) or pa.types.is_string(column.type):
            sizes += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    return list(sizes.tolist())


def _settled(rows: pa.Table, job: Job, lost: Callable[[Row, How], Row]) -> Iterator[pa.Table]:
    """The results of a batch, whatever its rows do to the child."""
    if not rows.num_rows:
        return
    answer = _child(job).ask(rows)
    if isinstance(answer, pa.Table):
        yield answer
        return
    yield from _settled(rows.slice(0, answer.position), job, lost)
    yield _alone(rows.slice(answer.position, 1), job, answer.how, lost)
    yield from _settled(rows.slice(answer.position + 1), job, lost)


def _alone(row: pa.Table, job: Job, how: How, lost: Callable[[Row, How], Row]) -> pa.Table:
    """The result of a row that ended a child, which may have been no fault of its own."""
    if how == "crash":
        answer = _renewed(job).ask(row)
        if isinstance(answer, pa.Table):
            return answer
        how = answer.how
    return pa.Table.from_pylist([lost(row.to_pylist()[0], how)], schema=job.writes)


_kept: Child | None = None  # at most one per process


def _child(job: Job) -> Child:
    """The child of this process for a job, started when there is none."""
    if _kept and _kept.job == job and _kept.owner == os.getpid() and _kept.lives:
        return _kept
    return _renewed(job)


def _renewed(job: Job) -> Child:
    """A child that has read nothing yet."""
    global _kept
    end()
    _kept = Child(job)
    return _kept


def end() -> None:
    """End the child of this process, if it has one."""
    global _kept
    if _kept and _kept.owner == os.getpid():
        _kept.kill()
    _kept = None


class Child:
    """The parent's side of one child process."""

    def __init__(self, job: Job) -> None:
        self.job, self.owner, self.lives = job, os.getpid(), True
        self._shared = mmap.mmap(-1, sum(ROOM))
        self._pipe, theirs = Pipe()
        for stream in (sys.stdout, sys.stderr):  # or the child would have the same text to flush
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()
        self._pid = os.fork()
        if self._pid == 0:
            serve(job, theirs, self._shared, self.owner)
        theirs.close()

    def ask(self, rows: pa.Table) -> pa.Table | Died:
        """The results of a batch, or the row that ended the child. Errors: WorkError where the function raised."""
        NOTE.pack_into(self._shared, AT, 0)
        try:
            self._pipe.send_bytes(self._placed(packed(rows)))
            answer = self._answer()
        except (EOFError, OSError):
            return Died(self._position(), self._reaped())
        except BaseException:  # ^C: whatever it answers now, nobody asked
            self.kill()
            raise
        if answer[:1] == b"!":
            raise WorkError(answer[1:].decode())
        return unpacked(pa.py_buffer(answer)[1:])

    def _placed(self, batch: memoryview) -> memoryview | bytes:
        """What to send: the length of a batch in shared memory (a socket takes ten times as long), or all of it."""
        start, size = ROOM
        if len(batch) > size:
            return batch
        self._shared[start : start + len(batch)] = batch
        return NOTE.pack(len(batch))

    def _answer(self) -> bytes:
        """The next message. Errors: EOFError when the child is dead, or was killed for its memory or for sleeping."""
        row, since = -1, 0.0
        while not self._pipe.poll(GLANCE):
            if row != (row := self._position()):
                since = time.monotonic()
            asleep = time.monotonic() - since > PATIENCE * self.job.limits.seconds
            if asleep or statm(self._pid, RESIDENT) > int(NOTE.unpack_from(self._shared, MOST)[0]) > 0:
                os.kill(self._pid, signal.SIGKILL)
                raise EOFError
        return self._pipe.recv_bytes()

    def _position(self) -> int:
        return int(NOTE.unpack_from(self._shared, AT)[0])

    def _reaped(self) -> How:
        """How the child, which is dead or dying, came to its end."""
        self.lives = False
        self._pipe.close()
        try:
            _, status = os.waitpid(self._pid, 0)
        except ChildProcessError:  # somebody else waited for it
            return "crash"
        return "time" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF else "crash"

    def kill(self) -> None:
        """End it now."""
        if self.lives:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._reaped()


atexit.register(end)
