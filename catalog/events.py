"""What a run says of itself: lines for people or, with GRISTMILL_LOG=json, an object a line on stderr for machines.

Every object has time (UTC), level, run, stage (where DVC started one), event and message; events add fields of their
own. `run` is GRISTMILL_RUN, so that all stages of one `dvc repro` share it; else each process is a run
(docs/operations.md).
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import uuid
from typing import Any, Literal, TextIO


def run_id() -> str:
    """The name of this run, the same for every process that it starts."""
    return os.environ.setdefault("GRISTMILL_RUN", uuid.uuid4().hex[:12])


def as_json() -> bool:
    """Is the log read by a machine?"""
    return os.environ.get("GRISTMILL_LOG") == "json"


def say(
    message: str, *, event: str, level: Literal["info", "error"] = "info", to: TextIO | None = None, **fields: Any
) -> None:
    """One line: the message itself on `to` (by default stderr), or an object on stderr."""
    if not as_json():
        print(message, file=to or sys.stderr, flush=True)
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    stage = {"stage": os.environ["DVC_STAGE"]} if "DVC_STAGE" in os.environ else {}
    line = {"time": now, "level": level, "run": run_id(), **stage, "event": event, "message": message, **fields}
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)
