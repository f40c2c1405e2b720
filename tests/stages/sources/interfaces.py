"""Interfaces on loopback that answer as recorded, fail as a test asks, and remember what they were asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from aiohttp import web

from stages.sources.api.client import record_api
from stages.sources.api.log import answers
from stages.sources.api.replay import ApiReading, replay_api
from stages.sources.log import CrawlLog
from stages.sources.parse import parse_sources
from stages.sources.settings.api import ApiSource, api_digest

LOOPBACK = ["127.0.0.0/8"]
BASE = "https://a.test"
CURSOR = {"kind": "cursor", "param": "c", "path": "next"}
RECORDS = {"path": "notes", "id": "id", "text": "text"}
NOTES: dict[str, Any] = {"licence": "CC0-1.0", "path": "/notes", "records": RECORDS}
FINE = {"name": "x", "kind": "api", "base": BASE, "contact": "mailto:a@b.test", **NOTES}


@dataclass(frozen=True)
class Reply:
    """An answer to `path` where the query holds `wants`; `body` that is no text is sent as JSON."""

    path: str
    body: Any
    wants: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    mime: str = "application/json"
    status: int = 200
    posts: Any = None  # the JSON that is asked with; None = whatever

    def fits(self, request: web.Request, body: bytes) -> bool:
        """Is this the answer to a request?"""
        if self.posts is not None and json.loads(body or b"null") != self.posts:
            return False
        return request.path == self.path and all(request.query.get(key) == want for key, want in self.wants.items())

    def response(self, base: str) -> web.Response:
        """The answer; `BASE` in it stands for the server's own address."""
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        headers = {name: value.replace("BASE", base) for name, value in self.headers.items()}
        body = text.replace("BASE", base).encode()
        return web.Response(body=body, status=self.status, headers={"Content-Type": self.mime, **headers})


@dataclass
class Interface:
    """A server: the first reply that fits answers; `faults`: position of a reply -> what is said before it, in turn."""

    replies: Sequence[Reply]
    faults: dict[int, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def base(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The fault that is due for a reply, else the reply."""
        self.asked.append(request.path_qs)
        self.bodies.append(await request.read())
        self.requests.append(dict(request.headers))
        at = next((at for at, reply in enumerate(self.replies) if reply.fits(request, self.bodies[-1])), None)
        if at is None:
            return web.Response(status=404)
        if self.faults.get(at):
            status, headers = self.faults[at].pop(0)
            return web.Response(status=status, headers=headers)
        reply = self.replies[at]
        etag = reply.headers.get("ETag")
        if etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return reply.response(self.base)


@contextmanager
def served(replies: Sequence[Reply]) -> Iterator[Interface]:
    """An interface in a thread of its own, as a run has its own event loop."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    interface = Interface(replies)

    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/{path:.*}", interface.answer)
        application.router.add_post("/{path:.*}", interface.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        interface.port = int(runner.addresses[0][1])
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield interface
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def api_source(base: str, **entry: Any) -> ApiSource:
    """A source as params.yaml has it, without pauses, on loopback."""
    settings = {"name": "api", "kind": "api", "delay": 0, "attempts": 2, "allow_networks": LOOPBACK, "base": base}
    (source,) = parse_sources([{**settings, **entry}])
    assert isinstance(source, ApiSource)
    return source


@dataclass
class Slept:
    """A sleep that takes no time and remembers."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        """Note a pause."""
        self.seconds.append(seconds)


def ask(source: ApiSource, log: CrawlLog, forgotten: frozenset[str] = frozenset()) -> list[float]:
    """Run a source; the pauses it made, whole seconds."""
    slept = Slept()
    record_api(source, log, forgotten, slept)
    return [round(pause) for pause in slept.seconds if pause > 0.5]


def tables(source: ApiSource, log: CrawlLog) -> dict[str, pa.Table]:
    """The tables that the stage makes of the log."""
    rows = [row for row in log.fetches(source.name) if row["crawl"] == api_digest(source)]
    reading = ApiReading(name=source.name, licence=source.licence, records=source.records)
    return {name: table for name, _, table in replay_api(answers(rows), log.files("pages"), params=reading)}


def documents(source: ApiSource, log: CrawlLog) -> dict[str, str]:
    """URI -> text of the documents."""
    captures = tables(source, log)["captures"]
    return {row["uri"]: row["body"].decode() for row in captures.select(["uri", "body"]).to_pylist()}


def broken(source: ApiSource, log: CrawlLog) -> dict[str, str]:
    """URI -> error of what could not be read or had."""
    found = tables(source, log)
    rows = found["quarantine"].to_pylist() if "quarantine" in found else []
    return {row["uri"]: row["error"] for row in rows}


def outcomes(source: ApiSource, log: CrawlLog) -> Counter[str]:
    """How often each outcome stands in the log."""
    return Counter(row["outcome"] for row in log.fetches(source.name))


def answers_kept(log: CrawlLog) -> int:
    """Rows in the page files of the log."""
    return sum(pq.read_metadata(path).num_rows for path in log.files("pages"))


def notes(*numbers: int, **more: Any) -> dict[str, Any]:
    """A page of a made-up interface."""
    return {"notes": [{"id": f"note:{number}", "text": f"note {number}"} for number in numbers]} | more


def numbered(*numbers: int) -> dict[str, str]:
    """The documents of those notes."""
    return {f"note:{number}": f"note {number}" for number in numbers}
