"""Traps: an endless site ends, a large one is not cut, and an interrupted crawl knows what it knew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.traps import TrapLimits, Traps, pattern_of, repeats, without_dates

SITE = "https://a.example/"
SMALL = TrapLimits(values=5, queries=7, dates=5, twins=4)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a/b/c.html", None),
        ("x" * 2100, "trap: URL longer than 2083 characters"),
        ("/".join("abcdefghijklmnopqrst"), None),
        ("/".join("abcdefghijklmnopqrstu"), "trap: more than 20 path segments"),
        ("a/a/b", None),
        ("a/a/a", "trap: repeated path segments"),
        ("x/a/b/a/b/a/b", "trap: repeated path segments"),
        ("a/b/a/c/a/d", None),
        ("///", None),
        ("(S(abcdefghij0123456789abcd))/page.aspx", "trap: session id"),
        ("x;jsessionid=0123", "trap: session id"),
        ("x?PHPSESSID=0123", "trap: session id"),
        ("x?session=morning", None),
        ("x?f=1&f=2&f=3", None),
        ("x?f=1&f=2&f=3&f=4", "trap: too many parameters"),
        ("x?" + "&".join(f"p{n}=1" for n in range(13)), "trap: too many parameters"),
    ],
)
def test_some_urls_are_traps_by_themselves(path: str, reason: str | None) -> None:
    """Length, segments, repetitions, session ids and heaps of parameters need no history."""
    assert Traps().refusal(SITE + path) == reason


def fetched(traps: Traps, urls: Iterator[str], body: Callable[[str], str]) -> int:
    """How many of the first thousand URLs are asked for."""
    asked = 0
    for url in islice(urls, 1000):
        if traps.refusal(url) is None:
            traps.seen(url, body(url))
            asked += 1
    return asked


@pytest.mark.parametrize(
    ("urls", "body", "asked"),
    [
        (lambda n: f"calendar/{n // 12 + 1000}/{n % 12 + 1}", str, 5),
        (lambda n: f"calendar/{n // 12 + 1000}-{n % 12 + 1:02}-03.html", str, 5),
        (lambda n: f"cal?year={n // 12}&month={n % 12}", str, 5),
        (lambda n: f"list?sort={n}", str, 5),
        (lambda n: f"list?sort={n // 9}&by={n % 9}", str, 7),
        (lambda n: f"node/{n}", lambda url: "not found", 4),
        (lambda n: f"x?p={n}", lambda url: "one", 4),
        (lambda n: f"node/{n}", str, 1000),
        (lambda n: f"{n // 400 + 2000}/{n // 40 % 10 + 1}/title-{n}-of-it", str, 1000),
        (lambda n: f"node/{n}", lambda url: "not found" if url.endswith("7") else url, 1000),
    ],
)
def test_an_endless_site_ends(urls: Callable[[int], str], body: Callable[[str], str], asked: int) -> None:
    """Calendars, parameters and one page under many URLs stop at their limit; archives and numbered pages do not."""
    assert fetched(Traps(SMALL), (SITE + urls(n) for n in count()), body) == asked


def test_a_page_that_was_fetched_may_be_fetched_again() -> None:
    """A limit stops new URLs, not the ones that a recrawl knows; one page asked for often is no twin of itself."""
    traps = Traps(SMALL)
    for n in range(5):
        traps.seen(f"{SITE}list?sort={n}", str(n))
    for _ in range(50):
        traps.seen(SITE, "same")
    assert traps.refusal(SITE) is None
    assert traps.refusal(f"{SITE}list?sort=4") is None
    assert traps.refusal(f"{SITE}list?sort=5") == "trap: endless queries"


NAMES = ("a?x=1", "a?x=2", "b/2024/1", "b/2024/2", "c/1", "c/2", "c/3")
PATHS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("de")))


@given(PATHS, PATHS)
def test_the_state_is_that_of_the_fetched_urls(first: list[tuple[str, str]], then: list[tuple[str, str]]) -> None:
    """Told the same answers, another process gives the same verdicts, questions asked in between or not."""
    limits = TrapLimits(values=1, dates=1, twins=2, memory=12)
    whole, again = Traps(limits), Traps(limits)
    for path, digest in first:
        whole.refusal(SITE + path)
        whole.seen(SITE + path, digest)
        again.seen(SITE + path, digest)
    asked = [SITE + path for path, _ in then]
    assert [whole.refusal(url) for url in asked] == [again.refusal(url) for url in asked]


def test_memory_is_bounded() -> None:
    """Whatever a site makes up, no more values are held than said."""
    traps = Traps(TrapLimits(memory=1000))
    for n in range(5000):
        traps.seen(f"{SITE}{n:x}x/page?q={n}", str(n))
        assert traps.held <= 1000
    assert traps.held > 500


def test_a_limit_below_one_is_refused() -> None:
    """It would refuse every URL."""
    with pytest.raises(ValueError, match="`dates` is 0, must be >= 1"):
        TrapLimits(dates=0)


@pytest.mark.parametrize(
    ("text", "most"), [("", 0), ("a", 0), ("aa", 1), ("aaaa", 3), ("abab", 1), ("xababab", 2), ("aab", 1)]
)
def test_repetitions_are_counted(text: str, most: int) -> None:
    """Runs of any length."""
    assert repeats(list(text)) == most


def test_patterns_forget_numbers_and_dates() -> None:
    """What varies in an endless family of URLs is written as `#`."""
    assert pattern_of(f"{SITE}a1/0123456789abcdef0?b=2&a=1") == "a.example/a#/#?a&b"
    assert without_dates(f"{SITE}2024/05/01/x-20240501?date=9&id=20249901") == f"{SITE}#/x-#?date=#&id=20249901"
    assert without_dates(f"{SITE}v1.2/12345/2024") == f"{SITE}v1.2/12345/2024"
