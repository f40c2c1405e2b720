"""Personal data -> typed tokens: e-mail addresses, public IP addresses and phone numbers.

Every pattern is linear: bounded quantifiers, and a start that no character before it could have begun. Edges are
looked at with digit classes, not with `\\b`, for which a Han character is part of a word. Full-width digits count as
digits. The value is never stored: the token says what stood there, the count how many.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

D = "[0-9０-９]"
EDGE_BEFORE = f"(?<!{D})(?<!{D}[.．])"
EDGE_AFTER = f"(?!{D})"
GAP = "[ \\-.－]?"

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}[@＠]"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
IPV4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![0-9A-Za-z:])")
# China: eleven digits from 13 to 19, in groups of 3-4-4, with or without +86.
CN_MOBILE = re.compile(
    f"{EDGE_BEFORE}(?:(?:[+＋]|00)?(?:86|８６){GAP})?[1１][3-9３-９]{D}{GAP}{D}{{4}}{GAP}{D}{{4}}{EDGE_AFTER}"
)
# E.164 with its plus sign: 8 to 15 digits, groups divided by one or two separators.
INTERNATIONAL = re.compile(f"(?<![0-9０-９+＋])[+＋][1-9１-９](?:[ .()－-]{{0,2}}{D}){{7,14}}{EDGE_AFTER}")
# North America: the groups 3-3-4 with separators; ten digits without any are more often an identifier.
US_PHONE = re.compile(
    r"(?<![0-9A-Za-z.\-/])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9])"
)

SEVEN_DIGITS = re.compile(f"{D}(?:[ .()+－-]{{0,2}}{D}){{6}}")  # every phone number holds it; most texts do not
PRIVATE = [ipaddress.ip_network(block) for block in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)]  # fmt: skip  # they name no one


def redact(text: str) -> tuple[str, int]:
    """(text with `<EMAIL>`, `<IP>` and `<PHONE>` in place of the values, number of values replaced)."""
    total = 0
    if "@" in text or "＠" in text:
        text, total = EMAIL.subn("<EMAIL>", text)
    if text.count(".") >= 3:
        text, found = _replaced(text, IPV4, _public_ipv4)
        total += found
    if text.count(":") >= 2:
        text, found = _replaced(text, IPV6, _ipv6)
        total += found
    if not SEVEN_DIGITS.search(text):
        return text, total
    for pattern in (CN_MOBILE, INTERNATIONAL, US_PHONE):
        text, found = pattern.subn("<PHONE>", text)
        total += found
    return text, total


def _replaced(text: str, pattern: re.Pattern[str], accept: Callable[[str], bool]) -> tuple[str, int]:
    found = 0

    def token(match: re.Match[str]) -> str:
        nonlocal found
        if not accept(match.group()):
            return match.group()
        found += 1
        return "<IP>"

    return pattern.sub(token, text), found


def _public_ipv4(value: str) -> bool:
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return not any(address in block for block in PRIVATE)


def _ipv6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return True
