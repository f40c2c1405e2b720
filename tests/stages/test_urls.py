"""URLs: one spelling per page, the scope of a site, what may be a page."""

from __future__ import annotations

import pytest

from stages.web.urls import UrlError, canonical_url, in_scope, is_page

BASE = "https://example.org/docs/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTPS://EXAMPLE.org:443/docs/./a/../b#part", "https://example.org/docs/b"),
        ("b?q=1", "https://example.org/docs/b?q=1"),
        ("/x y", "https://example.org/x%20y"),
        ("//b\u00fccher.example/", "https://xn--bcher-kva.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("", BASE),
    ],
)
def test_one_page_has_one_url(text: str, expected: str) -> None:
    """Case, default ports, dots, fragments and number forms are folded as browsers fold them."""
    assert canonical_url(text, BASE) == expected


@pytest.mark.parametrize("text", ["ftp://a/", "javascript:x()", "mailto:a@b", "http://", "http://a b/", "x" * 3000])
def test_other_texts_are_no_pages(text: str) -> None:
    """Other schemes, invalid text, passwords and traps are refused."""
    with pytest.raises(UrlError):
        canonical_url(text, BASE)


@pytest.mark.parametrize("text", ["https://user:canary@a/x", "https://a/x?access_token=canary#canary", "//canary@a/x"])
def test_secrets_are_no_part_of_a_url(text: str) -> None:
    """A link with a password or a token leads to the page without it, so that neither is sent on or written down."""
    assert canonical_url(text, BASE) == "https://a/x"


def test_a_password_is_not_repeated_in_the_error() -> None:
    """An error message may land in a log."""
    with pytest.raises(UrlError) as error:
        canonical_url("https://user:canary@a b/?token=canary")
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        (BASE + "a", True),
        (BASE, True),
        ("http://example.org/docs/a", False),
        ("https://example.org/docsx", False),
        ("https://example.org.evil/docs/", False),
        ("https://example.org:8443/docs/", False),
        (BASE + "a/" * 30, False),
    ],
)
def test_scope_is_scheme_host_and_prefix(url: str, inside: bool) -> None:
    """A site ends where its base ends, and endless paths are not followed."""
    assert in_scope(url, BASE) is inside


def test_images_and_styles_are_no_pages() -> None:
    """The extension of the path decides, not the query."""
    assert all(is_page(BASE + path) for path in ("a", "a.html", "a.b/", "v1.0", ".png", "a?x=b.png"))
    assert not any(is_page(BASE + path) for path in ("a.PNG", "a.pdf?x", "b/style.css"))
