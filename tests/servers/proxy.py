"""A proxy that stands before a server over HTTP and does to chosen answers what networks, disks and servers do."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

CLOSE_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: the other side sees a reset
PIECE = 64  # bytes that a slow server sends at a time


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to requests of a method whose path has `path`, `times` times."""

    kind: Literal["status", "reset", "cut", "flip", "slow", "flip sent", "cut sent", "hold"]
    method: str
    path: str = "/files/md5/"
    times: int = 1 << 30
    status: int = 503


class Proxy:
    """The faults that are in force, and how many requests each has met."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.met = 0
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @contextlib.contextmanager
    def doing(self, fault: Fault) -> Iterator[None]:
        """While the context is open, the fault happens; it must have met a request."""
        self._fault, self.met = fault, 0
        try:
            yield
        finally:
            self._fault = None
        assert self.met, f"no request met {fault}"

    def fault_of(self, method: str, path: str) -> Fault | None:
        """What is to happen to a request."""
        with self._lock:
            found = self._fault
            if not found or found.method != method or found.path not in path or self.met >= found.times:
                return None
            self.met += 1
            return found

    def hold(self, fault: Fault) -> None:
        """Say nothing as long as the fault is in force."""
        while self._fault is fault:
            time.sleep(0.05)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        fault = self.proxy.fault_of(self.command, self.path)
        kind = fault.kind if fault else ""
        sent = self._sent()
        if fault and kind == "hold":
            self.proxy.hold(fault)
        if kind in ("reset", "hold"):
            self._reset()
        elif fault and kind == "status":
            self._answer(fault.status, "broken by the test", [], b"")
        elif kind == "cut sent":
            self._ask(sent[: len(sent) // 2], cut=True)
            self._reset()
        else:
            status, reason, headers, body = self._ask(flipped(sent) if kind == "flip sent" else sent)
            self._answer(status, reason, headers, flipped(body) if kind == "flip" else body, kind)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

    def _sent(self) -> bytes:
        """The body of the request, as it came."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        raw = b""
        while line := self.rfile.readline():
            raw += line
            size = int(line.split(b";")[0], 16)
            raw += self.rfile.read(size + 2)
            if not size:
                return raw
        return raw

    def _ask(self, body: bytes, cut: bool = False) -> tuple[int, str, list[tuple[str, str]], bytes]:
        """The server's answer to the request with some body."""
        server = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=30)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                server.putheader(name, value)
        server.endheaders()
        if body:
            server.send(body)
        if cut:
            server.close()
            return 0, "", [], b""
        answer = server.getresponse()
        found = answer.status, answer.reason, answer.getheaders(), answer.read()
        server.close()
        return found

    def _answer(self, status: int, reason: str, headers: list[tuple[str, str]], body: bytes, kind: str = "") -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection") and (
                name.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "slow":
            for begin in range(0, len(body), PIECE):
                self.wfile.write(body[begin : begin + PIECE])
                time.sleep(0.05)
        elif self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)
        if kind == "cut":
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def flipped(body: bytes) -> bytes:
    """One bit in the middle is another."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body
