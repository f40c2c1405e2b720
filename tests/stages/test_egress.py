"""Addresses: private ones are refused however they are written."""

from __future__ import annotations

import pytest

from stages.web.egress import is_refused, parse_networks

REFUSED = [
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1"),
    *("169.254.169.254", "192.0.0.192", "168.63.129.16", "224.0.0.1", "239.255.255.250", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "fec0::1", "2001:db8::1", "3fff::1", "5f00::1"),
    *("::ffff:127.0.0.1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
    *("::7f00:1", "100::1"),
]
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "2606:4700::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", REFUSED)
def test_private_addresses_are_refused(address: str) -> None:
    """Loopback, private, link-local, metadata, multicast, and every way to write a v4 address in v6."""
    assert is_refused(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """The table refuses no more than it must."""
    assert not is_refused(address)


def test_networks_can_be_allowed() -> None:
    """An intranet is opened by name, and only that; also for its v6-mapped form."""
    allowed = parse_networks(("10.1.0.0/16",))
    assert not is_refused("10.1.2.3", allowed) and not is_refused("::ffff:10.1.2.3", allowed)
    assert is_refused("10.2.0.1", allowed) and is_refused("127.0.0.1", allowed)
