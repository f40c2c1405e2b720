"""Which addresses a crawl may connect to: only public ones, checked on the socket address that is dialled.

The check sits where every connection passes (aiohttp's `socket_factory`), after name resolution, so that neither a
literal, a redirect nor a DNS answer that changes between check and use goes around it. The table is our own
because `ipaddress.is_global` calls multicast, NAT64, SIIT and some metadata addresses global (Python 3.11).
Source: IANA special-purpose address registries for IPv4 and IPv6.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REFUSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure wireserver: metadata on a public address
    )
)  # fmt: skip
PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # the only global unicast range assigned
REFUSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


class RefusedAddress(OSError):
    """An address that is not public, or a connection to it."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks such as `10.1.0.0/16`. Errors: ValueError naming the text that is none."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"`allow_networks`: {error}") from None


def is_refused(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Must no connection be made to an address? A v4 address mapped into v6 is judged as v4."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in allowed):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in REFUSED_V4)
    return address not in PUBLIC_V6 or any(address in network for network in REFUSED_V6)


def checked_socket(allowed: Sequence[Network]) -> Callable[[Any], socket.socket]:
    """A socket factory for aiohttp that raises RefusedAddress instead of making a socket to a refused address."""

    def make(address_info: Any) -> socket.socket:
        family, kind, protocol, _, address = address_info
        if is_refused(address[0], allowed):
            raise RefusedAddress(f"{address[0]} is not a public address; list it in `allow_networks` if it is yours")
        return socket.socket(family, kind, protocol)

    return make
