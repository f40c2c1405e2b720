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


WHATWG = [
    # Written for this project along the URL standard: input, what it is relative to the base
    ("http://example.org", "http://example.org/"),
    ("  https://a/b \n", "https://a/b"),
    ("ht\ntps://a\t/b", "https://a/b"),
    ("HTTP://A/B", "http://a/B"),
    ("http:\\\\a\\b", "http://a/b"),
    ("https:c", "https://example.org/docs/c"),
    ("http:/a/b", "http://a/b"),
    ("http:///a", "http://a/"),
    ("?q", "https://example.org/docs/?q"),
    ("#f", BASE),
    (".", BASE),
    ("..", "https://example.org/"),
    ("../../..", "https://example.org/"),
    ("a/./b/../c", BASE + "a/c"),
    ("%2e%2E/x", "https://example.org/x"),
    ("a//b", BASE + "a//b"),
    ("/a b<>`{}", "https://example.org/a%20b%3C%3E%60%7B%7D"),
    ("/a|b^c", "https://example.org/a|b%5Ec"),
    ("/%7Ea%zz%", "https://example.org/%7Ea%zz%"),
    ("/\u00e9?\u00e9", "https://example.org/%C3%A9?%C3%A9"),
    ("?a'b\"c", "https://example.org/docs/?a%27b%22c"),
    ("http://a:80/", "http://a/"),
    ("https://a:443/", "https://a/"),
    ("http://a:443/", "http://a:443/"),
    ("http://a:00080/", "http://a/"),
    ("http://a:/", "http://a/"),
    ("http://1.2.3/", "http://1.2.0.3/"),
    ("http://0300.0250.1/", "http://192.168.0.1/"),
    ("http://4294967295/", "http://255.255.255.255/"),
    ("http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"),
    ("http://[1:0:0:0:0:0:0:1]/", "http://[1::1]/"),
    ("http://\uff21.example/", "http://a.example/"),
    ("http://fa\u00df.de/", "http://xn--fa-hia.de/"),
    ("http://XN--FA-HIA.de/", "http://xn--fa-hia.de/"),
    ("http://\u4f8b\u5b50\u3002\u6d4b\u8bd5/", "http://xn--fsqu00a.xn--0zwm56d/"),
    ("http://a%2eb/", "http://a.b/"),
    ("http://ex\u00adample.org/", "http://example.org/"),
    ("http://a_b/", "http://a_b/"),
    ("http://a/;x=1", "http://a/;x=1"),
    ("//b/c", "https://b/c"),
]
NO_URLS = [  # ada takes `http://xn--a/`, whose label is no Punycode; it resolves to nothing
    *(
        "http://",
        "http://a b/",
        "http://[::1",
        "http://[1::2::3]/",
        "http://a:b/",
        "http://a:65536/",
        "http://256.1.1.1/",
    ),
    *(
        "http://4294967296/",
        "http://a<b/",
        "http://a%00b/",
        "http://a^b/",
        "http://a|b/",
        "http://0x100000000/",
    ),
    *("http://\u00ad/", "https://%/", "http://a:-1/", "http://[fe80::1%25eth0]/"),
]


@pytest.mark.parametrize(("text", "expected"), WHATWG)
def test_urls_are_those_of_the_standard(text: str, expected: str) -> None:
    """Spaces, schemes, dots, percent signs, ports, addresses and international names, as browsers read them."""
    assert canonical_url(text, BASE) == expected
    assert canonical_url(expected) == expected, "canonical once, canonical for ever"


@pytest.mark.parametrize("text", NO_URLS)
def test_what_the_standard_refuses_is_no_url(text: str) -> None:
    """Broken hosts and ports fail here, before anything is resolved."""
    with pytest.raises(UrlError):
        canonical_url(text, BASE)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?utm_source=a&utm_medium=b", ""),
        ("?b=2&utm_source=x&a=1", "?b=2&a=1"),
        ("?FBCLID=1&gclid=2", ""),
        ("?a=1&&b=%7e", "?a=1&&b=%7e"),
        ("?", "?"),
        ("?source=utm_x", "?source=utm_x"),
        ("?utm_source", ""),
        ("?gclid=1#utm", ""),
        ("?PHPSESSID=abcdef0123&a=1", "?a=1"),
        (";jsessionid=abcdef0123?a=1", "?a=1"),
    ],
)
def test_tracking_and_sessions_are_no_part_of_a_page(query: str, left: str) -> None:
    """They name a reader, not a page; every other parameter stays as it was written."""
    assert canonical_url(f"https://a/x{query}") == f"https://a/x{left}"


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
