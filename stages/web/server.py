"""A website of files held in memory, on a loopback port that the system chooses.

Lets the crawler run for real, over HTTP and with robots.txt, where no network may be used: over the manual
inside a package, and in tests. It answers with an ETag and honours If-None-Match.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import unquote

from aiohttp import web

ROBOTS = b"User-agent: *\nAllow: /\n"
_TYPES = mimetypes.MimeTypes()  # Python's own table, not the machine's


@asynccontextmanager
async def serving(files: Mapping[str, bytes]) -> AsyncIterator[int]:
    """Serve `files` (path without leading slash -> bytes) until the context ends; gives the port.

    A folder answers with its index.html; robots.txt allows everything unless `files` has one.
    """
    site = {"robots.txt": ROBOTS, **files}

    async def answer(request: web.Request) -> web.Response:
        path = unquote(request.path).lstrip("/")
        name = path + "index.html" if path == "" or path.endswith("/") else path
        if name not in site:
            return web.Response(status=404, text="not found")
        etag = f'"{hashlib.sha256(site[name]).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        mime = _TYPES.guess_type(name)[0] or "application/octet-stream"
        return web.Response(body=site[name], headers={"ETag": etag, "Content-Type": mime})

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
