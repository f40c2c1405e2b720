"""A shell with a terminal, in which what a reader would type is typed.

A command that a reader ends by ^C (`gristmill serve`, `ui`, `metrics`) must answer at its address, then end by ^C.
"""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from pathlib import Path
from typing import IO

from tests.pipeline.conftest import ROOT

QUESTION = b"[y/N]: "
SECONDS = 1800  # a page trains models again; a command that waits for somebody would wait for ever

SHELL = r"""
set -euo pipefail
PS4='+ ${SECONDS} s: '
gristmill() {
    case "$1" in serve|ui|metrics) until_it_answers "$@" ;; *) command gristmill "$@" ;; esac
}
until_it_answers() {  # a command that a reader ends by ^C, at a port that is free
    local log pid; log=$(mktemp)
    set -m; command gristmill "$@" --port "$(free_port)" >"$log" 2>&1 & pid=$!; set +m
    until answers "$(grep -om1 'http://127[^ ]*' "$log")"; do kill -0 $pid; sleep 0.5; done
    cat "$log"; kill -INT $pid; wait $pid || [ $? = 130 ]
}
answers() { python -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1])' "$1" 2>/dev/null; }
free_port() { python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'; }
set -x
"""


def shell(work: Path, folder: Path, script: str) -> str:
    """What one shell printed that was given a script, and whose questions are answered by yes; also in typed.log."""
    home = work / "home"
    if not home.exists():
        (home / ".ssh").mkdir(parents=True)
        key = home / ".ssh/id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        (home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
    environment = os.environ | {
        "HOME": str(home),
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "TMPDIR": str(work),
    }
    environment.pop("PYTHONPATH", None)
    with (work / "typed.log").open("ab") as log:
        printed, status = _answered(["bash", "-c", SHELL + script], folder, environment, log)
    assert status == 0, printed[-6000:]
    return printed


def _answered(command: list[str], folder: Path, environment: dict[str, str], log: IO[bytes]) -> tuple[str, int]:
    """What a command printed, and its status; each question is answered as soon as it is asked."""
    master, slave = pty.openpty()
    streams = {"stdin": slave, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    printed = b""
    try:
        with subprocess.Popen(command, cwd=folder, env=environment, **streams) as running:  # type: ignore[call-overload]
            late = threading.Timer(SECONDS, running.kill)
            late.start()
            while part := running.stdout.read1(1 << 16):
                log.write(part)
                log.flush()
                printed += part
                if printed.endswith(QUESTION):
                    os.write(master, b"y\n")
            late.cancel()
        return printed.decode(errors="replace"), running.returncode
    finally:
        os.close(master)
        os.close(slave)
