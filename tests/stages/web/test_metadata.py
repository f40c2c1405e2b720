"""What a page says of itself: which of several statements is believed, and what is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.metadata import language_tag, page_metadata

URI = "https://mill.test/news/a.html"


def said(name: str, page: str, uri: str = URI) -> str | None:
    """One statement of a page."""
    return page_metadata(page, uri)[name]


VERSIONS = "<link rel=alternate hreflang=fr href=/fr><link rel=alternate hreflang=de-ch href='a.html#top'>"
ARTICLE = (
    '{"@type": "NewsArticle", "author": [{"name": "Ann"}, {"name": "Bo &amp; Co"}], "datePublished": "2024-05-01"}'
)


@pytest.mark.parametrize(
    ("name", "page", "value"),
    [
        ("title", "<title>Mills &amp; rivers\n</title>", "Mills & rivers"),
        ("title", "<meta property='og:title' content='Mills'><title>Mills - The Times</title>", "Mills"),
        ("author", "<meta name=Author content='By Ann'>", "Ann"),
        ("author", "<meta property=article:author content='https://x.test/ann'><meta name=byl content=Ann>", "Ann"),
        ("author", "<meta property='x dc:creator' content=Ann><meta name=author content=Bo>", "Ann"),
        ("author", "<meta name=citation_author content=Ann><meta name=citation_author content=Bo>", "Ann, Bo"),
        ("author", "<!--<meta name=author content=Ann>-->", None),
        ("author", "<script>'<meta name=author content=Ann>'</script>", None),
        ("author", "<body><meta name=author content=Ann>", None),
        ("author", f"<body><script type='application/ld+json'>{ARTICLE}</script>", "Ann, Bo & Co"),
        ("published", f"<body><script type='application/ld+json'><![CDATA[{ARTICLE}]]></script>", "2024-05-01"),
        ("published", f'<script type="application/ld+json">{{"@graph": [{ARTICLE}]}}</script>', "2024-05-01"),
        ("published", "<script type=application/ld+json>{broken</script><meta name=date content=2024>", "2024"),
        ("published", "<meta name=date content=soon><meta name=pubdate content=20240501>", "2024-05-01"),
        ("published", "<body><time datetime=2023></time><time itemprop=datePublished datetime=2024></time>", "2024"),
        ("canonical", "<link rel='x CANONICAL' href='../b?utm_source=x#top'>", "https://mill.test/b"),
        ("canonical", "<base href=/c/><link rel=canonical href=d>", "https://mill.test/c/d"),
        ("canonical", "<link rel=canonical href='https://u:p@mill.test/e'>", "https://mill.test/e"),
        ("canonical", "<link rel=canonical href='javascript:x'><meta property=og:url content=/f>", "https://mill.test/f"),
        ("language", "<html xml:lang=zh_hans_cn>", "zh-Hans-CN"),
        ("language", "<meta http-equiv=Content-Language content='de-AT, en'>", "de-AT"),
        ("language", "<html lang='{{ lang }}'><meta name=dc.language content=fr>", "fr"),
        ("language", f"{VERSIONS}<meta http-equiv=Content-Language content=en>", "de-CH"),
        ("language", f"<html lang=it>{VERSIONS}", "it"),
        ("language", f"<base href=/other/>{VERSIONS}", None),
    ],
)  # fmt: skip
def test_what_a_page_says(name: str, page: str, value: str | None) -> None:
    """The earlier name in the list wins; comments, scripts and the body say nothing in meta elements."""
    assert said(name, page) == value


def test_a_page_of_no_server_needs_a_whole_address() -> None:
    """There is nothing to resolve a relative one against."""
    uri = "pypi:a==1/b.html"
    assert said("canonical", "<link rel=canonical href=/c>", uri) is None
    assert said("canonical", "<link rel=canonical href=http://mill.test/c>", uri) == "http://mill.test/c"


@given(st.text(alphabet="<>/='\" metalinkscriptjson+ld{}[]:,author", max_size=300))
def test_any_page_says_something_or_nothing(text: str) -> None:
    """No markup raises an error."""
    page_metadata(text, URI)
    page_metadata(f"<script type=application/ld+json>{text}</script>", URI)


@given(st.text(max_size=20))
def test_a_tag_is_written_in_one_way(text: str) -> None:
    """Writing a tag again changes nothing."""
    tag = language_tag(text)
    assert tag is None or language_tag(tag) == tag


@pytest.mark.parametrize(
    "start",
    [
        "<meta name=author " * 40_000, "<script type=application/ld+json>" * 20_000, "<time" * 100_000,
        "<title" * 60_000,
        "<script type=application/ld+json>" + "[" * 200_000 + "</script>", "<!--" * 100_000, "<head" * 100_000,
        "<script type=application/ld+json>{}</script>" * 10_000, "<script " * 50_000 + "ld+json",
    ],
)  # fmt: skip
def test_a_hostile_page_takes_linear_time(start: str) -> None:
    """Tags, scripts and comments without an end, and many with."""
    began = time.process_time()
    page_metadata(start, URI)
    assert time.process_time() - began < 20
