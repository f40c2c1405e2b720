"""GET /metrics: the files that catalog/monitoring/figures.py writes, as one page for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.parser import text_string_to_metric_families


class Collected:
    """The files of a folder as one page: each figure once, with the samples of all stages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Any]:
        """As prometheus_client asks a collector."""
        families: dict[str, Any] = {}
        for path in sorted(self._folder.glob("gristmill_*.prom")):
            for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
                known = families.setdefault(family.name, family)
                if known is not family:
                    known.samples += family.samples
        return families.values()


def server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server that answers GET /metrics with what lies in `folder`; run it with `serve_forever`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected(folder))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/metrics"
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.end_headers()
            self.wfile.write(generate_latest(registry) if known else b"see /metrics\n")

        def log_message(self, *_: Any) -> None:
            """A scrape is no news."""

    return ThreadingHTTPServer((host, port), Handler)
