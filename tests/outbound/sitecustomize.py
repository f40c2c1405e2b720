"""Notes every connection that leaves this machine, and every name that is looked up elsewhere, of a Python process.

tests/conftest.py sets it up in pytest, with a copy outside the project; every Python that a test starts imports that
copy by its name, since its folder stands in PYTHONPATH, also where a test gives its process another environment. Writes
a line per call into the file that GRISTMILL_OUTBOUND names. Programs that are no Python (git, a browser) are
not seen.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

NAMED, HOME_OF = "GRISTMILL_OUTBOUND", "GRISTMILL_OUTBOUND_CODE"  # where calls are noted; the folder of the copy
OWN = "GRISTMILL_OWN_ADDRESSES"  # of this machine's network cards, parted by commas
CALLS = {  # audit event -> which of its arguments says whereto
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1,
    "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0,
}  # fmt: skip
HOME = ("", "localhost", "::", "0.0.0.0", os.uname().nodename)  # two addresses that mean this machine, to a client
RESERVED = (".invalid", ".localhost", ".test")  # RFC 6761: nobody's


def leaves(call: str, whereto: Any) -> bool:
    """Does a call concern another machine? Paths of Unix sockets and addresses without a name server do not."""
    host = whereto[0] if isinstance(whereto, tuple) and whereto else whereto
    host = host.decode("latin-1") if isinstance(host, bytes) else host
    if not isinstance(host, str) or host.startswith(("/", "\0")) or host in HOME:
        return False
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return not host.endswith(RESERVED)
    here = address.is_loopback or str(address) in os.environ.get(OWN, "").split(",")
    return call in ("socket.connect", "socket.sendto", "socket.sendmsg") and not here


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook."""
    if event in CALLS and leaves(event, arguments[CALLS[event]]):
        line = f"{os.environ.get('PYTEST_CURRENT_TEST', 'no test')}: {event} {arguments[CALLS[event]]!r}\n"
        with open(os.environ[NAMED], "a", encoding="utf-8") as stream:
            stream.write(line)
    elif event == "subprocess.Popen" and isinstance(arguments[3], dict):
        arguments[3].update(handed_on(arguments[3]))


def handed_on(environment: dict[str, str]) -> dict[str, str]:
    """What a process needs in its environment for this file to be read there."""
    paths, here = environment.get("PYTHONPATH", "").split(os.pathsep), os.environ[HOME_OF]
    more = paths if here in paths else [*filter(None, paths), here]
    told = {name: os.environ[name] for name in (NAMED, HOME_OF, OWN)}
    return told | {"PYTHONPATH": os.pathsep.join(more)}


if NAMED in os.environ:
    sys.addaudithook(watch)
