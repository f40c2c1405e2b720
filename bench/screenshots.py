"""Screenshots of the explorer over the default corpus, for the README: docs/images/*.png.

    make repro && python -m bench screenshots

Serves the project in the current directory and looks at it with headless Chromium; pngquant, where it is there, makes
the files a third of their size. Not a measurement: nothing else here writes into the repository.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.support.browsing import chromium, dress, served
from catalog.web.tour import tour

IMAGES = Path("docs/images")
PAUSE = 2  # seconds


class Shot(NamedTuple):
    """One picture: a page of the tour, its size in pixels, and who looks."""

    page: str
    width: int = 1280
    height: int = 860
    dark: bool = False
    language: str = "en"
    at: str = ""
    """What is scrolled to before, as a selector of CSS."""


SHOTS = {  # parts without a text of the corpus, which is its author's
    "overview.png": Shot("overview"),
    "documents.png": Shot("sorted"),
    "document.png": Shot("document", dark=True, at=".figures"),
    "threshold.png": Shot("threshold", height=410),
    "labels.png": Shot("task", language="zh"),
    "phone.png": Shot("runs", width=400, height=760, dark=True),
}


def run(quick: bool) -> dict[str, Any]:
    """Bytes of each file; `quick` makes the first alone."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chosen = dict(list(SHOTS.items())[: 1 if quick else None])
    pages = tour()
    with served() as link, chromium() as browser:
        for name, shot in chosen.items():
            dress(browser, shot.width, shot.height, dark=shot.dark, language=shot.language)
            for _ in range(2):  # what a page computes beside is there when it is looked at again
                browser.get(link.rstrip("/") + pages[shot.page])
                time.sleep(PAUSE)
            if shot.at:
                browser.execute_script(f"document.querySelector('{shot.at}').scrollIntoView()")
            browser.save_screenshot(str(IMAGES / name))
    if shutil.which("pngquant"):
        files = [str(IMAGES / name) for name in chosen]
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--quality", "70-95", *files], check=True)
    return {name: (IMAGES / name).stat().st_size for name in chosen}
