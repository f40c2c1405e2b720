"""A loopback website of real pages, in a process of its own, that keeps its own log of what it was asked.

Serves    /robots.txt, with the prefixes FORBIDDEN, a Sitemap line and a Crawl-delay where one is asked for;
          /index.html, which links lists of LISTED pages; /sitemap.xml; the pages, with ETag and Last-Modified
Writes    the log: one line per request, written before its answer is (see `Request`)
It is the witness of the bench: what a crawler says of itself counts nowhere. It speaks as much of HTTP as GET with
keep-alive needs, so that it answers faster than any client asks, and counts every byte that it sends.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

FORBIDDEN = ("/usr/share/doc/harden-doc/", "/usr/share/doc/sqlite3/")
LISTED = 1000  # links on one list
DATES = ("Mon, 06 Jan 2025 08:00:00 GMT", "Tue, 07 Jan 2025 08:00:00 GMT")
"""Last-Modified of the pages as they are and of those that were changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the site behaves: `delay` seconds of Crawl-delay, status of robots.txt, `hold` seconds before each answer.

    Answers that are held let two requests at once be seen.
    """

    delay: float = 0.0
    robots_status: int = 200
    hold: float = 0.0
    zipped: bool = False


class Request(NamedTuple):
    """A line of the log: when it arrived (seconds), how many others were under way, what it got, bytes sent."""

    arrived: float
    beside: int
    path: str
    status: int
    sent: int


@dataclass(frozen=True)
class Site:
    """Pages by path (with leading slash); `changed` are the paths that were edited."""

    pages: Mapping[str, bytes]
    changed: frozenset[str] = frozenset()
    manner: Manner = field(default_factory=Manner)

    @cached_property
    def allowed(self) -> list[str]:
        """Paths of the pages that robots.txt lets anyone fetch."""
        return [path for path in self.pages if not is_forbidden(path)]

    @cached_property
    def lists(self) -> dict[str, bytes]:
        """The index and the lists it links; every page stands on one list."""
        paths = list(self.pages)
        parts = [paths[start : start + LISTED] for start in range(0, len(paths), LISTED)]
        found = {f"/lists/{number}.html": _linking(part) for number, part in enumerate(parts)}
        return {"/index.html": _linking(list(found)), **found}

    def body(self, path: str, host: str) -> tuple[str, bytes] | None:
        """(media type, body) of a path; None where there is nothing."""
        if path == "/robots.txt":
            return "text/plain", self._robots(host)
        if path == "/sitemap.xml":
            return "application/xml", self._sitemap(host)
        found = self.pages.get(path) or self.lists.get(path)
        return None if found is None else ("text/html", found)

    def _robots(self, host: str) -> bytes:
        lines = ["User-agent: *", *(f"Disallow: {prefix}" for prefix in FORBIDDEN)]
        lines += [f"Crawl-delay: {self.manner.delay:g}"] if self.manner.delay else []
        return "\n".join([*lines, "", f"Sitemap: http://{host}/sitemap.xml", ""]).encode()

    def _sitemap(self, host: str) -> bytes:
        places = "".join(f"<url><loc>http://{host}{quote(path)}</loc></url>" for path in self.pages)
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'.encode()


def is_forbidden(path: str) -> bool:
    """Does robots.txt forbid a path?"""
    return path.startswith(FORBIDDEN)


def _linking(paths: list[str]) -> bytes:
    items = "".join(f'<li><a href="{html.escape(quote(path))}">{html.escape(path)}</a></li>' for path in paths)
    return f"<!doctype html><title>Pages</title><ul>{items}</ul>".encode()


class Connection(asyncio.Protocol):
    """One client connection; requests are answered in order."""

    under_way = 0

    def __init__(self, site: Site, log: Callable[[Request], None]) -> None:
        self._site, self._log, self._buffer = site, log, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            arrived, beside = time.monotonic(), Connection.under_way
            Connection.under_way += 1
            if self._site.manner.hold:
                asyncio.get_running_loop().call_later(self._site.manner.hold, self._reply, head, arrived, beside)
            else:
                self._reply(head, arrived, beside)

    def _reply(self, head: bytes, arrived: float, beside: int) -> None:
        Connection.under_way -= 1
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        path = line.split(" ")[1]
        status, answer = response(self._site, path, headers)
        self._log(Request(arrived, beside, path, status, len(answer)))
        self._transport.write(answer)


def response(site: Site, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """(status, all bytes) that answer a GET."""
    found = site.body(path, headers.get("host", ""))
    if found is None:
        return 404, _written("404 Not Found", {"Content-Type": "text/plain", "Content-Length": "10"}, b"not found\n")
    mime, body = found
    if path == "/robots.txt" and site.manner.robots_status != 200:
        return site.manner.robots_status, _written(f"{site.manner.robots_status} No", {"Content-Length": "0"}, b"")
    validators = {"ETag": etag(body), "Last-Modified": DATES[path in site.changed]}
    if headers.get("if-none-match") == validators["ETag"]:
        return 304, _written("304 Not Modified", validators, b"")
    coding = {}
    if site.manner.zipped and "gzip" in headers.get("accept-encoding", ""):
        body, coding = gzip.compress(body, 6, mtime=0), {"Content-Encoding": "gzip"}
    length = {"Content-Type": mime, "Content-Length": str(len(body))}
    return 200, _written("200 OK", {**length, **validators, **coding}, body)


def etag(body: bytes) -> str:
    """A strong validator."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _written(status: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Date: Wed, 08 Jan 2025 08:00:00 GMT", "Server: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextmanager
def serving(site: Site, log: Path, port: int = 0) -> Iterator[int]:
    """Serve `site` on loopback from another process, whose requests go to the file `log`; gives the port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(256)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(site, log, listening), daemon=True)
    process.start()
    given = int(listening.getsockname()[1])
    listening.close()
    try:
        yield given
    finally:
        process.kill()
        process.join()


def _serve(site: Site, path: Path, listening: socket.socket) -> None:
    async def main() -> None:
        with path.open("w", encoding="utf-8", buffering=1) as log:

            def note(request: Request) -> None:
                log.write("\t".join(map(str, request)) + "\n")

            server = await asyncio.get_running_loop().create_server(lambda: Connection(site, note), sock=listening)
            await server.serve_forever()

    asyncio.run(main())


def requests(log: Path) -> list[Request]:
    """What a server was asked so far, oldest first."""
    rows = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    return [Request(float(at), int(beside), path, int(status), int(sent)) for at, beside, path, status, sent in rows]
