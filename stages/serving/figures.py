"""The figures of one server, for Prometheus: requests by route and status, batches, the queue, the process."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

disable_created_metrics()  # the process has a start time already
SECONDS = (0.001, 0.002, 0.004, 0.008, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Figures:
    """Counters of one server; a registry of its own, so that several can stand in one process."""

    def __init__(self, about: Mapping[str, str]) -> None:
        self._all = CollectorRegistry()
        ProcessCollector(registry=self._all)
        Info("gristmill_run", "The run that is served.", registry=self._all).info(dict(about))
        self.requests = Counter("gristmill_requests", "Requests answered.", ["route", "status"], registry=self._all)
        self.seconds = Histogram(
            "gristmill_request_seconds", "From the head of a request to its answer.", ["route"], buckets=SECONDS,
            registry=self._all,
        )  # fmt: skip
        self.batch_texts = Histogram(
            "gristmill_batch_texts", "Texts computed together.", buckets=TEXTS, registry=self._all
        )
        self.batch_seconds = Histogram(
            "gristmill_batch_seconds", "Time of the model for one batch.", buckets=SECONDS, registry=self._all
        )
        self.failures = Counter("gristmill_failures", "Requests that the model failed at.", registry=self._all)
        self.waiting = Gauge("gristmill_waiting_texts", "Texts that wait for the model.", registry=self._all)
        self.open = Gauge("gristmill_open", "1 while requests are taken, 0 while it drains.", registry=self._all)

    def page(self) -> tuple[bytes, str]:
        """(what /metrics answers, its media type)."""
        return generate_latest(self._all), CONTENT_TYPE_LATEST
