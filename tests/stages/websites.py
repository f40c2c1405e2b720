"""Websites on loopback that behave as a test asks, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread

from aiohttp import web

Reply = web.StreamResponse | Callable[[web.Request], web.StreamResponse] | Callable[[web.Request], object]


@dataclass
class Website:
    """A site: path -> reply; `asked` lists the paths in order."""

    replies: Mapping[str, object]
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Look the path up; text becomes an HTML page, a number a status, a function is called."""
        self.asked.append(request.path_qs)
        self.headers.append(dict(request.headers))
        reply = self.replies.get(request.path_qs, 404)
        if callable(reply):
            reply = reply(request)
            if hasattr(reply, "__await__"):
                reply = await reply
        if isinstance(reply, int):
            return web.Response(status=reply)
        if isinstance(reply, str | bytes):
            body = reply.encode() if isinstance(reply, str) else reply
            return web.Response(body=body, headers={"Content-Type": "text/html; charset=utf-8"})
        assert isinstance(reply, web.StreamResponse)
        return reply


def redirect(location: str, status: int = 301) -> Callable[[web.Request], web.Response]:
    """A reply that sends elsewhere."""
    return lambda _: web.Response(status=status, headers={"Location": location})


@asynccontextmanager
async def running(site: Website) -> AsyncIterator[Website]:
    """Run a site on a free loopback port."""
    application = web.Application()
    application.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.port = int(runner.addresses[0][1])
        yield site
    finally:
        await runner.cleanup()


@contextmanager
def hosted(replies: dict[str, object]) -> Iterator[Website]:
    """A website in a thread of its own, as the crawl runs its own event loop."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    site = running(Website(replies))
    try:
        yield asyncio.run_coroutine_threadsafe(site.__aenter__(), loop).result(5)
    finally:
        asyncio.run_coroutine_threadsafe(site.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
