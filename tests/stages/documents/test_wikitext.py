"""Wikitext becomes its text: what a reader of the page reads, in its order."""

from __future__ import annotations

import re

import pytest

from stages.documents.reading import UnreadableError
from stages.documents.wikitext import MAX_OPEN, read, without_open_ends

TABLE = [
    ("'''Bold''' and ''italic''", "Bold and italic"),
    ("a [[page|text]] and [[page]]", "a text and page"),
    ("{{Infobox|a={{b}}}}The river.<ref name=x>Book {{cite}}</ref> Runs.", "The river. Runs."),
    ("[[File:a.jpg|thumb|A [[river]]]]Text[[Category:Rivers]]", "Text"),
    ("== Head ==\n\n\n\nText", "Head\n\nText"),
    ("one\n{| class=x\n| cell\n|}\ntwo", "one\n\ntwo"),
    ("a<!-- b -->c &amp; d", "ac & d"),
    ("{{open", "{{open"),
    ("a <b>bold</b> <p>word", "a bold <p>word"),
    ("one<br>two<br/>three <ref name=a/>four", "onetwothree four"),
    ("", ""),
]


@pytest.mark.parametrize(("wikitext", "text"), TABLE)
def test_markup_goes_and_words_stay(wikitext: str, text: str) -> None:
    """Templates, references, tables, files and categories go; links and headings keep their words."""
    assert read(wikitext, "utf-8").text == text


def test_a_page_of_openings_is_refused() -> None:
    """The parser tries every opening; more than an article has are not tried."""
    with pytest.raises(UnreadableError, match="links and templates"):
        read("{{" * (MAX_OPEN + 1), "utf-8")


@pytest.mark.parametrize("opening", ["<p>", "<p ", "<p a='", "<ref name=a/", "<br ", "<b>x</b><b>"])
@pytest.mark.parametrize("end", ["", ">", "</b></p></ref>"])
def test_the_parser_sees_no_tag_that_nothing_ends(opening: str, end: str) -> None:
    """Each made it read the rest of the page."""
    page = opening * 1000 + end
    left = without_open_ends(page)
    assert len(re.findall(r"<[a-z]", left)) <= page.count("</") + (end == ">")
    assert left.replace("&lt;", "<") == page and without_open_ends(left) == left
