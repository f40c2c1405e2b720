"""From a host name to a checked connection: the resolvers, and the one connector that all requests pass.

Every address that a name has is checked (one that is refused refuses the name), and those very addresses are dialled,
through a socket factory that checks again: literals never meet a resolver. A second look-up cannot slip in between.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from stages.web.egress import Network, RefusedAddress, check_dialled, checked_socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a fetcher may connect: public addresses and the networks `allowed`, on `ports` (see egress.py)."""

    allowed: tuple[Network, ...] = ()
    ports: Collection[int] | None = None


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


class CheckedResolver(AbstractResolver):
    """What `inner` answers, where every address of the answer may be dialled."""

    def __init__(self, inner: AbstractResolver, reach: Reach) -> None:
        self._inner, self._reach = inner, reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a host. Errors: RefusedAddress where one of them is refused; OSError of the look-up."""
        found = await self._inner.resolve(host, port, family)
        if not found:
            raise OSError(f"{host} has no address")
        for one in found:
            try:
                check_dialled(one["host"], one["port"], self._reach.allowed, self._reach.ports)
            except RefusedAddress as error:
                raise RefusedAddress(f"{host} has the address {error}") from None
        return found

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


def connector(
    reach: Reach, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
) -> aiohttp.TCPConnector:
    """One connection at a time, to checked addresses, with certificates verified; made inside an event loop."""
    checked = CheckedResolver(resolver or aiohttp.ThreadedResolver(), reach)
    return aiohttp.TCPConnector(
        limit=1, socket_factory=checked_socket(reach.allowed, reach.ports), resolver=checked, ssl=tls or True
    )
