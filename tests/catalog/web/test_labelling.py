"""Labelling in a real browser, by keyboard, from the round to the log of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from catalog.annotations import read_annotations
from tests.catalog.web.conftest import TEXTS


def shown(browser: Any, selector: str) -> str:
    """The text of the first element that a selector finds; looked at again where the page is just being left."""
    wait = WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException])
    return str(wait.until(lambda found: [found.find_element(By.CSS_SELECTOR, selector).text])[0])


def hear(browser: Any, words: str) -> None:
    """Wait until a page says what was done; the page before this one said something else in the same place."""
    WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException]).until(
        lambda found: words in found.find_element(By.CSS_SELECTOR, ".said").text
    )


def document(browser: Any) -> str:
    """The document that is asked about."""
    return shown(browser, ".keys code")


def press(browser: Any, *keys: str) -> None:
    """Press keys, one after the other."""
    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def settle(browser: Any) -> None:
    """Wait for a question whose scripts have run: a key that is pressed before is lost."""
    browser.find_element(By.ID, "question")
    WebDriverWait(browser, 20).until(lambda found: found.execute_script("return document.readyState") == "complete")


def gone(element: Any) -> bool:
    """Is it of a page that was left? Chrome calls it stale or, in the middle of leaving, an inspector's error."""
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


def leave(browser: Any, key: str) -> None:
    """Press a key, and wait for the page after this one."""
    before = browser.find_element(By.ID, "question")
    press(browser, key)
    WebDriverWait(browser, 20).until(lambda _: gone(before))
    settle(browser)


def start(browser: Any, server: str, task: str) -> None:
    """Start a round of all documents as Ann."""
    browser.get(f"{server}/label")
    form = browser.find_element(By.CSS_SELECTOR, f"form[action='/label/{task}']")
    form.find_element(By.NAME, "annotator").send_keys("Ann")
    form.find_element(By.TAG_NAME, "button").click()
    settle(browser)


def said(task: str) -> dict[str, Any]:
    """What stands in the log, by document; None for a skip."""
    rows = read_annotations(task).to_pylist()
    assert {row["annotator"] for row in rows} == {"Ann"}
    return {row["id"]: row["value"] and json.loads(row["value"]) for row in rows}


def test_a_round_by_keyboard(browser: Any, server: str, project: Path) -> None:
    """A digit chooses, Enter saves, S skips, Backspace goes back; the answers land in the log, once."""
    start(browser, server, "mood")
    wanted: dict[str, str | None] = {"a": "positive", "b": "negative", "c": None}
    keys = {"positive": "2", "negative": "1"}
    for _ in TEXTS:
        here = document(browser)
        assert browser.title.startswith("mood"), "a text of the corpus ran as a script"
        assert browser.find_element(By.ID, "text").get_property("textContent") == TEXTS[here]
        label = wanted[here]
        if label is not None:
            press(browser, keys[label])
        leave(browser, Keys.ENTER if label is not None else "s")
    assert "3 answered" in shown(browser, ".bar .number")
    leave(browser, Keys.BACKSPACE)
    assert browser.current_url.endswith("/2")
    browser.find_element(By.CSS_SELECTOR, "form[action$=import] button").click()
    hear(browser, "3 added")
    assert said("mood") == wanted
    browser.get(f"{server}/label")
    assert "None yet" in browser.page_source


def test_spans_by_keyboard_survive_emoji_and_chinese(browser: Any, server: str, project: Path) -> None:
    """Arrows choose words, in scripts without spaces too; offsets are characters, and the marks can be undone."""
    start(browser, server, "names")
    for _ in TEXTS:
        here = document(browser)
        if here == "a":
            press(browser, Keys.ARROW_RIGHT, "1")  # Anna
            press(browser, *[Keys.ARROW_RIGHT] * 4, "2")  # Paris
            press(browser, Keys.ARROW_RIGHT, "1", Keys.ARROW_RIGHT, "1", "u")  # Anna behind the emoji; `left`, undone
        elif here == "c":
            press(browser, Keys.ARROW_RIGHT, "1")
        else:
            press(browser, "0")
        leave(browser, Keys.ENTER)
    browser.find_element(By.CSS_SELECTOR, "form[action$=import] button").click()
    hear(browser, "3 added")
    spans = said("names")
    assert [TEXTS["a"][start:stop] for start, stop, _ in spans["a"]] == ["Anna", "Paris", "Anna"]
    assert [label for *_, label in spans["a"]] == ["PER", "LOC", "PER"]
    assert spans["b"] == []
    ((first, stop, _),) = spans["c"]
    assert first == 0 and TEXTS["c"][:stop] in ("小", "小王")


def test_relations_are_between_spans(browser: Any, server: str, project: Path) -> None:
    """Two spans and what is between them; taking away a span takes its relations along."""
    start(browser, server, "ties")
    while document(browser) != "a":
        leave(browser, "s")
    press(browser, Keys.ARROW_RIGHT, "1", *[Keys.ARROW_RIGHT] * 4, "2", Keys.ARROW_RIGHT, "1")
    for place, end in (("0", "1"), ("2", "1")):
        Select(browser.find_element(By.ID, "from")).select_by_value(place)
        Select(browser.find_element(By.ID, "to")).select_by_value(end)
        browser.find_element(By.ID, "link").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#links li")) == 2
    press(browser, "u")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#links li")) == 1
    browser.execute_script("document.activeElement.blur()")
    leave(browser, Keys.ENTER)
    browser.find_element(By.CSS_SELECTOR, "form[action$=import] button").click()
    hear(browser, "added")
    assert said("ties")["a"] == {"spans": [[0, 4, "PER"], [16, 21, "LOC"]], "relations": [[0, 1, "met_in"]]}


def test_it_fits_a_phone(browser: Any, server: str, project: Path) -> None:
    """Nothing is wider than 400 pixels, and the guideline is text, not HTML."""
    start(browser, server, "mood")
    browser.set_window_size(400, 800)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    browser.find_element(By.CSS_SELECTOR, "summary").click()
    assert "<b>Say so.</b>" in shown(browser, ".guideline")
    browser.set_window_size(900, 900)
