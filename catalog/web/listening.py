"""A socket that listens before its address is told to anybody, so that whoever opens it at once is not refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import InputError


@contextmanager
def listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """(socket, its address as a URL with a slash) at a host and port, 0 for any free one.

    Errors: InputError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; choose another --port") from None
        name = f"[{host}]" if ":" in host else host
        yield listener, f"http://{name}:{listener.getsockname()[1]}/"
