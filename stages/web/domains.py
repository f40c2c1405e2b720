"""The registrable domain of a URL: what one owner registers, one label below a public suffix.

Source  the Public Suffix List inside the library `tld`, which is not updated over the network.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tld import get_fld


def registrable_domain(url: str) -> str:
    """`example.co.uk` for `https://docs.example.co.uk/a`; the host itself for an address or a name without suffix."""
    return str(get_fld(url, fail_silently=True) or urlsplit(url).hostname or "")
