"""The explorer in a real browser: a server over the project in the current directory, and headless Chromium."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.support.announced import announced


@contextmanager
def served(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The link that `gristmill ui` prints; in the environment of this process, unless another is given."""
    with announced(ui(*options), environment=environment) as (_, link):
        yield link


def ui(*options: str) -> list[str]:
    """The command of an explorer at any free port."""
    return [sys.executable, "-m", "catalog", "ui", "--port", "0", *options]


def has_chromium() -> bool:
    """Are Chromium and its driver installed?"""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium that remembers what its console said."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,900",
                     "--hide-scrollbars"):  # fmt: skip
        options.add_argument(argument)
    with Chrome(options, Service(str(shutil.which("chromedriver")))) as found:
        found.implicitly_wait(10)
        yield found


def dress(browser: Any, width: int, height: int, *, dark: bool = False, language: str = "en") -> None:
    """Show pages from here on at a size in pixels, in light or dark, to a reader of a language."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": language}})
