"""Serve the explorer until it is interrupted."""

from __future__ import annotations

import socket

import uvicorn

from catalog.errors import InputError
from catalog.web.app import explorer
from catalog.web.security import Access


def serve(host: str, port: int) -> None:
    """Listen at an address, 0 for any free port, and print the link. Errors: InputError when the port is taken."""
    access = Access.at(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)  # before the link is printed, so that whoever opens it at once is not refused
        except OSError as error:
            raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; choose another --port") from None
        name = f"[{host}]" if ":" in host else host
        link = f"http://{name}:{listener.getsockname()[1]}/" + (f"?token={access.token}" if access.token else "")
        print(f"the explorer is at {link} (Ctrl-C ends it)", flush=True)
        config = uvicorn.Config(explorer(access), log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run([listener])
