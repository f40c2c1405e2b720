"""The HTTP client: bounded answers, retries, pauses; how its answers look.

Redirects and freezes stand in test_follow.py, where it connects in test_dialling.py, secrets in test_credentials.py.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from stages.web.egress import parse_networks
from stages.web.fetch import Answer, Fetcher, FetchError, Manners, OneHost
from tests.stages.websites import Website, redirect, running

MANNERS = Manners(user_agent="gristmill/0.1 (test)", delay=0, timeout=2, attempts=3, max_bytes=100_000)
LOOPBACK = parse_networks(("127.0.0.0/8",))


def fetched(
    replies: Mapping[str, object], path: str = "/", **options: Any
) -> tuple[Answer | str, Website, list[float]]:
    """One GET against a site: the answer or the error, the site, and the seconds slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def run() -> tuple[Answer | str, Website, list[float]]:
        manners = options.pop("manners", MANNERS)
        async with running(Website(replies)) as site, Fetcher(manners, LOOPBACK, sleep=sleep) as fetcher:
            try:
                answer: Answer | str = await fetcher.get(f"http://127.0.0.1:{site.port}{path}", **options)
            except FetchError as error:
                answer = str(error)
            return answer, site, [seconds for seconds in slept if seconds]

    return asyncio.run(run())


def test_an_answer_keeps_what_the_server_said() -> None:
    """Status, type, charset, validators, header bytes and body."""
    reply = web.Response(body=b"<p>x", headers={"Content-Type": "Text/HTML; charset=GBK", "ETag": '"1"'})
    answer, site, _ = fetched({"/": lambda _: reply})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.mime, answer.charset) == (200, b"<p>x", "text/html", "gbk")
    assert answer.etag == '"1"' and b'ETag: "1"' in answer.headers.split(b"\r\n")
    assert site.headers[0]["User-Agent"] == MANNERS.user_agent


def test_other_types_are_not_downloaded() -> None:
    """The body of an image is left alone; robots.txt may be any type."""
    image = {"/": lambda _: web.Response(body=b"png", headers={"Content-Type": "image/png"})}
    answer, *_ = fetched(image)
    assert isinstance(answer, Answer) and (answer.mime, answer.body) == ("image/png", b"")
    answer, *_ = fetched(image, html_only=False)
    assert isinstance(answer, Answer) and answer.body == b"png"


def test_a_redirect_is_given_without_its_secrets() -> None:
    """Whoever follows or records it has no password to lose; a plain one stays as the server wrote it."""
    answer, *_ = fetched({"/": redirect("//user:pass@b.test/?token=x&page=2")})
    assert isinstance(answer, Answer) and answer.location == "http://b.test/?page=2"


def test_cookies_are_not_sent_back() -> None:
    """Each request stands alone: no session grows over a crawl."""
    replies = {
        "/": lambda _: web.Response(status=302, headers={"Location": "/b", "Set-Cookie": "id=1; Path=/"}),
        "/b": "b",
    }

    async def run() -> list[Mapping[str, str]]:
        async with running(Website(replies)) as site:
            async with Fetcher(MANNERS, LOOPBACK, OneHost("shop.test", site.port)) as fetcher:
                await fetcher.follow("http://shop.test/")
            return site.headers

    assert ["Cookie" in headers for headers in asyncio.run(run())] == [False, False]


def test_redirects_are_answers() -> None:
    """The crawl decides whether to follow."""
    answer, site, _ = fetched({"/": redirect("/b")})
    assert isinstance(answer, Answer) and (answer.status, answer.location, site.asked) == (301, "/b", ["/"])


def flaky(*statuses: int, headers: dict[str, str] | None = None) -> Callable[[web.Request], web.Response]:
    """A reply that fails with each status once, then works."""
    left = list(statuses)

    def reply(_: web.Request) -> web.Response:
        if left:
            return web.Response(status=left.pop(0), headers=headers or {})
        return web.Response(text="ok", content_type="text/html")

    return reply


@pytest.mark.parametrize(
    ("statuses", "headers", "status", "waits"),
    [
        ((503,), {}, 200, [1]),
        ((500, 429), {}, 200, [1, 2]),
        ((503,), {"Retry-After": "7"}, 200, [7]),
        ((503,), {"Retry-After": "soon"}, 200, [1]),
        ((503, 503, 503), {}, 503, [1, 2]),
        ((404,), {}, 404, []),
    ],
)
def test_retries(statuses: tuple[int, ...], headers: dict[str, str], status: int, waits: list[float]) -> None:
    """Temporary failures are asked again after a pause that doubles, or the one the server names."""
    answer, site, slept = fetched({"/": flaky(*statuses, headers=headers)})
    assert isinstance(answer, Answer) and answer.status == status
    assert slept == waits and len(site.asked) == len(waits) + 1


def test_a_server_that_asks_for_a_day_is_left_alone() -> None:
    """A long Retry-After is not waited for, and not ignored either."""
    answer, site, slept = fetched({"/": flaky(503, 503, headers={"Retry-After": "86400"})})
    assert answer == "status 503, asks to wait longer than 120 s" and slept == [] and len(site.asked) == 1


async def endless(request: web.Request) -> web.StreamResponse:
    """Sends a byte now and then, for ever."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.05)


async def flood(request: web.Request) -> web.StreamResponse:
    """Sends as fast as it can, for ever."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


async def silent(request: web.Request) -> web.StreamResponse:
    """Sends headers, and then nothing."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    await asyncio.sleep(5)
    return response


async def chunked(request: web.Request) -> web.StreamResponse:
    """Sends 5,000 bytes without saying so before."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"x" * 5000)
    return response


@pytest.mark.parametrize(
    ("reply", "changes", "problem"),
    [
        (chunked, {"max_wire": 5000}, None),
        (chunked, {"max_wire": 4999}, "too large"),
        (chunked, {"max_bytes": 4999}, "too large"),
        (silent, {"grace": 0.2}, "too slow"),
        (silent, {"grace": 9.0, "timeout": 0.2}, "timeout"),
    ],
)
def test_each_bound_holds_alone(reply: object, changes: dict[str, Any], problem: str | None) -> None:
    """Bytes on the wire, bytes decoded, pace, and the total: in time, whatever the others allow."""
    began = time.perf_counter()
    answer, *_ = fetched({"/": reply}, manners=replace(MANNERS, attempts=1, **changes))
    assert (None if isinstance(answer, Answer) else answer) == problem and time.perf_counter() - began < 1.5


def gzipped(body: bytes) -> Callable[[web.Request], web.Response]:
    """A reply in gzip."""
    return packed(gzip.compress(body), "gzip")


def packed(body: bytes, coding: str) -> Callable[[web.Request], web.Response]:
    """A reply in any coding."""
    return lambda _: web.Response(body=body, headers={"Content-Encoding": coding, "Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (endless, "timeout"),
        (flood, "too large"),
        (gzipped(bytes(50 << 20)), "too large"),
        (packed(b"x", "compress"), "unknown content coding"),
    ],
)
def test_hostile_servers_are_bounded(reply: object, problem: str) -> None:
    """Slow, endless, inflating and odd answers end with a short reason."""
    quick = Manners(user_agent="t", delay=0, timeout=0.5, attempts=1, max_bytes=100_000)
    answer, *_ = fetched({"/": reply}, manners=quick)
    assert answer == problem


def test_gzip_is_undone() -> None:
    """The body is what the server packed."""
    answer, *_ = fetched({"/": gzipped(b"text")})
    assert isinstance(answer, Answer) and answer.body == b"text"


def test_requests_are_spaced() -> None:
    """The second request waits for what is left of the delay."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> None:
        manners = Manners(user_agent="t", delay=5, timeout=2, attempts=1, max_bytes=1000)
        async with running(Website({"/": "x"})) as site, Fetcher(manners, LOOPBACK, sleep=sleep) as fetcher:
            await fetcher.get(f"http://127.0.0.1:{site.port}/")
            await fetcher.get(f"http://127.0.0.1:{site.port}/")

    asyncio.run(run())
    assert len(waits) == 1 and 4 < waits[0] <= 5


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({f"X-{n}": "x" for n in range(100)}, None),
        ({f"X-{n}": "x" for n in range(130)}, "not HTTP"),
        ({"X": "x" * 8000}, None),
        ({"X": "x" * 9000}, "not HTTP"),
    ],
)
def test_headers_are_bounded(headers: dict[str, str], outcome: str | None) -> None:
    """In number and in length."""
    answer, *_ = fetched({"/": lambda _: web.Response(text="x", headers=headers)}, manners=replace(MANNERS, attempts=1))
    assert outcome == (None if isinstance(answer, Answer) else answer)


@pytest.mark.parametrize(
    "url", ["ftp://a/", "file:///etc/passwd", "ws://127.0.0.1/", "tcp://127.0.0.1/", "data:,x", "/x"]
)
def test_only_http_is_spoken(url: str) -> None:
    """Other schemes end before anything is resolved or dialled, though the library knows some of them."""

    async def run() -> str:
        async with Fetcher(MANNERS, LOOPBACK) as fetcher:
            with pytest.raises(FetchError) as error:
                await fetcher.get(url)
            return str(error.value)

    assert asyncio.run(run()) in ("not an http URL", "not a URL")
