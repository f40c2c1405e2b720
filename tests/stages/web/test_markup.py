"""Parser bombs: what the scan measures, and that it cannot be talked into seeing less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.markup import MAX_SELF_CLOSED, Markup, scan


@pytest.mark.parametrize(
    ("page", "depth", "attributes"),
    [
        ("", 0, 0),
        ("no tags < 3 but > 2", 0, 0),
        ("<div><p>a<p>b<br><img src=x></div><div></div>", 1, 1),
        ("<ul>" + "<li>x" * 1000 + "</ul>", 1, 0),
        ("<table>" + "<tr><td>x" * 1000 + "</table>", 1, 0),
        ("<div><b>x</div></b>", 2, 0),
        ("<DIV></div><div></DIV>", 1, 0),
        ("<!-- <div><div> --><div>", 1, 0),
        ("<script>'<div><div>'; a < b</script><div>", 1, 0),
        ("<title><b></title>", 0, 0),
        ("<a href=\"x>y\" title='<div>' disabled data-x=1>", 1, 4),
        ("<svg><path d=1 /><path d=2 /></svg>", 1, 1),
        ("<a href=/x/y/>", 1, 1),
        ("<?xml version='1.0'?><!doctype html><html><body>", 0, 0),
    ],
)
def test_extremes(page: str, depth: int, attributes: int) -> None:
    """Nesting and attributes of small pages, by HTML's rules."""
    found = scan(page.encode(), 512)
    assert (found.depth, found.attributes) == (depth, attributes)


def test_elements_are_counted() -> None:
    """Start tags count, end tags and what looks like a tag in a script or comment does not."""
    assert scan(b"<p>a<br/><b>c</b><!-- <i> --><script>'<u>'</script>", 512).elements == 4


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000,
        "<div></b>" * 50_000,
        "<div><!-- </div> -->" * 50_000,
        '<div title="</div>">' * 50_000,
        "<div/>" * 50_000,
        "<x-y>" * 50_000,
        "<div <p>" * 50_000,
        "<optgroup>" * 50_000,
    ],
)
def test_nesting_bombs(page: str) -> None:
    """End tags that close nothing, comments, quotes and self-closing do not hide depth."""
    assert len(page) > MAX_SELF_CLOSED
    assert scan(page.encode(), 512).depth > 512


@pytest.mark.parametrize("attribute", ["a ", "a=1 ", "a='x' ", "a='x'", "a/", "a=\n1\n"])
def test_attribute_bombs(attribute: str) -> None:
    """However an attribute is written, it is counted."""
    assert scan(f"<p {attribute * 10_000}>".encode(), 512).attributes >= 10_000


def test_long_tags() -> None:
    """A tag's length counts its markup, and not an image in a quoted value."""
    assert scan(b"<img src='data:" + b"A" * 100_000 + b"'>", 512).tag_bytes < 100
    assert scan(b"<" + b"a" * 100_000 + b">", 512).tag_bytes > 100_000
    assert scan(b"<p x=" + b"a" * 100_000 + b">", 512).tag_bytes > 100_000


@given(
    st.text(st.sampled_from("<>/!-'\"= abp?\n"), max_size=60)
    | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
)
def test_any_page_is_scanned(page: str) -> None:
    """No input raises or hangs, and nothing is deeper than it has tags."""
    found = scan(page.encode(), 512)
    assert isinstance(found, Markup) and 0 <= found.depth <= page.count("<")
