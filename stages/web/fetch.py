"""One polite HTTP client per site: one request at a time, a pause between requests, bounded answers, retries.

    total deadline    Manners.timeout, per attempt; Manners.header_timeout until the last header has come
    rate              Manners.min_rate on average, asked for once Manners.grace has passed
    size              Manners.max_wire as sent, Manners.max_bytes decoded, 200 times the bytes sent (decode.py)
    headers           MAX_HEADERS of MAX_LINE bytes; Content-Length beside chunks is refused (aiohttp)
    addresses         dialling.py, for the first request and for every redirect

A redirect is an answer (`get`), so that a crawl checks scope and robots.txt for each hop, or followed hop by hop
(`follow`). A credential goes to its own origin alone; answers are stripped of it and of cookies before anyone sees
them. Proxies, netrc and cookies of the environment are not used.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import ada_url
import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from stages.web.answers import Answer, FetchError, answer_of, may_pass, reason_of
from stages.web.credentials import LEFT_OUT, Credential, origin_of, public_url
from stages.web.decode import ACCEPTED, CodingError, Decoder
from stages.web.dialling import OneHost, Reach, connector
from stages.web.egress import Network
from stages.web.hosts import REFUSALS, HostState, retry_after

__all__ = ["HTML", "REDIRECTS", "Answer", "FetchError", "Fetcher", "HostState", "Manners", "OneHost", "retry_after"]

BACKOFF = 1.0  # seconds before the second attempt, doubled for each further one
MAX_WAIT = 120.0  # seconds; a server that asks for more by Retry-After is left alone
MAX_REDIRECTS = 10  # hops of `follow` (browsers take 20)
MAX_HEADERS, MAX_LINE = 128, 8190  # headers; bytes of one, name or value (the limits of aiohttp and Apache)
RETRIED = frozenset((429, 500, 502, 503, 504))
REDIRECTS = frozenset((301, 302, 303, 307, 308))
HTML = frozenset(("text/html", "application/xhtml+xml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a site is treated. Times in seconds, sizes in bytes, `min_rate` in bytes per second.

    `delay` between requests; `timeout` for all of one, `header_timeout` for its beginning; `max_bytes` decoded,
    `max_wire` as sent. A body that came slower than `min_rate` on average is given up from `grace` on.
    """

    user_agent: str
    delay: float
    timeout: float
    attempts: int
    max_bytes: int = 64 << 20
    max_wire: int = 20 << 20
    header_timeout: float = 15.0
    min_rate: float = 1024.0
    grace: float = 10.0


class Fetcher:
    """The client of one site; use it as an async context manager."""

    def __init__(
        self,
        manners: Manners,
        allowed: tuple[Network, ...] = (),
        resolver: AbstractResolver | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        *,
        ports: Collection[int] | None = None,
        credential: Credential | None = None,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
        hosts: Mapping[str, HostState] | None = None,
    ) -> None:
        self.manners, self.delay, self._sleep, self._clock = manners, manners.delay, sleep, clock
        self._reach, self._resolver, self._tls = Reach(allowed=allowed, ports=ports), resolver, tls
        self._credential = credential
        self.hosts = dict(hosts or {})  # by origin; what an earlier process knew may be given
        self._last = float("-inf")

    async def __aenter__(self) -> Fetcher:
        self._session = aiohttp.ClientSession(
            connector=connector(self._reach, self._resolver, self._tls),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.manners.timeout),
            headers={"User-Agent": self.manners.user_agent, "Accept-Encoding": ACCEPTED},
            max_headers=MAX_HEADERS,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    def host(self, url: str) -> HostState:
        """How the host of a URL answered lately, on this fetcher's clock: `frozen_until` says when it may be asked."""
        return self.hosts.get(origin_of(url), HostState())

    async def follow(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        html_only: bool = True,
        may: Callable[[str], str | None] = lambda url: None,
    ) -> Answer:
        """The answer at the end of at most MAX_REDIRECTS redirects, each hop checked and asked like a first request.

        `may` gives the reason why a hop must not be taken. Errors: FetchError, also for a loop.
        """
        chain = [requested_url(url)]
        while True:
            answer = await self.get(chain[-1], headers, html_only=html_only)
            if answer.status not in REDIRECTS or answer.location is None:
                return replace(answer, chain=tuple(chain))
            chain.append(_next_hop(answer.location, chain))
            if reason := may(chain[-1]):
                raise FetchError(reason)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, html_only: bool = True, body: bytes | None = None
    ) -> Answer:
        """The answer to one GET, or to a POST of the JSON `body`, after retries.

        Errors: FetchError (timeout, too large, refused address, ...).
        """
        url, headers = requested_url(url), checked_headers(headers or {})
        await self._thaw(url)
        for attempt in range(1, self.manners.attempts + 1):
            last = attempt == self.manners.attempts
            wait = BACKOFF * 2 ** (attempt - 1)
            try:
                answer, asked = await self._once(url, headers, html_only, body)
                if answer.status not in RETRIED or last:
                    return answer
                if asked is not None and asked > MAX_WAIT:
                    raise FetchError(f"status {answer.status}, asks to wait longer than {MAX_WAIT:g} s")
                wait = wait if asked is None else asked
            except (aiohttp.ClientError, TimeoutError) as error:
                if last or not may_pass(error):
                    raise FetchError(reason_of(error)) from None
            await self._sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _thaw(self, url: str) -> None:
        """Wait until the host may be asked again. Errors: FetchError where that takes too long."""
        left = self.host(url).seconds_left(self._clock()) if self.hosts else 0
        if left > MAX_WAIT:
            raise FetchError("host asks to be left alone")
        if left:
            await self._sleep(left)

    async def _once(
        self, url: str, headers: Mapping[str, str], html_only: bool, sent: bytes | None
    ) -> tuple[Answer, float | None]:
        """One attempt: the answer and the seconds that Retry-After asks to wait."""
        if (left := self._last + self.delay - self._clock()) > 0:
            await self._sleep(left)
        try:
            async with await self._opened(url, headers, sent) as response:
                asked = retry_after(response.headers.get("Retry-After"))
                self._note(url, response.status, asked)
                wanted = response.status == 200 and (not html_only or response.content_type in HTML)
                body = await self._body(response) if wanted else b""
                return answer_of(response, body, url, self._credential), asked
        finally:
            self._last = self._clock()

    def _note(self, url: str, status: int, asked: float | None) -> None:
        if status in REFUSALS or self.hosts:
            self.hosts[origin_of(url)] = self.host(url).after(status, asked, self._clock())

    async def _opened(self, url: str, headers: Mapping[str, str], sent: bytes | None) -> aiohttp.ClientResponse:
        """A response whose headers are complete; the credential is added here, and nowhere kept."""
        if self._credential:
            headers = {**headers, **self._credential.headers(url)}
            url = self._credential.requested(url)
        if sent is not None:
            headers = {"Content-Type": "application/json", **headers}
        method = "GET" if sent is None else "POST"
        async with asyncio.timeout(self.manners.header_timeout):
            return await self._session.request(
                method, URL(url, encoded=True), headers=headers, data=sent, allow_redirects=False
            )

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """The decoded body. Errors: FetchError for one that is too large, too slow or badly coded."""
        try:
            decoder = Decoder(",".join(response.headers.getall("Content-Encoding", ())), self.manners.max_bytes)
            if (response.content_length or 0) > self.manners.max_wire:
                raise FetchError("too large")
            await self._drained(response, decoder)
            return decoder.finish()
        except CodingError as error:
            raise FetchError(str(error)) from None

    async def _drained(self, response: aiohttp.ClientResponse, decoder: Decoder) -> None:
        loop = asyncio.get_running_loop()
        began, size = loop.time(), 0
        try:
            async with asyncio.timeout(self.manners.grace) as pace:
                async for part in response.content.iter_any():
                    size += len(part)
                    if size > self.manners.max_wire:
                        raise FetchError("too large")
                    decoder.feed(part)
                    pace.reschedule(began + max(self.manners.grace, size / self.manners.min_rate))
        except TimeoutError:
            raise FetchError("too slow" if pace.expired() else "timeout") from None


def requested_url(url: str) -> str:
    """`url` as it is sent, by the one parser that also decides scope. Errors: FetchError for what is not http(s)."""
    try:
        found = public_url(url)
    except ValueError:
        raise FetchError("not a URL") from None
    if not found.startswith(("http://", "https://")):
        raise FetchError("not an http URL")
    return found


def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Request headers as given. Errors: ValueError for one that carries a secret: it would go to any origin."""
    for name in headers:
        if name.lower() in LEFT_OUT:
            raise ValueError(f"header {name} carries a secret; give it as a Credential, which is bound to an origin")
    return headers


def _next_hop(location: str, chain: list[str]) -> str:
    try:
        target = requested_url(str(ada_url.URL(location, base=chain[-1]).href))
    except ValueError:
        raise FetchError("redirect to no URL") from None
    except FetchError as error:
        raise FetchError(f"redirect to what is {error}") from None
    if target in chain:
        raise FetchError("redirect loop")
    if len(chain) > MAX_REDIRECTS:
        raise FetchError("too many redirects")
    return target
