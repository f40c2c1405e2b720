"""The error tree. A message names the thing, the value and the next command to type.

GristmillError
├── ParameterError     params.yaml is wrong: unknown key, wrong type, impossible value
├── SourceError        a source cannot be read: missing, wrong sha256, refused by its server
├── InputError         an upstream table is missing, or not what its manifest says
├── OperatorError      an operator failed or broke its contract (schema, row count)
├── ConservationError  rows in are not kept + dropped + quarantined
└── BusyError          another process writes the same output
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from catalog.events import say

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class GristmillError(Exception):
    """Base of every error that a user can cause or mend; printed without a traceback."""


class ParameterError(GristmillError):
    """params.yaml is wrong; the message lists every problem of the block."""


class SourceError(GristmillError):
    """A source cannot be read."""


class InputError(GristmillError):
    """An upstream table is missing, or its bytes are not what its manifest says."""


class UnknownError(InputError):
    """No document, cluster, task or run has the name that was asked for."""


class OperatorError(GristmillError):
    """An operator failed, or broke its contract."""


class ConservationError(GristmillError):
    """Rows in are not kept + dropped + quarantined."""


class BusyError(GristmillError):
    """Another process holds the lock of an output."""


def no_room(path: str | Path, error: Exception) -> str:
    """What to say when a file cannot be written."""
    why = getattr(error, "strerror", None) or error
    return f"{path} cannot be written: {why}; finished segments are kept: make room, then `dvc repro` goes on"


def exit_on_error(main: Callable[[], None]) -> None:
    """Run `main`; turn a GristmillError or a full disk into a line on stderr and exit status 1, ^C into 130.

    `GRISTMILL_TRACEBACK=1` shows the traceback as well.
    """
    try:
        main()
    except GristmillError as error:
        if os.environ.get("GRISTMILL_TRACEBACK"):
            raise
        _stop(str(error), type(error).__name__)
    except OSError as error:
        if error.errno not in DISK:
            raise
        _stop(no_room(error.filename or Path.cwd(), error), "NoRoom")
    except sqlite3.OperationalError as error:
        if not any(said in str(error) for said in ("full", "readonly", "I/O")):  # a write that a full disk cut short
            raise
        _stop(no_room(".gristmill/journal.sqlite", error), "NoRoom")
    except KeyboardInterrupt:
        what = "interrupted; finished segments are kept, run `dvc repro` to go on"
        say(what, event="problem", level="error", kind="Interrupted", status=130)
        raise SystemExit(130) from None


def _stop(problem: str, kind: str) -> NoReturn:
    """Say what stops the program, and end it."""
    say(f"error: {problem}", event="problem", level="error", kind=kind, status=1)
    raise SystemExit(1) from None
