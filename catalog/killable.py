"""Run a function over rows in a child process that can be killed: a row that hangs or crashes it costs that row only.

Native parsers loop for minutes on a hostile file and heed no signal, exception or thread; a process can be ended.
The child is forked once per process that needs one, keeps what was imported, and answers batch after batch over a
socket, in Arrow's stream format. It notes which row it is at in memory that both see, so the row that ended it is
known. The kernel ends it after so many seconds of CPU time on one row (a busy machine changes no result), refuses it
more memory than agreed, and ends it when its parent dies. The wall clock is only a last resort, against a deadlock.

A row that ended the child in another way than by its CPU time gets a second child of its own: what an innocent row
suffered from its neighbours, or from outside, is not held against it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import mmap
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import pyarrow as pa

MAX_ROWS = 32  # of a batch
MAX_BYTES = 1 << 20  # of a batch of more than one row
PATIENCE = 10  # wall seconds per second of CPU time: the last resort
PR_SET_PDEATHSIG = 1  # linux/prctl.h

Row = Mapping[str, Any]
Work = Callable[[Row, Any], Row]
How = Literal["time", "crash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one row may take."""

    seconds: float  # of CPU time
    memory: int  # bytes, beyond what the child holds when it starts


class WorkError(Exception):
    """The function raised in the child; the message is what it said."""


class Died(NamedTuple):
    """A row that ended the child, by its position, and how."""

    position: int
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function of a row and its parameters; `writes` are the columns of what it returns."""

    work: Work
    params: Any
    writes: pa.Schema
    limits: Limits


def results(rows: pa.Table, job: Job, lost: Callable[[Row, How], Row]) -> pa.Table:
    """One row of results per row, in order; `lost` says what stands for a row that ended its child.

    Errors: WorkError where the function raised.
    """
    done = [part for batch in _batches(rows) for part in _settled(batch, job, lost)]
    return pa.concat_tables([job.writes.empty_table(), *done])


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    """Consecutive rows, at most MAX_ROWS of some MAX_BYTES together."""
    start = size = 0
    for end in range(rows.num_rows):
        more = rows.slice(end, 1).nbytes
        if end > start and (end - start == MAX_ROWS or size + more > MAX_BYTES):
            yield rows.slice(start, end - start)
            start, size = end, 0
        size += more
    if rows.num_rows:
        yield rows.slice(start)


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
        self._at = mmap.mmap(-1, 8)  # the position of the row that the child is at
        self._pipe, theirs = Pipe()
        for stream in (sys.stdout, sys.stderr):  # or the child would have the same text to flush
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(job, theirs, self._at, self.owner)
        theirs.close()

    def ask(self, rows: pa.Table) -> pa.Table | Died:
        """The results of a batch, or the row that ended the child. Errors: WorkError where the function raised."""
        self._at[:] = struct.pack("q", 0)
        try:
            self._pipe.send_bytes(_packed(rows))
            answer = self._answer()
        except (EOFError, OSError):
            return Died(self._position(), self._reaped())
        except BaseException:  # ^C: whatever it answers now, nobody asked
            self.kill()
            raise
        if answer[:1] == b"!":
            raise WorkError(answer[1:].decode())
        return _unpacked(pa.py_buffer(answer)[1:])

    def _answer(self) -> bytes:
        """The next message. Errors: EOFError when the child is dead, or was killed for sleeping over one row."""
        before = -1
        while not self._pipe.poll(PATIENCE * self.job.limits.seconds):
            if before == (before := self._position()):
                os.kill(self._pid, signal.SIGKILL)
                raise EOFError
        return self._pipe.recv_bytes()

    def _position(self) -> int:
        return int(struct.unpack("q", self._at[:])[0])

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


def _unpacked(stream: Any) -> pa.Table:
    """The table that `_packed` packed; without threads, which a fork may have lost."""
    return pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all()


def _packed(rows: pa.Table) -> memoryview:
    """A table in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(use_threads=False)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write_table(rows)
    return memoryview(sink.getvalue())


def _serve(job: Job, pipe: Connection, at: mmap.mmap, parent: int) -> NoReturn:
    """In the child: answer until the parent closes its end."""
    status = 1
    try:
        _confine(pipe.fileno(), parent, job.limits)
        while True:
            pipe.send_bytes(_answered(job, pipe.recv_bytes(), at))
    except (EOFError, OSError):
        status = 0  # the parent is gone
    except MemoryError:
        pass
    finally:
        os._exit(status)


def _confine(kept: int, parent: int, limits: Limits) -> None:
    """Die with the parent, leave ^C to it, hold none of its files (a lock among them), and take no more memory."""
    import resource

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends the process even inside a parser
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    pa.set_cpu_count(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _data_bytes() + limits.memory
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _data_bytes() -> int:
    """Bytes of writable memory that this process has now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * mmap.PAGESIZE
    except OSError:  # another system than Linux
        return 1 << 30


def _answered(job: Job, asked: bytes, at: mmap.mmap) -> memoryview | bytes:
    """What the child says to a batch: `=` and a table, or `!` and what went wrong. Errors: MemoryError."""
    done = []
    try:
        for position, row in enumerate(_unpacked(asked).to_pylist()):
            at[:] = struct.pack("q", position)
            signal.setitimer(signal.ITIMER_PROF, job.limits.seconds)
            done.append(job.work(row, job.params))
        return b"=" + bytes(_packed(pa.Table.from_pylist(done, schema=job.writes)))
    except MemoryError:
        raise
    except Exception as error:
        if os.environ.get("GRISTMILL_TRACEBACK"):
            return b"!" + traceback.format_exc().encode()
        return f"!{type(error).__name__}: {error}".encode()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
