"""`gristmill serve RUN`: load a run, listen, answer until SIGTERM, and drain.

Draining: /readyz says no and new requests are refused (503, and the connection is closed after the answer) for `grace`
seconds, in which a balancer finds another server; what was accepted is answered; then the process ends with status 0.
A second signal ends it at once.
"""

from __future__ import annotations

import argparse
import logging
import math
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, get_type_hints

import uvicorn

from catalog.errors import ParameterError, exit_on_error
from catalog.web.listening import listening
from stages.serving.app import Service, application
from stages.serving.batching import Batching
from stages.serving.limits import Limits
from stages.serving.patience import patient
from stages.serving.runs import Run, run_named

WARM = ("a b", "a b " * 500)  # asked before anybody else does: one short, one as long as any
# what each of them has beside it
BESIDE = {"": "", "about": "b", "spans": '[{"start": 0, "stop": 1}, {"start": 2, "stop": 3}]'}
GROUPS: dict[str, Any] = {"max": Limits, "batch": Batching}  # prefix of the options of each
LAST_ANSWERS = 30  # seconds after the grace, for answers that are still to be sent
log = logging.getLogger("gristmill.serve")


class DrainingServer(uvicorn.Server):
    """uvicorn's server of a service, which goes on for `grace` seconds after SIGTERM, refusing."""

    def __init__(self, service: Service, grace: float, greeting: str) -> None:
        limits = service.limits
        config = uvicorn.Config(
            application(service), log_config=None, log_level="warning", access_log=False, server_header=False,
            ws="none", lifespan="off", limit_concurrency=limits.connections,
            timeout_keep_alive=math.ceil(limits.seconds), timeout_graceful_shutdown=LAST_ANSWERS,
        )  # fmt: skip
        config.load()
        config.http_protocol_class = patient(config.http_protocol_class, limits.seconds)
        super().__init__(config)
        self._batcher, self._grace, self._greeting, self._ends = service.batcher, grace, greeting, 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's; only what runs from here on drains, so the address is said no earlier."""
        await super().startup(sockets)
        print(self._greeting, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain (after ^C there is nobody to wait for); the second time, end at once."""
        if self._ends:
            self.force_exit = True
            return super().handle_exit(sig, frame)
        self._batcher.drain()
        self._ends = time.monotonic() + (self._grace if sig == signal.SIGTERM else 0.0)
        log.info("draining: %s requests accepted, %s answered", self._batcher.accepted, self._batcher.answered)

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's, ten times a second."""
        if self._ends and time.monotonic() >= self._ends:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(run: Run, options: argparse.Namespace, limits: Limits, batching: Batching) -> None:
    """Load, listen, answer, drain."""
    from stages.model.networks.answering import opened

    with run.folder() as folder:
        predictor = opened(folder, options.device, options.threads)
    predictor.answers([(text, BESIDE[predictor.second]) for text in WARM])
    service = Service(predictor, run.about(), limits, batching)
    with listening(options.host, options.port) as (listener, address):
        greeting = f"{run.name} is at {address} (SIGTERM drains it)"
        DrainingServer(service, options.grace, greeting).run([listener])
    service.batcher.close()
    log.info("ended: %s requests accepted, %s answered", service.batcher.accepted, service.batcher.answered)


def parsed(arguments: list[str]) -> tuple[argparse.Namespace, Limits, Batching]:
    """The options, as `gristmill serve` gives them. Errors: ParameterError for numbers that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m stages.serving.server", description="see `gristmill serve --help`")
    parser.add_argument("run")
    for name, kind in (("rev", str), ("host", str), ("port", int), ("device", str), ("threads", int), ("grace", float)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    for prefix, group in GROUPS.items():
        for name, kind in get_type_hints(group).items():
            parser.add_argument(f"--{prefix}-{name}", type=kind, required=True)
    options = parser.parse_args(arguments)
    try:
        limits, batching = (
            group(**{name: getattr(options, f"{prefix}_{name}") for name in get_type_hints(group)})
            for prefix, group in GROUPS.items()
        )
    except ValueError as error:
        raise ParameterError(str(error)) from None
    return options, limits, batching


def main() -> None:
    """Serve; see the module."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    options, limits, batching = parsed(sys.argv[1:])
    serve(run_named(options.run, options.rev), options, limits, batching)


if __name__ == "__main__":
    exit_on_error(main)
