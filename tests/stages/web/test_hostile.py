"""Servers that misbehave: each is given up in time, in bounds and for the right reason."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bench.support import hostile_server as server
from bench.support.hostile import EXPECTED, LOOPBACK, MATRIX, QUICK, Ending, endings, measured, run_matrix
from bench.support.hostile_server import Connection, head, hostile_server
from stages.web.fetch import Fetcher, FetchError, Manners

SOON = 10  # seconds: the limits allow about one, on a machine that does nothing else


@pytest.fixture(scope="module")
def matrix() -> dict[str, Ending]:
    """The whole matrix and two more, once, in a process of their own."""
    return {one.behaviour: one for one in measured((*MATRIX, "zstd_bomb", "garbage", "harmless"))}


@pytest.mark.parametrize("behaviour", MATRIX)
def test_a_hostile_server_is_bounded(matrix: dict[str, Ending], behaviour: str) -> None:
    """Soon and under 200 MB, and refused for what it did."""
    ending = matrix[behaviour]
    assert ending.outcome.startswith(EXPECTED[behaviour])
    assert ending.seconds < SOON and ending.megabytes < 200 and ending.bounded


def test_the_matrix_has_fifteen_behaviours(matrix: dict[str, Ending]) -> None:
    """And two more, and a page that is not refused."""
    assert len(MATRIX) == 15
    assert [matrix[name].outcome for name in ("zstd_bomb", "garbage")] == ["too large", "not HTTP"]
    assert matrix["harmless"].outcome == "status 200, 7 bytes"


def test_the_matrix_as_the_bench_prints_it() -> None:
    """(behaviour, outcome, seconds, bounded); an outcome nobody expects is not bounded."""
    rows = run_matrix(("redirect_file", "harmless"))
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("redirect_file", "redirect to what is not an http URL", True),
        ("harmless", "status 200, 7 bytes", False),
    ]
    assert not Ending("slow_body", "too slow", 2.5, 0).bounded and not Ending("slow_body", "too slow", 1, 201).bounded


@pytest.mark.parametrize(
    ("behaviour", "manners", "outcome"),
    [
        ("slow_body", replace(QUICK, timeout=0.4, min_rate=0.0001), "timeout"),
        ("slow_headers", replace(QUICK, timeout=0.3, header_timeout=60), "timeout"),
        ("slow_headers", replace(QUICK, timeout=60, header_timeout=0.3), "timeout"),
        ("silent_handshake", replace(QUICK, timeout=60, header_timeout=0.3), "timeout"),
        ("endless_body", replace(QUICK, max_wire=1 << 40, max_bytes=1 << 20), "too large"),
        ("br_bomb", replace(QUICK, max_wire=10_000), "too large"),
    ],
)
def test_each_bound_is_its_own(behaviour: str, manners: Manners, outcome: str) -> None:
    """With one bound wide open the next one holds; so each of them is a bound and not a shadow of another."""
    (ending,) = asyncio.run(endings([behaviour], manners))
    assert ending.outcome == outcome and ending.seconds < SOON


def test_a_redirect_to_another_port_reaches_nothing() -> None:
    """Not one byte arrives there; where the port is allowed it does, so the port was the reason."""

    async def run(*, open_port: bool) -> tuple[str, int]:
        async with hostile_server() as hostile:
            ports = hostile.ports | ({hostile.forbidden_port} if open_port else set())
            async with Fetcher(QUICK, LOOPBACK, ports=ports) as fetcher:
                try:
                    outcome = str((await fetcher.follow(hostile.url("redirect_port"))).status)
                except FetchError as error:
                    outcome = str(error)[:15]
            return outcome, len(hostile.reached)

    assert asyncio.run(run(open_port=False)) == ("refused address", 0)
    assert asyncio.run(run(open_port=True)) == ("200", 1)


async def endless(to: Connection, start: bytes, more: bytes) -> None:
    """Sends `start` and then `more` for ever."""
    await to.send(start)
    while True:
        await to.send(more)


CHUNKED = head(200, "Transfer-Encoding: chunked\r\n")
FURTHER: dict[str, tuple[bytes, bytes, str]] = {
    "chunk extension": (CHUNKED + b"4;", b"x" * 65536, "too slow"),
    "chunk size": (CHUNKED, b"0" * 65536, "too slow"),
    "trailers": (CHUNKED + b"4\r\ntext\r\n0\r\n", b"X: " + b"x" * 1000 + b"\r\n", "body broken off"),
    "trailer line": (CHUNKED + b"0\r\nX: ", b"x" * 65536, "not HTTP"),
    "answers before the answer": (b"", b"HTTP/1.1 103 x\r\nLink: </x>\r\n\r\n" * 1000, "timeout"),
    "status line": (b"HTTP/1.1 200 ", b"x" * 65536, "not HTTP"),
    "two lengths": (head(200, "Content-Length: 4\r\nContent-Length: 400\r\n"), b"x" * 65536, "not HTTP"),
    "negative length": (head(200, "Content-Length: -1\r\n"), b"x" * 65536, "not HTTP"),
    "body of an error": (head(404), b"x" * 65536, "status 404, 0 bytes"),
    "another protocol": (b"HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n", b"x" * 65536, "status 101, 0 bytes"),
}


@pytest.mark.parametrize("behaviour", FURTHER)
def test_framing_is_bounded_too(behaviour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never becomes a body counts as well: chunk heads, trailers, early answers, lengths that disagree."""
    start, more, outcome = FURTHER[behaviour]
    monkeypatch.setitem(server.ON_REQUEST, "endless", lambda to: endless(to, start, more))
    (ending,) = asyncio.run(endings(["endless"]))
    assert ending.outcome == outcome and ending.seconds < SOON and ending.megabytes < 200
