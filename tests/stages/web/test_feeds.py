"""Feeds: every dialect names its pages; a page names its feeds; a bomb is refused before feedparser sees it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.feeds import FeedError, Item, feed_links, read_feed

URL = "https://a.example/blog/feed.xml"
HEAD = b'<?xml version="1.0"?><rss version="2.0"><channel>'
MAY = "2024-05-01T00:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (HEAD + b"<item><link>https://a.example/1</link><pubDate>Wed, 01 May 2024 00:00:00 GMT</pubDate></item>"
                b"<item><guid>https://a.example/2</guid></item><item><title>no link</title></item></channel></rss>",
         [("https://a.example/1", MAY), ("https://a.example/2", None)]),
        (b'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.example/"><entry><link href="x"/>'
         b"<updated>2024-05-01T01:00:00+01:00</updated></entry></feed>", [("https://b.example/x", MAY)]),
        (b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
         b'<item rdf:about="https://a.example/r"><link>https://a.example/r</link></item></rdf:RDF>',
         [("https://a.example/r", None)]),
        (HEAD + b"<item><title>A & B</title><link>../1#c</link></item><item><link>../2</link>",
         [("https://a.example/1", None), ("https://a.example/2", None)]),
        ('<?xml version="1.0" encoding="gb2312"?><rss version="2.0"><item><title>中</title><link>/1</link></item></rss>'
         .encode("gbk"), [("https://a.example/1", None)]),
        (HEAD + b"<item><link>/1</link></item><item><link>/1#b</link></item></channel></rss>",
         [("https://a.example/1", None)]),
        (HEAD + b"<item><link>/1</link><description><![CDATA[ <!ENTITY x> " + b"<p>" * 300 + b"]]></description>",
         [("https://a.example/1", None)]),
        (HEAD + b"</channel></rss>", []),
    ],
)  # fmt: skip
def test_every_dialect_is_read(body: bytes, items: list[tuple[str, str | None]]) -> None:
    """RSS, Atom, RDF, broken XML, other charsets: URLs resolved and canonical, each once, times in UTC."""
    assert read_feed(body, URL) == tuple(Item(*one) for one in items)


NESTED = HEAD + b"<item>" + b"<a>" * 49_000
BOMBS = {
    "depth": (NESTED, "deeper than 100 elements"),
    "attributes": (HEAD + b"<a " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>", "more than 64 attributes"),
    "entities": (b'<!DOCTYPE rss [<!ENTITY a "b">]>' + HEAD, "declares entities"),
    "size": (HEAD + b" " * (5 << 20), "too large"),
    "tags": (HEAD + b"<a/>" * 250_000, "more than 50000 tags"),
    "open angles": (b"<" * 1_000_000, "more than 50000 tags"),
    "utf-16": (NESTED[:3000].decode().encode("utf-16"), "not in a charset that extends ASCII"),
    "page": (b"<html><body><p>Hello</p></body></html>", "not a feed"),
    "empty": (b"", "not a feed"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(name: str) -> None:
    """feedparser is quadratic in depth and attributes: such bytes never reach it."""
    body, reason = BOMBS[name]
    began = time.process_time()
    with pytest.raises(FeedError, match=f"^{reason}$"):
        read_feed(body, URL)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"<item><a/></item>" * 16_000,
        HEAD + b"&amp;" * 190_000,
        HEAD + b"<![CDATA[" * 49_000,
        HEAD + b"<a " * 49_000,
    ],
)
def test_what_passes_the_bounds_is_read_in_time(body: bytes) -> None:
    """The worst that the bounds let through stays within seconds."""
    began = time.process_time()
    with contextlib.suppress(FeedError):
        read_feed(body, URL)
    assert time.process_time() - began < 30


def test_a_body_is_never_opened_as_a_path(tmp_path: Path) -> None:
    """feedparser opens what looks like a path; a body that names a file gives nothing of it."""
    secret = tmp_path / "feed.xml"
    secret.write_bytes(HEAD + b"<item><link>https://a.example/secret</link></item></channel></rss>")
    with pytest.raises(FeedError):
        read_feed(os.fsencode(secret), URL)


@given(st.binary(max_size=200), st.sampled_from([b"", HEAD, HEAD + b"<item><link>"]))
def test_any_bytes_are_read_or_refused(body: bytes, start: bytes) -> None:
    """No bytes raise another error."""
    try:
        read_feed(start + body, URL)
    except FeedError:
        return


def test_feeds_are_announced_by_links() -> None:
    """`rel=alternate` of a feed's type, in any spelling; not in comments and scripts, not stylesheets, each once."""
    page = """<head><LINK REL="alternate home" TYPE="application/rss+xml; charset=utf-8" HREF="/f?a=1&amp;b=2#x">
    <link rel=alternate type=application/atom+xml href='atom.xml'><link rel="alternate" hreflang="de" href="/de">
    <link rel="stylesheet" type="application/rss+xml" href="/no"><!-- <link rel="alternate"
    type="application/rss+xml" href="/c"> --><script>"<link rel='alternate' type='application/rss+xml' href='/s'>"
    </script><link type="application/rss+xml" href="/f?a=1&b=2" rel="alternate">
    <link rel="alternate" type="application/rss+xml" href="javascript:x">"""
    assert feed_links(page, "https://a.example/b/") == ["https://a.example/f?a=1&b=2", "https://a.example/b/atom.xml"]


@pytest.mark.parametrize(
    "page", ["<link " * 400_000, "<!--" * 400_000, "<link a=" + "'" * 2_000_000, "<script>" * 300_000]
)
def test_announcements_are_found_in_linear_time(page: str) -> None:
    """A page of two megabytes made to hang a tokenizer costs under a second and a half."""
    began = time.process_time()
    assert feed_links(page, URL) == []
    assert time.process_time() - began < 15
