"""SSH, by OpenSSH (`apt-get install openssh-server`): a server of this user, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.running import Served, connect, free_port, process, program

CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
AuthorizedKeysFile {home}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def openssh(home: Path) -> Iterator[Served]:
    """A server; the remote is a folder below `home`."""
    sshd = program("sshd", "openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    (home / "sshd_config").write_text(CONFIG.format(port=port, home=home))
    with process([sshd, "-D", "-e", "-f", str(home / "sshd_config")], home, lambda: connect(port)):
        yield Served(
            url=f"ssh://{getpass.getuser()}@127.0.0.1:{port}{home}/store", options={"keyfile": str(home / "user")}
        )
