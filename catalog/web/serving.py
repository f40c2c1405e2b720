"""Serve the explorer until it is interrupted."""

from __future__ import annotations

import uvicorn

from catalog.web.app import explorer
from catalog.web.listening import listening
from catalog.web.security import Access


def serve(host: str, port: int) -> None:
    """Listen at an address, 0 for any free port, and print the link. Errors: InputError when the port is taken."""
    access = Access.at(host)
    with listening(host, port) as (listener, address):
        link = address + (f"?token={access.token}" if access.token else "")
        print(f"the explorer is at {link} (Ctrl-C ends it)", flush=True)
        app = explorer(access)
        app.state.catalog.warm()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run([listener])
