"""Which addresses a crawl may connect to: only public ones, on web ports, checked on the address that is dialled.

The check sits where every connection passes (aiohttp's `socket_factory`), after name resolution, so that neither a
literal, a redirect nor a DNS answer that changes between check and use goes around it. The table is our own
because `ipaddress.is_global` calls multicast, NAT64, SIIT and some metadata addresses global (Python 3.11). An
IPv4 address embedded in an IPv6 one is judged as well: a gateway would connect to it.
Source: IANA special-purpose address registries for IPv4 and IPv6, and the multicast registries.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

WEB_PORTS = frozenset((80, 443))
SPECIAL: dict[str, str] = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by a carrier's customers",
    "100.100.100.200/32": "a cloud's metadata (Alibaba)",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a cloud's metadata (Azure)",
    "169.254.0.0/16": "link-local",
    "169.254.169.254/32": "a cloud's metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "IETF protocol assignments",
    "192.0.0.192/32": "a cloud's metadata (Oracle)",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "255.255.255.255/32": "broadcast",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::/96": "IPv4-compatible",
    "::ffff:0:0:0/96": "SIIT",
    "64:ff9b:1::/48": "NAT64 of a local network",
    "100::/64": "discard-only",
    "100:0:0:1::/64": "dummy prefix",
    "2001::/23": "IETF protocol assignments",
    "2001::/32": "Teredo",
    "2001:2::/48": "benchmarking",
    "2001:3::/32": "AMT",
    "2001:4:112::/48": "AS112",
    "2001:10::/28": "ORCHID",
    "2001:20::/28": "ORCHIDv2",
    "2001:30::/28": "drone identifiers",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fd00:ec2::254/128": "a cloud's metadata (AWS)",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
"""Network -> why no crawl connects there."""
UNICAST_V6 = ipaddress.IPv6Network("2000::/3")  # the only global unicast range assigned
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # public by itself; the address it embeds decides
NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
IN_LAST_32_BITS = (NAT64, *map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96")))
LOW_32_BITS = (1 << 32) - 1


class RefusedAddress(OSError):
    """An address that is not public, or a connection to it."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks such as `10.1.0.0/16`. Errors: ValueError naming the text that is none."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"`allow_networks`: {error}") from None


def compiled(special: dict[str, str]) -> tuple[tuple[Network, str], ...]:
    """The table, narrowest network first: the most telling reason is given."""
    rows = [(ipaddress.ip_network(text), meaning) for text, meaning in special.items()]
    return tuple(sorted(rows, key=lambda row: row[0].prefixlen, reverse=True))


_TABLE = compiled(SPECIAL)


def refusal(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why no connection may be made to an address, in words; None = it may. A network `allowed` is never refused."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # the same connection, written differently
    for face in (address, *embedded(address)):
        meaning = None if any(face in network for network in allowed) else _meaning(face)
        if meaning:
            return f"{text} is not a public address ({meaning})"
    return None


def is_refused(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Must no connection be made to an address?"""
    return refusal(text, allowed) is not None


def _meaning(address: Address) -> str | None:
    found = next((meaning for network, meaning in _TABLE if address in network), None)
    if found or isinstance(address, ipaddress.IPv4Address) or address in UNICAST_V6 or address in NAT64:
        return found
    return "not assigned"


def embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that a translator or a tunnel would read in an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address) or int(address) < 2:  # `::` and `::1` embed nothing
        return
    bits = int(address)
    if any(address in network for network in IN_LAST_32_BITS):
        yield ipaddress.IPv4Address(bits & LOW_32_BITS)
    if address in NAT64_LOCAL:  # RFC 6052, 2.2: /96 in the last bits; /48 around the zero octet, with a zero suffix
        around = (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF
        yield ipaddress.IPv4Address(bits & LOW_32_BITS or around)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo


def port_refusal(text: str, port: int, allowed: Sequence[Network] = (), ports: Collection[int] | None = None) -> str:
    """Why a port may not be dialled; empty = it may.

    `ports` are the ones that may; by default 80 and 443, and every port in a network that is `allowed`.
    """
    if ports is None and any(ipaddress.ip_address(text.partition("%")[0]) in network for network in allowed):
        return ""
    return "" if port in (WEB_PORTS if ports is None else ports) else f"port {port} is not a port of this crawl"


def check_dialled(text: str, port: int, allowed: Sequence[Network] = (), ports: Collection[int] | None = None) -> None:
    """Errors: RefusedAddress for an address and port that must not be connected to."""
    if reason := refusal(text, allowed):
        raise RefusedAddress(f"{reason}; list it in `allow_networks` if it is yours")
    if reason := port_refusal(text, port, allowed, ports):
        raise RefusedAddress(reason)


def checked_socket(allowed: Sequence[Network], ports: Collection[int] | None = None) -> Callable[[Any], socket.socket]:
    """A socket factory for aiohttp that raises RefusedAddress instead of making a socket to a refused address."""

    def make(address_info: Any) -> socket.socket:
        family, kind, protocol, _, address = address_info
        check_dialled(address[0], address[1], allowed, ports)
        return socket.socket(family, kind, protocol)

    return make
