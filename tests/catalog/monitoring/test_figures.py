"""Figures of a build, as a real scrape of a real server sees them."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalog.monitoring.figures import Figures
from catalog.monitoring.scrape import server


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the figures of `tmp_path` are served."""
    with server(tmp_path, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/metrics"
        listening.shutdown()
        thread.join()


def scrape(address: str) -> dict[tuple[str, ...], float]:
    """(figure, stage, other labels) -> value; each figure is described once."""
    with urllib.request.urlopen(address) as answer:
        page = answer.read().decode()
    families = list(text_string_to_metric_families(page))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation for family in families)
    return {
        (one.name, *(value for key, value in sorted(one.labels.items(), reverse=True))): one.value
        for family in families
        for one in family.samples
    }


def test_a_running_stage_is_seen(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its start, with what it has done, beside the stages that have ended."""
    monkeypatch.setattr("catalog.monitoring.figures.EVERY", -1.0)
    monkeypatch.setenv("GRISTMILL_RUN", "nightly-7")
    assert scrape(address) == {}
    ended, running = Figures("crawl", tmp_path), Figures("clean", tmp_path)
    ended.start()
    ended.end(failed=True)
    running.start()
    running.progress("extract", 3, 8)
    seen = scrape(address)
    assert seen["gristmill_stage_running", "clean"] == 1 and seen["gristmill_stage_running", "crawl"] == 0
    assert seen["gristmill_stage_failed", "crawl"] == 1 and ("gristmill_stage_failed", "clean") not in seen
    assert seen["gristmill_stage_segments_done", "clean", "extract"] == 3
    assert seen["gristmill_stage_segments_wanted", "clean", "extract"] == 8
    assert seen["gristmill_stage_info", "clean", "nightly-7"] == 1


def test_nothing_is_written_where_nobody_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, no file."""
    monkeypatch.chdir(tmp_path)
    quiet = Figures("crawl", None)
    quiet.start()
    quiet.end(failed=False)
    assert list(tmp_path.iterdir()) == []
