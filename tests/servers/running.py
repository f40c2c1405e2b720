"""What the servers share: a free port, a process that ends with the test, and what DVC must be told of a remote."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catalog.sharing.settings import PERSONAL
from tests.pipeline.conftest import ROOT

PATIENCE = 60  # seconds until a server must answer


@dataclass(frozen=True, kw_only=True)
class Served:
    """A remote of DVC: its address, what git may know of it, and what not."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> list[str]:
        """The options of `gristmill share` that set it up; the secrets are to be typed."""
        shared = [f"--set={key}={value}" for key, value in self.options.items() if key not in PERSONAL]
        return ["--url", self.url, *shared, *self.settings_of_each()]

    def settings_of_each(self) -> list[str]:
        """Those of them that each clone needs."""
        personal = [f"--set={key}={value}" for key, value in self.options.items() if key in PERSONAL]
        return [*personal, *(f"--secret={key}" for key in self.secrets)]

    def typed(self) -> str:
        """The secrets, a line each."""
        return "".join(f"{value}\n" for value in self.secrets.values())


def environment_of(name: str) -> Path:
    """The Python environment of a server. Skips the test where it is missing."""
    found = ROOT / ".venv-servers" / name
    if not (found / "installed").exists():
        pytest.skip(f"no {name}; `make servers` installs it")
    return found


def program(name: str, package: str) -> str:
    """A program of the system. Skips the test where it is missing."""
    found = next((path for path in (f"/usr/sbin/{name}", f"/usr/bin/{name}") if os.access(path, os.X_OK)), None)
    if not found:
        pytest.skip(f"no {name}; `apt-get install {package}` installs it")
    return found


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], home: Path, answers: Callable[[], object]) -> Iterator[None]:
    """Run a server until the context ends; it has begun when `answers` raises no OSError."""
    with (home / "server.log").open("wb") as log:
        started = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _await(started, answers, home / "server.log")
            yield
        finally:
            started.terminate()
            try:
                started.wait(1)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def _await(started: subprocess.Popen[bytes], answers: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answers()
            return
        except OSError:
            assert started.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.1)


def connect(port: int) -> None:
    """Errors: OSError where nobody listens."""
    socket.create_connection(("127.0.0.1", port), 1).close()
