"""The figures of a running build for Prometheus: a file per stage, for the textfile collector or `gristmill metrics`.

Writes  GRISTMILL_METRICS/gristmill_<stage>.prom when a stage starts, at most every five seconds while it computes, and
        when it ends; beside, then renamed. Without the variable nothing is measured, written or imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.events import run_id

EVERY = 5.0  # seconds between two files of a stage that computes


class Figures:
    """The file of one stage. `folder` is where it goes; None: nowhere."""

    def __init__(self, stage: str, folder: Path | None) -> None:
        self._stage, self._folder = stage, folder
        self._values: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}
        self._written = 0.0
        self._start = time.time()

    def start(self) -> None:
        """The stage runs."""
        self.set("info", "The run of a stage.", 1, run=run_id())
        self.set("start_time_seconds", "When the stage started, since 1970.", self._start)
        self.set("running", "1 while the stage runs.", 1)
        self._write()

    def progress(self, operator: str, done: int, wanted: int) -> None:
        """So many segments of an operator are computed."""
        self.set("segments_wanted", "Segments that an operator computes in this run.", wanted, operator=operator)
        self.set("segments_done", "Segments that an operator has computed.", done, operator=operator)
        if time.time() - self._written > EVERY:
            self._write()

    def end(self, *, failed: bool) -> None:
        """The stage has ended."""
        self.set("running", "1 while the stage runs.", 0)
        self.set("failed", "1 if the last run of the stage failed.", failed)
        self.set("seconds", "What the last run of the stage took.", time.time() - self._start)
        self._write()

    def set(self, name: str, meaning: str, value: float, **labels: str) -> None:
        """Give a gauge `gristmill_stage_<name>` its value."""
        self._values[f"gristmill_stage_{name}", meaning, tuple(labels.items())] = float(value)

    def collect(self) -> Iterator[Any]:
        """As prometheus_client asks a collector."""
        from prometheus_client.core import GaugeMetricFamily

        families: dict[str, Any] = {}
        for (name, meaning, labels), value in self._values.items():
            keys = ["stage", *(key for key, _ in labels)]
            family = families.setdefault(name, GaugeMetricFamily(name, meaning, labels=keys))
            family.add_metric([self._stage, *(given for _, given in labels)], value)
        yield from families.values()

    def _write(self) -> None:
        if self._folder is None:
            return
        from prometheus_client import CollectorRegistry, write_to_textfile

        self._written = time.time()
        self._folder.mkdir(parents=True, exist_ok=True)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        write_to_textfile(str(self._folder / f"gristmill_{self._stage}.prom"), registry)


def metrics_folder() -> Path | None:
    """Where files are wanted, if they are."""
    given = os.environ.get("GRISTMILL_METRICS")
    return Path(given) if given else None
