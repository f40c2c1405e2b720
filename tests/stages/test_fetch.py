"""The HTTP client: bounded answers, retries, pauses, and no connection to a private address."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from stages.web.egress import parse_networks
from stages.web.fetch import Answer, Fetcher, FetchError, Manners, OneHost, retry_after
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


def test_retry_after_dates() -> None:
    """An HTTP date counts from now; nonsense counts for nothing."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    assert 45 < (retry_after(later) or 0) <= 50
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [retry_after(text) for text in (None, "", "-5", "Wed, 99 Oct")] == [None] * 4


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
    assert waits[0] == 0 and 4 < waits[1] <= 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
def test_private_addresses_are_not_dialled(host: str) -> None:
    """However loopback is written, no connection is made and no request arrives."""

    async def run() -> tuple[str, list[str]]:
        once = Manners(user_agent="t", delay=0, timeout=2, attempts=1, max_bytes=1000)
        async with running(Website({"/": "secret"})) as site, Fetcher(once) as fetcher:
            with pytest.raises(FetchError) as error:
                await fetcher.get(f"http://{host}:{site.port}/")
            return str(error.value), site.asked

    message, asked = asyncio.run(run())
    assert asked == []
    assert "refused address" in message or message in ("host not found", "not a URL", "not HTTP")


def test_a_served_site_reaches_only_itself() -> None:
    """The resolver of a served archive knows one name; another host does not exist for it."""

    async def run() -> tuple[bytes, str]:
        once = Manners(user_agent="t", delay=0, timeout=2, attempts=1, max_bytes=1000)
        site = Website({"/": "page"})
        async with running(site) as site, Fetcher(once, LOOPBACK, OneHost("manual.test", site.port)) as fetcher:
            answer = await fetcher.get("http://manual.test/")
            with pytest.raises(FetchError) as error:
                await fetcher.get("http://other.test/")
            return answer.body, str(error.value)

    assert asyncio.run(run()) == (b"page", "host not found")
