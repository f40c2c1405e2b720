"""One polite HTTP client per site: one request at a time, a pause between requests, bounded answers, retries.

Bodies are read raw, cut off at a cap and decoded by stages/web/decode.py. Redirects are answers, not followed here, so
that the crawl checks scope and robots.txt for each hop. Proxies of the environment are not used: a proxy would
connect to addresses that stages/web/egress.py refuses.
"""

from __future__ import annotations

import asyncio
import email.utils
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from yarl import URL

from stages.web.decode import ACCEPTED, CodingError, decoded
from stages.web.egress import Network, RefusedAddress, checked_socket

BACKOFF = 1.0  # seconds before the second attempt, doubled for each further one
MAX_WAIT = 120.0  # seconds; a server that asks for more by Retry-After is left alone
RETRIED = frozenset((429, 500, 502, 503, 504))
HTML = frozenset(("text/html", "application/xhtml+xml"))


class FetchError(Exception):
    """No usable answer; the message is short and stable: it becomes an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer. `body` is decoded, and empty unless the status is 200 and the type was wanted."""

    status: int
    headers: bytes
    body: bytes
    mime: str
    charset: str | None
    location: str | None
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a site is treated: seconds between requests and per request, attempts, decoded bytes per answer."""

    user_agent: str
    delay: float
    timeout: float
    attempts: int
    max_bytes: int


class OneHost(AbstractResolver):
    """A resolver that knows one host name and gives it a loopback port; every other name is unknown."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The loopback address for the one host. Errors: OSError for another."""
        if host != self.host:
            raise OSError(f"{host} is not {self.host}")
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        found = ResolveResult(
            hostname=host, host="127.0.0.1", port=self.port, family=socket.AF_INET, proto=0, flags=int(flags)
        )
        return [found]

    async def close(self) -> None:
        """Nothing to close."""


class Fetcher:
    """The client of one site; use it as an async context manager."""

    def __init__(
        self,
        manners: Manners,
        allowed: tuple[Network, ...] = (),
        resolver: AbstractResolver | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.manners, self.delay, self._sleep = manners, manners.delay, sleep
        self._allowed, self._resolver = allowed, resolver
        self._last = float("-inf")

    async def __aenter__(self) -> Fetcher:
        connector = aiohttp.TCPConnector(limit=1, socket_factory=checked_socket(self._allowed), resolver=self._resolver)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.manners.timeout),
            headers={"User-Agent": self.manners.user_agent, "Accept-Encoding": ACCEPTED},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None, *, html_only: bool = True) -> Answer:
        """The answer to one GET, after retries. Errors: FetchError (timeout, too large, refused address, ...)."""
        for attempt in range(1, self.manners.attempts + 1):
            last = attempt == self.manners.attempts
            wait = BACKOFF * 2 ** (attempt - 1)
            try:
                answer, asked = await self._once(url, headers or {}, html_only)
                if answer.status not in RETRIED or last:
                    return answer
                if asked is not None and asked > MAX_WAIT:
                    raise FetchError(f"status {answer.status}, asks to wait longer than {MAX_WAIT:g} s")
                wait = wait if asked is None else asked
            except (aiohttp.ClientError, TimeoutError) as error:
                if last or isinstance(error, aiohttp.InvalidURL):
                    raise FetchError(_reason(error)) from None
            await self._sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, url: str, headers: Mapping[str, str], html_only: bool) -> tuple[Answer, float | None]:
        """One attempt: the answer and the seconds that Retry-After asks to wait."""
        await self._sleep(max(0.0, self._last + self.delay - time.monotonic()))
        try:
            async with self._session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
                wanted = response.status == 200 and (not html_only or response.content_type in HTML)
                body = await self._body(response) if wanted else b""
                return _answer(response, body), retry_after(response.headers.get("Retry-After"))
        finally:
            self._last = time.monotonic()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self.manners.max_bytes:
                raise FetchError("too large")
            parts.append(part)
        try:
            return decoded(b"".join(parts), response.headers.get("Content-Encoding", ""), self.manners.max_bytes)
        except CodingError as error:
            raise FetchError(str(error)) from None


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    headers: CIMultiDictProxy[str] = response.headers
    return Answer(
        status=response.status,
        headers=b"\r\n".join(name + b": " + value for name, value in response.raw_headers),
        body=body,
        mime=response.content_type,
        charset=_declared_charset(response),
        location=headers.get("Location"),
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
    )


def _declared_charset(response: aiohttp.ClientResponse) -> str | None:
    charset = (response.charset or "").strip("\"' ").lower()
    return charset if charset.isascii() and charset.isprintable() and charset else None


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait; None where there is none or it says nothing."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    """A short name for a network error, the same on every machine."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, RefusedAddress):
        return f"refused address: {error.os_error}"
    names = (
        (aiohttp.ClientConnectorDNSError, "host not found"),
        (aiohttp.ClientSSLError, "no trusted certificate"),
        (aiohttp.ClientConnectorError, "no connection"),
        (aiohttp.ClientPayloadError, "body broken off"),
        (aiohttp.ServerDisconnectedError, "connection broken off"),
        (aiohttp.InvalidURL, "not a URL"),
    )
    return next((name for kind, name in names if isinstance(error, kind)), "not HTTP")
