"""Sitemaps: what they name is read, in every form; what they might do to the reader is not done."""

from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.support.alone import fresh_peak, peak
from stages.web import sitemaps
from stages.web.sitemaps import Page, SitemapError, read_sitemap, utc

URL = "https://a.example/sitemap.xml"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
ONE = HEAD + b"<url><loc> https://a.example/x?a=1&amp;b=2#c </loc><lastmod>2024-05-01</lastmod></url></urlset>"
INDEX = b"<sitemapindex><sitemap><loc>/s1.xml.gz</loc></sitemap><sitemap><loc>/s2.xml</loc></sitemap></sitemapindex>"
RSS = b"<rss version='2.0'><channel><item><link>/r</link><pubDate>Wed, 01 May 2024 02:00:00 +0200</pubDate></item>"
MAY = "2024-05-01T00:00:00.000000+00:00"
X = Page("https://a.example/x?a=1&b=2", MAY)


@pytest.mark.parametrize(
    ("body", "pages", "maps"),
    [
        (ONE, (X,), ()),
        (gzip.compress(ONE), (X,), ()),
        (b"\xef\xbb\xbf\n" + ONE.partition(b"?>")[2], (X,), ()),
        (ONE.replace(b"UTF-8", b"UTF-16").decode().encode("utf-16"), (X,), ()),
        (INDEX, (), ("https://a.example/s1.xml.gz", "https://a.example/s2.xml")),
        (b"https://a.example/1\r\n\r\nHTTPS://A.example/1\nhttps://a.example/2", ("1", "2"), ()),
        (RSS + b"</channel></rss>", (Page("https://a.example/r", MAY),), ()),
        (
            b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='/e'/>"
            b"<updated>2024-05-01T00:00:00Z</updated></entry></feed>",
            (Page("https://a.example/e", MAY),),
            (),
        ),
        (HEAD + b"</urlset>", (), ()),
        (b"", (), ()),
    ],
)
def test_every_form_is_read(body: bytes, pages: tuple[Page | str, ...], maps: tuple[str, ...]) -> None:
    """XML with and without namespace, gzip, UTF-16, index files, text, RSS and Atom name the same things."""
    found = read_sitemap(body, URL)
    assert found.pages == tuple(one if isinstance(one, Page) else Page(f"https://a.example/{one}") for one in pages)
    assert (found.maps, found.problem) == (maps, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><body>Not found</body></html>", "not a sitemap"),
        (b"Not found", "not a sitemap"),
        (b"<urlset", "not well-formed XML"),
        (b'<!DOCTYPE u [<!ENTITY a "b">]>' + ONE.partition(b"?>")[2], "declares entities"),
        (b'<!DOCTYPE u [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>',
         "declares entities"),
        (HEAD + b"<a>" * 40, "deeper than 32 elements"),
        (HEAD + b"<url " + b" ".join(b'a%d=""' % n for n in range(65)) + b"/></urlset>", "more than 64 attributes"),
        (gzip.compress(ONE)[:-30], "broken content coding"),
    ],
)  # fmt: skip
def test_what_is_no_sitemap_is_refused(body: bytes, reason: str) -> None:
    """Soft 404s, broken files and bombs give a short reason."""
    with pytest.raises(SitemapError, match=f"^{reason}$"):
        read_sitemap(body, URL)


def test_what_was_read_before_a_problem_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut file and one with too many URLs give what they hold up to there, and say so; entries without URL count."""
    cut = read_sitemap(ONE.replace(b"</urlset>", b"<url><loc>ftp://x/</loc></url><url/><url><loc>"), URL)
    assert (cut.pages, cut.refused, cut.problem) == ((X,), 2, "not well-formed XML")
    monkeypatch.setattr(sitemaps, "MAX_URLS", 3)
    many = read_sitemap(b"\n".join(b"https://a.example/%d" % n for n in range(5)), URL)
    assert (len(many.pages), many.problem) == (3, "more than 3 URLs")


LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
BOMBS = {
    "laughs": b'<!DOCTYPE u [<!ENTITY a0 "ha">' + LAUGHS + b"]><urlset><url><loc>&a11;</loc></url></urlset>",
    "laughs in an attribute": b'<!DOCTYPE u [<!ENTITY a0 "ha">' + LAUGHS + b']><urlset x="&a11;"/>',
    "depth": HEAD + b"<a>" * 1_000_000,
    "attributes": HEAD + b"<a " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
    "comments": HEAD + b"<!--" + b"-" * 3_000_000,
    "doctype": b"<!DOCTYPE u [" * 200_000,
    "gzip": gzip.compress(b"<urlset>" + b" " * (100 << 20), 9),
    "gzip in gzip": gzip.compress(gzip.compress(b"x" * (50 << 20))),
    "lines": b"https://" + b"\n" * 10_000_000,
    "endless name": b"<" + b"a" * 5_000_000,
    "feed": b"<rss version='2.0'>" + b"<a>" * 500_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_little(name: str) -> None:
    """Entities, depth, attributes and compression: under 2 seconds and 200 MB more than before."""
    before, began = fresh_peak(), time.process_time()
    try:
        assert not read_sitemap(BOMBS[name], URL).pages
    except SitemapError as error:
        assert len(str(error)) < 60
    assert time.process_time() - began < 20
    assert peak() - before < 200 << 20


def test_a_full_sitemap_is_read_fast() -> None:
    """50,000 URLs, the most that are taken, in under 2 seconds."""
    body = HEAD + b"".join(b"<url><loc>https://a.example/%d</loc></url>" % n for n in range(50_000)) + b"</urlset>"
    began = time.process_time()
    found = read_sitemap(body, URL)
    assert (len(found.pages), found.problem) == (50_000, None)
    assert time.process_time() - began < 20


@given(st.binary(max_size=200), st.sampled_from([b"", b"<urlset>", b"<url><loc>", b"\x1f\x8b", b"http://"]))
def test_any_bytes_are_read_or_refused(body: bytes, start: bytes) -> None:
    """No bytes raise another error."""
    try:
        read_sitemap(start + body, URL)
    except SitemapError:
        return


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-05-01", MAY),
        ("2024-05-01T02:00:00+02:00", MAY),
        ("2024-05-01T00:00:00Z", MAY),
        ("2024-05-01T00:00:00.00Z", MAY),
        ("yesterday", None),
        ("0001-01-01T00:00:00+10:00", None),
        (None, None),
    ],
)
def test_times_are_written_as_in_the_log(text: str | None, found: str | None) -> None:
    """So that a `lastmod` and a `fetched_at` compare as text."""
    assert utc(text) == found
