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
import sys
from collections.abc import Callable
from pathlib import Path

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class GristmillError(Exception):
    """Base of every error that a user can cause or mend; printed without a traceback."""


class ParameterError(GristmillError):
    """params.yaml is wrong; the message lists every problem of the block."""


class SourceError(GristmillError):
    """A source cannot be read."""


class InputError(GristmillError):
    """An upstream table is missing, or its bytes are not what its manifest says."""


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
    """Run `main`; turn a GristmillError or a full disk into a message on stderr and exit status 1, ^C into 130.

    `GRISTMILL_TRACEBACK=1` shows the traceback as well.
    """
    try:
        main()
    except GristmillError as error:
        if os.environ.get("GRISTMILL_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"error: {no_room(error.filename or Path.cwd(), error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except sqlite3.OperationalError as error:
        if "full" not in str(error) and "readonly" not in str(error):
            raise
        print(f"error: {no_room('.gristmill/journal.sqlite', error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted; finished segments are kept, run `dvc repro` to go on", file=sys.stderr)
        raise SystemExit(130) from None
