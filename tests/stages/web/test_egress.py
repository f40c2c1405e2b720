"""Addresses: those that are not public are refused however they are written, each by a row of the table."""

from __future__ import annotations

import pytest

from stages.web import egress
from stages.web.egress import (
    SPECIAL,
    RefusedAddress,
    check_dialled,
    checked_socket,
    compiled,
    is_refused,
    parse_networks,
    refusal,
)

PROBES = {
    "0.0.0.0": "0.0.0.0/8",
    "0.1.2.3": "0.0.0.0/8",
    "10.1.2.3": "10.0.0.0/8",
    "100.64.0.1": "100.64.0.0/10",
    "100.127.255.255": "100.64.0.0/10",
    "127.0.0.1": "127.0.0.0/8",
    "127.255.255.254": "127.0.0.0/8",
    "168.63.129.16": "168.63.129.16/32",
    "169.254.1.1": "169.254.0.0/16",
    "172.16.0.1": "172.16.0.0/12",
    "172.31.255.255": "172.16.0.0/12",
    "192.0.0.8": "192.0.0.0/24",
    "192.0.2.1": "192.0.2.0/24",
    "192.31.196.1": "192.31.196.0/24",
    "192.52.193.1": "192.52.193.0/24",
    "192.88.99.1": "192.88.99.0/24",
    "192.168.1.1": "192.168.0.0/16",
    "192.175.48.1": "192.175.48.0/24",
    "198.18.0.1": "198.18.0.0/15",
    "198.19.255.255": "198.18.0.0/15",
    "198.51.100.1": "198.51.100.0/24",
    "203.0.113.1": "203.0.113.0/24",
    "224.0.0.1": "224.0.0.0/4",
    "239.255.255.250": "224.0.0.0/4",
    "240.0.0.1": "240.0.0.0/4",
    "2001:1ff::1": "2001::/23",
    "2001:db8::1": "2001:db8::/32",
    "2620:4f:8000::1": "2620:4f:8000::/48",
    "3fff::1": "3fff::/20",
    "::ffff:10.0.0.1": "10.0.0.0/8",
    "::ffff:127.0.0.1": "127.0.0.0/8",
    "::ffff:168.63.129.16": "168.63.129.16/32",
    "64:ff9b::7f00:1": "127.0.0.0/8",
    "64:ff9b::a83f:8110": "168.63.129.16/32",
    "64:ff9b::c0a8:101": "192.168.0.0/16",
}
"""Address -> the one row that refuses it: without that row it would be dialled."""
NAMED = {
    "169.254.169.254": "a cloud's metadata",
    "192.0.0.192": "a cloud's metadata (Oracle)",
    "100.100.100.200": "a cloud's metadata (Alibaba)",
    "fd00:ec2::254": "a cloud's metadata (AWS)",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "IPv4-compatible",
    "::ffff:0:7f00:1": "SIIT",
    "::ffff:0:808:808": "SIIT",
    "64:ff9b:1::1": "NAT64 of a local network",
    "100::1": "discard-only",
    "100:0:0:1::1": "dummy prefix",
    "2001::1": "Teredo",
    "2001:2::1": "benchmarking",
    "2001:3::1": "AMT",
    "2001:4:112::1": "AS112",
    "2001:10::1": "ORCHID",
    "2001:20::1": "ORCHIDv2",
    "2001:30::1": "drone identifiers",
    "2002:7f00:1::": "6to4",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "4000::1": "not assigned",
    "::ffff:1:0:0": "not assigned",
}
"""Address -> the reason given; wider rows would refuse it as well."""
PUBLIC = [
    *("93.184.216.34", "8.8.8.8", "1.0.0.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "223.255.255.1"),
    *("2606:4700::1", "2001:4860:4860::8888", "2001:200::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2400::1"),
]


@pytest.mark.parametrize(("address", "row"), PROBES.items())
def test_an_address_is_refused_by_its_row(address: str, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with the row, dialled without it: no row is idle, and no other happens to cover for it."""
    assert is_refused(address)
    rest = {network: meaning for network, meaning in SPECIAL.items() if network != row}
    monkeypatch.setattr(egress, "_TABLE", compiled(rest))
    assert not is_refused(address)


@pytest.mark.parametrize(("address", "meaning"), NAMED.items())
def test_the_reason_names_the_narrowest_network(address: str, meaning: str) -> None:
    """The reader learns that it was a cloud's metadata, not just something link-local."""
    assert refusal(address) == f"{address} is not a public address ({meaning})"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """The table refuses no more than it must."""
    assert not is_refused(address)


def test_every_row_has_a_probe() -> None:
    """A row that is added is tested."""
    probed = {SPECIAL[row] for row in PROBES.values()} | set(NAMED.values())
    assert set(SPECIAL.values()) <= probed and set(PROBES.values()) <= set(SPECIAL)


@pytest.mark.parametrize(
    ("allowed", "address", "refused"),
    [
        ("10.1.0.0/16", "10.1.2.3", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", False),
        ("10.1.0.0/16", "10.2.0.1", True),
        ("10.1.0.0/16", "127.0.0.1", True),
        ("::1/128", "::1", False),
        ("::1/128", "127.0.0.1", True),
        ("64:ff9b:1::/48", "64:ff9b:1::808:808", False),
        ("64:ff9b:1::/48", "64:ff9b:1::a9fe:a9fe", True),
        ("64:ff9b:1::/48", "64:ff9b:1:7f00:0:100::", True),
        ("2002::/16", "2002:0808:0808::", False),
        ("2002::/16", "2002:7f00:1::", True),
        ("2001::/32", "2001:0:808:808::f7f7:f7f7", False),
        ("2001::/32", "2001:0:808:808::80ff:fffe", True),
        ("2001::/32", "2001:0:7f00:1::f7f7:f7f7", True),
        ("::/96", "::10.0.0.1", True),
        ("::ffff:0:0:0/96", "::ffff:0:808:808", False),
        ("::ffff:0:0:0/96", "::ffff:0:a00:1", True),
    ],
)
def test_an_allowed_network_opens_itself_and_nothing_inside_it(allowed: str, address: str, refused: bool) -> None:
    """An intranet is opened by name; a translator's prefix opens no private IPv4 address written in it."""
    assert is_refused(address, parse_networks((allowed,))) is refused


@pytest.mark.parametrize(
    ("address", "port", "networks", "ports", "problem"),
    [
        ("93.184.216.34", 443, (), None, ""),
        ("93.184.216.34", 80, (), None, ""),
        ("93.184.216.34", 22, (), None, "port 22"),
        ("93.184.216.34", 6379, ("127.0.0.0/8",), None, "port 6379"),
        ("93.184.216.34", 8443, (), {8443}, ""),
        ("93.184.216.34", 443, (), {8443}, "port 443"),
        ("127.0.0.1", 8080, ("127.0.0.0/8",), None, ""),
        ("127.0.0.1", 8080, ("127.0.0.0/8",), {9090}, "port 8080"),
        ("127.0.0.1", 80, (), {80}, "loopback"),
    ],
)
def test_ports(address: str, port: int, networks: tuple[str, ...], ports: set[int] | None, problem: str) -> None:
    """80 and 443, all of an allowed network, or exactly those that are named; before any socket is made."""
    make = checked_socket(parse_networks(networks), ports)
    if not problem:
        check_dialled(address, port, parse_networks(networks), ports)
        make((2, 1, 6, "", (address, port))).close()
        return
    with pytest.raises(RefusedAddress, match=problem):
        make((2, 1, 6, "", (address, port)))


def test_a_network_that_is_none_is_named() -> None:
    """The message says which text and which setting."""
    with pytest.raises(ValueError, match=r"`allow_networks`: 10\.0\.0\.1/8"):
        parse_networks(("10.0.0.1/8",))
