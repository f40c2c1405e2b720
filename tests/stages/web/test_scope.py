"""Which URLs are in scope, and which domain they count for."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.domains import registrable_domain
from stages.web.scope import Scope, matches

SCOPE = Scope(bases=("https://a.org/docs/", "https://b.org/"), include=("*.html", "*/"), exclude=("*/old/*", "*?q=*"))


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("https://a.org/docs/", True),
        ("https://a.org/docs/x.html", True),
        ("https://b.org/x.html", True),
        ("https://a.org/x.html", False),
        ("http://a.org/docs/x.html", False),
        ("https://b.org.evil.test/x.html", False),
        ("https://a.org/docs/x.pdf", False),
        ("https://a.org/docs/old/x.html", False),
        ("https://a.org/docs/?q=x.html", False),
    ],
)
def test_scope_is_places_and_globs(url: str, held: bool) -> None:
    """Below a place, matched by an include glob, by no exclude glob."""
    assert SCOPE.holds(url) is held


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_globs_match_as_fnmatch_does(glob: str, url: str) -> None:
    """A star is any text; nothing else is special."""
    assert matches(url, (glob,)) == bool(re.fullmatch(fnmatch.translate(glob), url))


def test_a_glob_of_many_stars_takes_no_time() -> None:
    """It would take a regular expression for ever."""
    assert not matches("a" * 2000, ("*a" * 200 + "b",))


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://docs.example.co.uk/a", "example.co.uk"),
        ("https://example.co.uk/", "example.co.uk"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("http://localhost/", "localhost"),
        ("http://[::1]/", "::1"),
        ("http://manual.test/", "manual.test"),
    ],
)
def test_a_registrable_domain_is_what_one_owner_registers(url: str, domain: str) -> None:
    """One label below a public suffix; a host that has none stands for itself."""
    assert registrable_domain(url) == domain
