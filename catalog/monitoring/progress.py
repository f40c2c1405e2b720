"""Progress of a stage: a bar on a terminal (segments, documents/s, time left), plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

from catalog.events import as_json, say
from catalog.monitoring.figures import Figures

LINE_EVERY = 10.0  # seconds between plain lines


class Progress:
    """Counts the segments and documents of one operator while they are built."""

    def __init__(self, stage: str, operator: str, segments: int, figures: Figures) -> None:
        self._operator, self._figures = operator, figures
        self._title = f"{stage}.{operator}"
        self._segments = segments
        self._done = self._seen = 0
        self._start = self._said = time.monotonic()
        self._bar = tqdm(
            total=segments, desc=self._title, unit="seg", disable=not sys.stderr.isatty() or as_json(), leave=True,
            bar_format="{desc:<20} {bar} {n_fmt}/{total_fmt} segments{postfix} [{elapsed}<{remaining}]",
        )  # fmt: skip

    def __enter__(self) -> Progress:
        return self

    def add(self, rows: int) -> None:
        """One more segment is built, of `rows` documents."""
        self._done += 1
        self._seen += rows
        self._bar.set_postfix_str(f"{self._rate():,.0f} documents/s", refresh=False)
        self._bar.update(1)
        self._figures.progress(self._operator, self._done, self._segments)
        now = time.monotonic()
        if self._bar.disable and (now - self._said > LINE_EVERY or self._done == self._segments):
            self._said = now
            self._say(now)

    def _rate(self) -> float:
        return self._seen / max(time.monotonic() - self._start, 1e-9)

    def _say(self, now: float) -> None:
        left = (now - self._start) / self._done * (self._segments - self._done)
        say(
            f"{self._title}: {self._done}/{self._segments} segments, {self._rate():,.0f} documents/s, "
            f"{left:.0f} s left",
            event="progress", operator=self._operator, done=self._done, segments=self._segments,
        )  # fmt: skip

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
