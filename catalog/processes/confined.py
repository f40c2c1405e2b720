"""The child of killable.py: it works on row after row, within limits, until it is told to end or is ended.

Batches come in memory that parent and child share, or over a socket, in Arrow's stream format; answers go back over the
socket. The child notes in the shared memory which row it is at, and how many bytes it may have at most.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from catalog.processes.orphans import die_with_parent

REFUSED = 16  # times the memory of a row, above which the kernel gives none: more than a glance misses
NOTE = struct.Struct("q")
AT, MOST, ROOM = 0, 8, (64, 2 << 20)  # in shared memory: the row that the child is at, its bytes at most, a batch
RESIDENT, DATA = 1, 5  # fields of /proc/PID/statm

Row = Mapping[str, Any]
Work = Callable[[Row, Any], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one row may take."""

    seconds: float  # of CPU time
    memory: int  # bytes, beyond what the child holds when it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function of a row and its parameters; `writes` are the columns of what it returns."""

    work: Work
    params: Any
    writes: pa.Schema
    limits: Limits


def unpacked(stream: Any) -> pa.Table:
    """The table that `packed` packed; without threads, which a fork may have lost."""
    return pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all()


def packed(rows: pa.Table) -> memoryview:
    """A table in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(use_threads=False)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write_table(rows)
    return memoryview(sink.getvalue())


def serve(job: Job, pipe: Connection, shared: mmap.mmap, parent: int) -> NoReturn:
    """In the child: answer until the parent closes its end."""
    status = 1
    try:
        _confine(pipe.fileno(), parent, job.limits)
        most = _peak() + job.limits.memory
        NOTE.pack_into(shared, MOST, most)
        while True:
            asked = pipe.recv_bytes()
            start, length = ROOM[0], NOTE.unpack(asked)[0] if len(asked) == NOTE.size else 0
            batch = pa.py_buffer(shared)[start : start + length] if length else pa.py_buffer(asked)
            pipe.send_bytes(_answered(job, unpacked(batch), shared, most))
    except (EOFError, OSError):
        status = 0  # the parent is gone
    except MemoryError:
        pass
    finally:
        os._exit(status)


def _confine(kept: int, parent: int, limits: Limits) -> None:
    """Die with the parent, leave ^C to it, hold none of its files (a lock among them), and take no endless memory."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends the process even inside a parser
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    pa.set_cpu_count(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = statm("self", DATA) + REFUSED * limits.memory
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def statm(process: int | str, field: int) -> int:
    """Bytes of one kind of memory of a process; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[field]) * mmap.PAGESIZE
    except (OSError, IndexError):  # another system than Linux, or the process is no more
        return 0


def _peak() -> int:
    """Bytes of memory in which this process ever had something."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _answered(job: Job, rows: pa.Table, shared: mmap.mmap, most: int) -> memoryview | bytes:
    """What the child says to a batch: `=` and a table, or `!` and what went wrong. Errors: MemoryError."""
    done = []
    try:
        for position, row in enumerate(rows.to_pylist()):
            NOTE.pack_into(shared, AT, position)
            signal.setitimer(signal.ITIMER_PROF, job.limits.seconds)
            done.append(job.work(row, job.params))
            if _peak() > most:
                raise MemoryError
        return b"=" + bytes(packed(pa.Table.from_pylist(done, schema=job.writes)))
    except MemoryError:
        raise
    except Exception as error:
        if os.environ.get("GRISTMILL_TRACEBACK"):
            return b"!" + traceback.format_exc().encode()
        return f"!{type(error).__name__}: {error}".encode()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
