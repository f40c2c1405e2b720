"""Chains of redirects, checked hop by hop, and hosts that want to be left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
from aiohttp import web

from stages.web.egress import parse_networks
from stages.web.fetch import Fetcher, FetchError, HostState, Manners
from tests.stages.websites import Website, redirect, running

MANNERS = Manners(user_agent="gristmill/0.1 (test)", delay=0, timeout=2, attempts=1, max_bytes=100_000)
LOOPBACK = parse_networks(("127.0.0.0/8",))


def gets(replies: Mapping[str, object], *paths: str, now: float = 0.0, follow: bool = False) -> list[str]:
    """The outcomes of several requests of one fetcher, one attempt each, on a clock that only sleeping moves."""
    clock = [now]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    async def run() -> list[str]:
        found = []
        fetcher = Fetcher(MANNERS, LOOPBACK, sleep=sleep, clock=lambda: clock[0])
        async with running(Website(replies)) as site, fetcher:
            for path in paths:
                url = f"http://127.0.0.1:{site.port}{path}"
                try:
                    answer = await (fetcher.follow(url) if follow else fetcher.get(url))
                    found.append(f"{answer.status} at {clock[0]:g}, {len(answer.chain) - 1} hops")
                except FetchError as error:
                    found.append(f"{error} at {clock[0]:g}")
            return found

    return asyncio.run(run())


def refusing(**headers: str) -> Callable[[web.Request], web.Response]:
    """A reply that says no."""
    return lambda _: web.Response(status=503, headers={name.replace("_", "-"): text for name, text in headers.items()})


def test_a_host_that_refuses_is_left_alone() -> None:
    """A short freeze is waited for, it doubles, a good answer ends it; a long one is an outcome without a request."""
    replies = {"/": "x", "/no": refusing(), "/day": refusing(Retry_After="86400")}
    assert gets(replies, "/no", "/no", "/no", "/", "/no", "/") == [
        "503 at 0, 0 hops", "503 at 1, 0 hops", "503 at 3, 0 hops", "200 at 7, 0 hops",
        "503 at 7, 0 hops", "200 at 8, 0 hops",
    ]  # fmt: skip
    assert gets(replies, "/day", "/") == ["503 at 0, 0 hops", "host asks to be left alone at 0"]


def chain(length: int) -> dict[str, object]:
    """A site where /0 leads to /1 and so on, to a page."""
    return {f"/{n}": redirect(f"/{n + 1}", 302) for n in range(length)} | {f"/{length}": "end"}


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        (chain(0), "200 at 0, 0 hops"),
        (chain(10), "200 at 0, 10 hops"),
        (chain(11), "too many redirects at 0"),
        ({"/0": redirect("/1"), "/1": redirect("/0")}, "redirect loop at 0"),
        ({"/0": redirect("/0#part")}, "redirect loop at 0"),
        ({"/0": redirect("file:///etc/passwd")}, "redirect to what is not an http URL at 0"),
        ({"/0": redirect("gopher://127.0.0.1:70/_x")}, "redirect to what is not an http URL at 0"),
        ({"/0": redirect("ws://127.0.0.1/")}, "redirect to what is not an http URL at 0"),
        ({"/0": redirect("http://[::1/")}, "redirect to no URL at 0"),
        ({"/0": redirect("http://169.254.169.254/latest/meta-data/")}, "refused address: 169.254.169.254"),
        ({"/0": redirect("http://2852039166/latest/meta-data/")}, "refused address: 169.254.169.254"),
        ({"/0": redirect("http://[::ffff:10.0.0.1]/")}, "refused address: ::ffff:a00:1"),
        ({"/0": web.Response(status=302)}, "302 at 0, 0 hops"),
    ],
)
def test_redirects_are_checked_hop_by_hop(replies: dict[str, object], outcome: str) -> None:
    """At most ten, no loops, only http, and no address that a first request could not reach."""
    assert gets(replies, "/0", follow=True)[0].startswith(outcome)


def test_a_hop_may_be_forbidden() -> None:
    """robots.txt or scope end a chain with their own reason."""

    async def run() -> str:
        async with running(Website(chain(3))) as site, Fetcher(MANNERS, LOOPBACK) as fetcher:
            with pytest.raises(FetchError) as error:
                may = {f"http://127.0.0.1:{site.port}/2": "robots.txt forbids it"}.get
                await fetcher.follow(f"http://127.0.0.1:{site.port}/0", may=may)
            return f"{error.value}, after {site.asked}"

    assert asyncio.run(run()) == "robots.txt forbids it, after ['/0', '/1']"


def test_what_an_earlier_process_knew_counts() -> None:
    """A host that was frozen before a restart is frozen after it, and nothing is sent."""

    async def run() -> tuple[str, list[str]]:
        async with running(Website({"/": "x"})) as site:
            url = f"http://127.0.0.1:{site.port}"
            known = {url: HostState().after(503, 3600.0, 0.0)}
            async with Fetcher(MANNERS, LOOPBACK, clock=lambda: 60.0, hosts=known) as fetcher:
                assert fetcher.host(url + "/x").frozen_until == 3600
                with pytest.raises(FetchError) as error:
                    await fetcher.get(url)
            return str(error.value), site.asked

    assert asyncio.run(run()) == ("host asks to be left alone", [])
