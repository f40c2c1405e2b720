"""Commands of a project that start in milliseconds, because all that they import is imported already.

`ForkServer` starts tests/pipeline/forkserver.py, whose forked children are the commands: `dvc repro`, and, through a
tiny `python` that stands first on PATH, each `python -m stages.X` that DVC starts. A child is a process of its own,
with its own folder, environment, files and exit status, and runs the project's code where that is another.

Unlike new processes, the children of one server share a hash seed (build what you compare with a server of another
seed), and exit functions of libraries do not run.
"""

from __future__ import annotations

import marshal
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

STAGES = ("crawl", "clean", "dedup", "label", "augment", "tokenize", "catalog")
SERVER = Path(__file__).with_name("forkserver.py")
LONGEST = 1 << 18  # bytes of a request
SHIM = """#!{python} -ISE
import _socket, marshal, os, sys
asked = {{"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
server.connect({place!r})
files = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))
server.sendmsg([marshal.dumps(asked)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
os._exit(int(server.recv(16) or b"137"))
"""


class ForkServer:
    """The client's side: start a server for the code below `root`, run commands in it, kill them."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="forked-")
        self._place = str(Path(self._home.name, "socket"))
        environment = os.environ | {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, str(SERVER), self._place, str(root)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout and self._process.stdout.readline() == b"ready\n", "the fork server did not start"
        self._shim = Path(self._home.name, "bin/python")
        self._shim.parent.mkdir()
        self._shim.write_text(SHIM.format(python=sys.executable, place=self._place))
        self._shim.chmod(0o755)

    def environment(self, folder: Path) -> dict[str, str]:
        """The environment of a project's commands: `python` is this server's."""
        path = f"{self._shim.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        ours = {"PATH": path, "PYTHONPATH": str(folder), "GRISTMILL_WORKERS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return dict(os.environ) | ours | {"OMP_NUM_THREADS": "1"}

    def start(self, folder: Path, module: str, *arguments: str) -> subprocess.Popen[str]:
        """`python -m module arguments` in a project."""
        return subprocess.Popen(
            [str(self._shim), "-m", module, *arguments], cwd=folder, env=self.environment(folder), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, folder: Path, module: str, *arguments: str, seconds: float = 120) -> tuple[int, str]:
        """The exit status and the output of `python -m module arguments` in a project."""
        started = self.start(folder, module, *arguments)
        try:
            output, _ = started.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            output, _ = started.communicate()
        return started.returncode, output

    def kill(self, module: str = "", number: int = signal.SIGKILL) -> list[str]:
        """Send a signal to every command that runs (of one module); their modules."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.connect(self._place)
            server.send(marshal.dumps({"kill": module, "signal": int(number)}))
            return list(marshal.loads(server.recv(LONGEST)))

    def close(self) -> None:
        """End the server and what runs in it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)
        self._home.cleanup()
