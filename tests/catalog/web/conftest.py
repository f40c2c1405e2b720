"""A real server over a small project, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.support.browsing import chromium, has_chromium, served
from tests.stages.labels.annotation_tables import corpus, guideline
from tests.stages.test_label import label

TEXTS = {
    "a": "Anna met Bob in Paris. 👩‍👩‍👧 Anna left.",
    "b": "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">",
    "c": "小王在北京遇见了小李",
}
CLASSES: dict[str, Any] = {
    "name": "mood", "kind": "classification", "labels": ["negative", "positive"],
    "guideline": "data/guidelines/mood.md",
}  # fmt: skip
NAMES: dict[str, Any] = CLASSES | {"name": "names", "kind": "spans", "labels": ["PER", "LOC"]}
TIES: dict[str, Any] = NAMES | {"name": "ties", "kind": "relations", "relations": ["met_in"]}


@pytest.fixture
def project(project: Path) -> Path:
    """A project with three tasks for people and three documents."""
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"label": {"cmd": "true", "deps": ["data/clean"]}}}))
    (project / ".dvc").mkdir()
    (project / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    corpus(TEXTS)
    guideline("Is the *author* pleased? <b>Say so.</b>\n")
    label(CLASSES, NAMES, TIES)
    return project


@pytest.fixture
def server(project: Path) -> Iterator[str]:
    """The address of the explorer, without the slash at its end."""
    with served() as link:
        yield link.rstrip("/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    if not has_chromium():
        pytest.skip("no Chromium here: `apt-get install chromium chromium-driver`")
    with chromium() as found:
        yield found
