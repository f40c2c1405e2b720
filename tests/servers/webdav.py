"""WebDAV, by WsgiDAV: `make servers` installs it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.servers.running import Served, connect, environment_of, free_port, process

USER, PASSWORD = "ann", "correct-horse"


@contextlib.contextmanager
def wsgidav(home: Path) -> Iterator[Served]:
    """A server; the remote is a folder of it."""
    command = environment_of("webdav") / "bin/wsgidav"
    port = free_port()
    (home / "files/store").mkdir(parents=True)
    settings = {
        "host": "127.0.0.1", "port": port, "provider_mapping": {"/": str(home / "files")}, "verbose": 1,
        "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
    }  # fmt: skip
    (home / "wsgidav.json").write_text(json.dumps(settings))
    with process([str(command), "--config", str(home / "wsgidav.json")], home, lambda: connect(port)):
        yield Served(url=f"webdav://127.0.0.1:{port}/store", options={"user": USER}, secrets={"password": PASSWORD})
