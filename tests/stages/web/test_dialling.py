"""Where the HTTP client connects: checked addresses only, whatever a name, a literal or the environment says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from stages.web.egress import parse_networks
from stages.web.fetch import Fetcher, FetchError, Manners, OneHost
from tests.stages.websites import Website, running

ONCE = Manners(user_agent="t", delay=0, timeout=2, attempts=1, max_bytes=1000)
LOOPBACK = parse_networks(("127.0.0.0/8",))
INTRANET = parse_networks(("127.0.0.2/32",))  # stands for an address that may be dialled; 127.0.0.1 may not


async def outcome(fetcher: Fetcher, url: str) -> str:
    """The body of an answer, or why there is none."""
    try:
        return (await fetcher.get(url)).body.decode()
    except FetchError as error:
        return str(error)


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


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "127.1", "127.0.1", "0", "0.0.0.0", "127.0.0.1."),
        *("0177.0.0.1", "0177.1", "017700000001", "0x7f.1", "0x7f000001", "0x7F.0x0.0x0.0x1", "2130706433"),
        *("\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "%31%32%37.0.0.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"),
        *(
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b:1::127.0.0.1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[0:0:0:0:0:ffff:7f00:0001]",
        ),
    ],
)
def test_loopback_is_not_dialled_however_it_is_written(host: str) -> None:
    """Octal, hex, one number, full-width, circled or escaped digits, IPv6 in all its disguises: no request arrives."""

    async def run() -> tuple[str, list[str]]:
        async with running(Website({"/": "secret"})) as site, Fetcher(ONCE) as fetcher:
            return await outcome(fetcher, f"http://{host}:{site.port}/"), site.asked

    message, asked = asyncio.run(run())
    assert message.startswith("refused address") and asked == []


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://168.63.129.16/", "http://192.0.0.192/", "http://[fd00:ec2::254]/"]
)
def test_metadata_is_not_dialled(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is even made: the promise does not hang on a timeout."""
    module = SimpleNamespace(socket=lambda *_: pytest.fail("a socket was made"))
    monkeypatch.setattr("stages.web.egress.socket", module)

    async def run() -> str:
        async with Fetcher(ONCE) as fetcher:
            return await outcome(fetcher, url)

    assert "a cloud's metadata" in asyncio.run(run())


class Answers(AbstractResolver):
    """DNS that gives the next list of addresses at each look-up, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def two_addresses() -> AsyncIterator[tuple[int, list[str]]]:
    """A server on one port of 127.0.0.1 and 127.0.0.2, and the addresses of it that were dialled."""
    dialled: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        dialled.append(writer.get_extra_info("sockname")[0])
        writer.write(b"HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
        writer.close()

    one = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = one.sockets[0].getsockname()[1]
    two = await asyncio.start_server(answer, "127.0.0.2", port)
    async with one, two:
        yield port, dialled


def looked_up(networks: Sequence[Any], *answers: Sequence[str]) -> tuple[list[str], list[str], int]:
    """Two requests for one name by two fetchers: outcomes, addresses dialled, look-ups."""

    async def run() -> tuple[list[str], list[str], int]:
        dns = Answers(*answers)
        async with two_addresses() as (port, dialled):
            outcomes = []
            for _ in range(2):
                async with Fetcher(ONCE, tuple(networks), dns) as fetcher:
                    outcomes.append(await outcome(fetcher, f"http://flips.test:{port}/"))
            return outcomes, dialled, dns.asked

    return asyncio.run(run())


def test_dns_that_flips_is_defeated() -> None:
    """What was checked is what is dialled, after one look-up; the next answer is checked again, not trusted."""
    outcomes, dialled, asked = looked_up(INTRANET, ["127.0.0.2"], ["127.0.0.1"])
    assert outcomes[0] == "x" and outcomes[1].startswith("refused address: flips.test has the address 127.0.0.1")
    assert dialled == ["127.0.0.2"] and asked == 2
    assert looked_up(LOOPBACK, ["127.0.0.2"], ["127.0.0.1"])[1] == ["127.0.0.2", "127.0.0.1"]  # it is the check


@pytest.mark.parametrize("others", [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
def test_one_refused_address_refuses_the_name(others: list[str]) -> None:
    """A name with a public and a private address is an attack, not a choice."""
    outcomes, dialled, _ = looked_up(INTRANET, ["127.0.0.2", *others])
    assert all(text.startswith("refused address") for text in outcomes) and dialled == []


def test_the_systems_resolver_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a resolver of its own a fetcher asks the system once, and dials what it checked."""
    answers = ["127.0.0.2", "127.0.0.1", "127.0.0.1"]
    real, asked = socket.getaddrinfo, []

    def flipping(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host != "flips.test":
            return real(host, port, *rest, **named)
        asked.append(host)
        return real(answers.pop(0), port, socket.AF_INET, socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", flipping)

    async def run() -> tuple[list[str], list[str]]:
        async with two_addresses() as (port, dialled):
            outcomes = []
            for _ in range(2):
                async with Fetcher(ONCE, INTRANET) as fetcher:
                    outcomes.append(await outcome(fetcher, f"http://flips.test:{port}/"))
            return outcomes, dialled

    outcomes, dialled = asyncio.run(run())
    assert outcomes[0] == "x" and outcomes[1].startswith("refused address") and dialled == ["127.0.0.2"]
    assert len(asked) == 2


def test_a_name_without_addresses_is_not_found() -> None:
    """An empty answer is an answer."""
    assert looked_up(LOOPBACK, [])[0] == ["host not found"] * 2


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A proxy would dial for us what we refuse, and netrc would send a password nobody bound."""

    async def run() -> tuple[str, list[str], dict[str, str]]:
        async with running(Website({})) as proxy, running(Website({"/": "direct"})) as site:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password canary-of-netrc\n")
            (tmp_path / "netrc").chmod(0o600)
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
            async with Fetcher(ONCE, LOOPBACK) as fetcher:
                body = await outcome(fetcher, f"http://127.0.0.1:{site.port}/")
            return body, proxy.asked, dict(site.headers[0])

    body, asked, headers = asyncio.run(run())
    assert body == "direct" and asked == [] and "Authorization" not in headers
