"""A real server over a small project, and a real browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stages.annotation_tables import corpus, guideline
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


@contextmanager
def explorer(*options: str) -> Iterator[str]:
    """The link that `gristmill ui` prints."""
    command = [sys.executable, "-m", "catalog", "ui", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split(" at ")[1].split()[0]
        finally:
            process.terminate()


@pytest.fixture
def server(project: Path) -> Iterator[str]:
    """The address of the explorer, without the slash at its end."""
    with explorer() as link:
        yield link.rstrip("/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no Chromium here: `apt-get install chromium chromium-driver`")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,900"):
        options.add_argument(argument)
    with Chrome(options, Service(driver)) as found:
        found.implicitly_wait(10)
        yield found
