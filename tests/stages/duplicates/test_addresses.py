"""What makes two pages one address, two texts one spelling, and what a time of publication is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.duplicates.addresses import address_of, known_address, seconds_of
from stages.duplicates.folding import folded_digest

PAGE = "a.test/path/page"


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("http://a.test/path/page", PAGE), ("https://www.A.test:443/path/page/", PAGE),
        ("https://a.test/path/page#part", PAGE), ("https://a.test/path/page/?utm_source=x&fbclid=1", PAGE),
        ("https://a.test/path/page?id=1&utm_medium=x", PAGE + "?id=1"), ("http://a.test:8080/", "a.test:8080"),
        ("https://a.test", "a.test"), ("https://a.test/Path/page", "a.test/Path/page"),
        ("https://a.test/path/index.html", "a.test/path/index.html"), ("https://wwww.test/", "wwww.test"),
        ("https://a.test/path/page?b=1&a=2", PAGE + "?b=1&a=2"), ("https://m.a.test/", "m.a.test"),
        ("pypi:a==1/b#3", None), ("file:inbox/1.jsonl#2", None), ("http://", None), ("", None),
    ],
)  # fmt: skip
def test_an_address_is_a_url_without_what_tells_no_page_apart(uri: str, address: str | None) -> None:
    """Protocol, www., port, fragment, tracking and the last slash; nothing else."""
    assert address_of(uri) == address


@pytest.mark.parametrize(
    ("canonical", "address"),
    [
        ("https://www.a.test/other?utm_source=x", "a.test/other"),
        ("https://a.test/", PAGE), ("https://b.test/c", PAGE),
        ("https://m.a.test/other", PAGE), ("file:x", PAGE), (None, PAGE),
    ],
)  # fmt: skip
def test_a_canonical_url_is_believed_on_its_own_host(canonical: str | None, address: str) -> None:
    """Not of another host, nor where it is the front page; what is no page of the web stays none."""
    assert known_address("http://a.test/path/page", canonical) == address
    assert known_address("file:inbox/1", canonical) is None


@given(st.text(max_size=40))
def test_an_address_is_its_own_address(rest: str) -> None:
    """Taking it again changes nothing, whatever stands in the path."""
    address = address_of(f"https://a.test/{rest}")
    assert address is None or address_of(f"https://{address}") == address


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-02", 86400), ("1970-01-01T00:00:10Z", 10), ("1970-01-01T01:00:00+01:00", 0),
        ("Thu, 01 Jan 1970 00:00:05 GMT", 5), ("1969-12-31", -86400), (" 1970-01-01 ", 0), ("soon", None),
        ("2016", None), ("", None), (None, None), ("0001-01-01T00:00:00+23:00", -62135679600), ("1970-13-01", None),
    ],
)  # fmt: skip
def test_times_are_read_as_they_are_written(written: str | None, seconds: int | None) -> None:
    """ISO 8601 and e-mail; without a zone UTC; what is neither is unknown, not now."""
    assert seconds_of(written) == seconds


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ein Text.", "ein  TEXT", True), ("ＡＢＣ１", "abc 1", True), ("你好，世界", "你好世界。", True),
        ("a b", "ab", True), ("naïve", "naive", True), ("10", "11", False), ("!!!", "???", False), ("", "!", False),
        ("你", "妳", False),
    ],
)  # fmt: skip
def test_spelling_does_not_count(one: str, other: str, same: bool) -> None:
    """Case, width, accents, spaces and punctuation; letters and digits do."""
    assert (folded_digest(one) == folded_digest(other)) is same
