"""Screenshots of the explorer over the default corpus, for the README: docs/images/*.png.

    make repro && python -m bench screenshots

Serves the project in the current directory and looks at it with headless Chromium; pngquant, where it is there, makes
the files a third of their size. Not a measurement: nothing else here writes into the repository.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from bench.support.browsing import chromium, dress, served
from catalog.web.tour import tour

IMAGES = Path("docs/images")


class Shot(NamedTuple):
    """One picture: a page of the tour, its size in pixels, and who looks."""

    page: str
    width: int = 1280
    height: int = 860
    dark: bool = False
    language: str = "en"
    down: int = 0
    """Pixels scrolled before."""


SHOTS = {
    "overview.png": Shot("overview"),
    "documents.png": Shot("sorted"),
    "document.png": Shot("document", dark=True),
    "threshold.png": Shot("threshold"),
    "labels.png": Shot("task", language="zh"),
    "phone.png": Shot("runs", width=400, dark=True),
}


def run(quick: bool) -> dict[str, Any]:
    """Bytes of each file; `quick` makes the first alone."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    chosen = dict(list(SHOTS.items())[: 1 if quick else None])
    pages = tour()
    with served() as link, chromium() as browser:
        for name, shot in chosen.items():
            dress(browser, shot.width, shot.height, dark=shot.dark, language=shot.language)
            browser.get(link.rstrip("/") + pages[shot.page])
            browser.execute_script(f"scrollTo(0, {shot.down})")
            browser.save_screenshot(str(IMAGES / name))
    if shutil.which("pngquant"):
        files = [str(IMAGES / name) for name in chosen]
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--quality", "70-95", *files], check=True)
    return {name: (IMAGES / name).stat().st_size for name in chosen}
