"""A corpus that attacks whoever shows it: in a browser, on every page, in both languages, widths and schemes."""

from __future__ import annotations

import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from starlette.testclient import TestClient

from bench.support.browsing import dress, served
from catalog.web.app import explorer
from catalog.web.formats import is_web
from catalog.web.security import Access
from catalog.web.tour import tour
from tests.catalog.small_corpus import id_of
from tests.catalog.web.explorer.conftest import PAYLOADS
from tests.catalog.web.test_labelling import press

SCHEMES = re.compile(r"(/|#|https?://)")


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, dict(attrs)))


def addresses() -> dict[str, str]:
    """The tour, and every document."""
    return tour() | {name: f"/documents/{id_of(name)}" for name in PAYLOADS}


def test_no_page_has_a_tag_or_a_link_of_a_document(hostile_corpus: Path) -> None:
    """Tags are ours, handlers and styles there are none, and links lead to us, or away without a word about it."""
    client = TestClient(explorer(Access()), base_url="http://localhost")
    shown = ""
    for name, address in addresses().items():
        page = client.get(address).text
        shown += html.unescape(page)
        for tag, attributes in Tags(page).found:
            assert tag not in ("img", "iframe", "object", "embed", "base", "style"), (name, tag)
            assert not any(key.startswith("on") or key in ("style", "srcdoc") for key in attributes), (name, attributes)
            assert tag != "script" or str(attributes.get("src")).startswith("/static/"), name
            href = attributes.get("href") or attributes.get("action") or "/"
            assert SCHEMES.match(href), (name, href)
            if not href.startswith(("/", "#")):
                assert attributes["rel"] == "noopener noreferrer nofollow", (name, href)
    assert all(payload[:60] in shown for name, payload in PAYLOADS.items() if name != "broken")
    assert "1337" not in shown and not re.search("[\u202e\u2066\x1b]", shown)


@pytest.mark.parametrize(
    ("uri", "web"),
    [("https://a.example/x?y=<b>", True), ("http://a.example", True), ("javascript:alert(1)", False),
     ("data:text/html,x", False), ("//a.example", False), ("https:a", False), ("https://a\\@b.example/", False),
     (" https://a.example", False), ("https://a\u202e.example", False), ("pypi:x==1/y#1", False), (None, False)],
)  # fmt: skip
def test_only_addresses_of_the_web_are_links(uri: str | None, web: bool) -> None:
    """What a browser may read in another way than we do is none."""
    assert is_web(uri) is web


def test_every_page_in_a_browser(hostile_corpus: Path, browser: Any, tmp_path: Path) -> None:
    """Nothing runs, nothing is refused or missing, nothing is wider than its window: 400 and 1280 pixels, light and
    dark, English and Chinese. $GRISTMILL_SCREENSHOTS names a folder for pictures of all of it.
    """
    folder = Path(os.environ.get("GRISTMILL_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    looks = {"en": ((1280, False), (400, True)), "zh": ((400, False), (1280, True))}
    with served() as link:
        for language, dresses in looks.items():
            dress(browser, 1280, 900, language=language)
            browser.get_log("browser")
            for name, address in addresses().items():
                browser.get(link.rstrip("/") + address)
                assert browser.title.endswith("· Gristmill"), f"{name}: a text ran as a script"
                assert browser.execute_script("return document.documentElement.lang") == language
                for width, dark in dresses:
                    dress(browser, width, 900, dark=dark, language=language)
                    wide = browser.execute_script("return document.documentElement.scrollWidth")
                    assert wide <= width, f"{name} is {wide} pixels wide in a window of {width}"
                    if width == 1280 or "GRISTMILL_SCREENSHOTS" in os.environ:
                        scheme = "dark" if dark else "light"
                        browser.save_screenshot(str(folder / f"{name}-{width}-{scheme}-{language}.png"))
                said = [entry["message"] for entry in browser.get_log("browser")]
                assert name == "missing" or not said, (name, said)
    assert len(list(folder.glob("*.png"))) >= 2 * len(addresses())


def arrive(browser: Any, address: str) -> None:
    """Wait for an address (a pattern), and for the scripts of its page: a key that is pressed before is lost."""
    wait = WebDriverWait(browser, 20)
    wait.until(lambda found: re.search(address, found.current_url))
    wait.until(lambda found: found.execute_script("return document.readyState") == "complete")


def test_by_keyboard(hostile_corpus: Path, browser: Any) -> None:
    """From the list to a document and back to the overview without a mouse; keys are letters in a field."""
    with served() as link:
        dress(browser, 1280, 900)
        browser.get(f"{link}documents")
        press(browser, "j", "j", "k", "j", Keys.ENTER)
        arrive(browser, "/documents/[0-9a-f]{32}$")
        press(browser, "?")
        assert browser.find_element(By.ID, "help").is_displayed()
        press(browser, Keys.ESCAPE, "g", "c")
        arrive(browser, "/clusters$")
        press(browser, "/", "g", "o", "?", Keys.ENTER)
        arrive(browser, r"/documents\?q=go%3F$")
        press(browser, "g", "o")
        arrive(browser, f"^{link}$")
