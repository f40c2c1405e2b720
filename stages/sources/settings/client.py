"""How long and how much a client of the network puts up with, and which ports it dials; for `site` and `api`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Bounds of every request; None in `ports` = 80 and 443, and any in a network of `allow_networks`.

    `ports`           the only ones that are dialled
    `max_wire`        bytes of an answer as sent, before its coding is undone
    `header_timeout`  seconds until the last header has come
    `min_rate`, `grace`   bytes per second that a body must have on average once so many seconds have passed
    """

    ports: tuple[int, ...] | None = None
    max_wire: int = 20 * MEGABYTE
    header_timeout: float = 15.0
    min_rate: float = 1024.0
    grace: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "ports" and value <= 0:
                raise ValueError(f"`{field.name}` is {value}, must be > 0")
        wrong = [port for port in self.ports or () if not 0 < port < 65536]
        if wrong or self.ports == ():
            raise ValueError(f"`ports` is {list(self.ports or ())}, must be numbers from 1 to 65535")

    @property
    def bounds(self) -> dict[str, Any]:
        """All but the ports, as the manners of a fetcher call them."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "ports"}
