"""Connections that keep a server waiting are ended: for the head of a request there is a time and a size.

uvicorn bounds neither between two requests; a body has its own time (stages/serving/asked.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

HEAD = 1 << 16  # bytes of a request before its body


def patient(protocol: type[Any], seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, whose connections end when the head of a request takes more than so many seconds."""

    class Patient(protocol):
        _head = 0
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._between()

        def data_received(self, data: bytes) -> None:
            self._head += len(data)
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                self._between()
            else:
                self._stop()

        def connection_lost(self, error: Exception | None) -> None:
            self._stop()
            super().connection_lost(error)

        def _between(self) -> None:
            if self._head > HEAD:
                self.transport.abort()
            elif self._timer is None and not self.transport.is_closing():
                self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self) -> None:
            self._head = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Patient
