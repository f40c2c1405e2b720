"""The log and the exit statuses: a line per stage and per problem, for people or for machines."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BusyError, ConservationError, InputError, OperatorError, ParameterError, SourceError
from catalog.errors import exit_on_error as ended
from catalog.events import say

STATUSES = [
    *(
        (kind("what, and the next command"), 1, kind.__name__)
        for kind in (ParameterError, SourceError, InputError, OperatorError, ConservationError, BusyError)
    ),
    (OSError(errno.ENOSPC, "No space left on device", "data/x"), 1, "NoRoom"),
    (sqlite3.OperationalError("database or disk is full"), 1, "NoRoom"),
    (sqlite3.OperationalError("disk I/O error"), 1, "NoRoom"),
    (KeyboardInterrupt(), 130, "Interrupted"),
]


def raising(error: BaseException) -> Callable[[], None]:
    """A program that ends with `error`."""

    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(("error", "status", "kind"), STATUSES)
def test_a_problem_is_one_line_and_a_status(
    error: BaseException, status: int, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As docs/operations.md lists them, in words and as JSON."""
    monkeypatch.setenv("GRISTMILL_RUN", "nightly-7")
    for asked in ("text", "json"):
        monkeypatch.setenv("GRISTMILL_LOG", asked)
        with pytest.raises(SystemExit) as exit_:
            ended(raising(error))
        assert exit_.value.code == status
    *words, machine = capsys.readouterr().err.splitlines()
    assert words and not words[0].startswith("{")
    said = json.loads(machine)
    assert (said["run"], said["level"], said["event"]) == ("nightly-7", "error", "problem")
    assert (said["kind"], said["status"]) == (kind, status)
    assert said["message"] == "\n".join(words)


def test_a_bug_keeps_its_traceback() -> None:
    """What nobody foresaw is not made into a neat line."""
    with pytest.raises(ZeroDivisionError):
        ended(raising(ZeroDivisionError()))


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["no-such-command"], 2), (["status"], 1)])
def test_a_command_ends_with_its_status(arguments: list[str], status: int, tmp_path: Path) -> None:
    """0 done, 1 a problem that the message names, 2 a command that does not exist."""
    command = [sys.executable, "-m", "catalog", *arguments]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == status


def test_lines_of_one_run_share_its_id(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was given no name finds one and keeps it, and passes it on to the processes that it starts."""
    monkeypatch.setenv("GRISTMILL_LOG", "json")
    monkeypatch.setenv("GRISTMILL_RUN", "")
    monkeypatch.delenv("GRISTMILL_RUN")
    say("one", event="stage", rows=1)
    subprocess.run([sys.executable, "-c", "from catalog.events import say; say('two', event='stage')"], check=True)
    say("three", event="stage")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["one", "three"]
    assert len({line["run"] for line in lines}) == 1 and lines[0]["rows"] == 1
