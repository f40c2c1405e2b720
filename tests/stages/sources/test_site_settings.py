"""What params.yaml may say about a website, and which of it starts a new crawl."""

from __future__ import annotations

from typing import Any

import pytest

from stages.sources.settings.archive import Pinned
from stages.sources.settings.site import HostBudget, Schedule, Served, SiteSource, crawl_digest, moment

CONTACT = "mailto:you@example.org"


def site(**settings: Any) -> SiteSource:
    """A site of the world."""
    return SiteSource(**{"name": "site", "licence": "MIT", "base": "https://example.org/docs/"} | settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "`contact` is missing: .* add `contact: mailto:you@example.org`"),
        ({"base": "http://127.0.0.1/", "also": ("https://example.org/",)}, "`contact` is missing"),
        ({"base": "http://127.0.0.1.example.org/"}, "`contact` is missing"),
        ({"base": "http://localhost.example.org/"}, "`contact` is missing"),
        ({"contact": "me"}, "must be mailto:NAME@HOST or a URL"),
        ({"contact": "mailto:a@b.org\r\nX: y"}, "must be mailto:NAME@HOST or a URL|not printable|empty"),
        ({"contact": CONTACT, "also": ("https://example.org/blog",)}, "`also` is .*must end with `/`"),
        ({"contact": CONTACT, "also": ("ftp://example.org/",)}, "scheme ftp"),
        ({"contact": CONTACT, "seeds": ("https://other.org/",)}, "outside of base"),
        ({"contact": CONTACT, "sitemaps": ("https://u:p@example.org/s.xml",)}, "secrets belong in `auth`"),
        ({"contact": CONTACT, "domain_pages": 0}, "`domain_pages` is 0"),
        ({"contact": CONTACT, "as_of": "yesterday"}, "must be a time as in"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], problem: str) -> None:
    """Each with what to write instead."""
    with pytest.raises(ValueError, match=problem):
        site(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"contact": CONTACT},
        {"contact": "https://example.org/bot"},
        {"user_agent": f"mill/1 (+{CONTACT})"},
        {"base": "http://127.0.0.1:80/"},
        {"base": "http://localhost/", "also": ("http://[::1]:8080/",)},
        {"serve": Served(archive=Pinned(path="a.zip"))},
    ],
)
def test_nobody_but_this_machine_is_crawled_without_a_contact(settings: dict[str, Any]) -> None:
    """It stands in the setting or in the user agent; loopback and served archives need none."""
    assert site(**settings).agent.isprintable()


def test_the_contact_is_in_the_user_agent() -> None:
    """As the site's log will show it."""
    assert site(contact=CONTACT).agent == "gristmill/0.1 (+mailto:you@example.org)"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (HostBudget, {"pages": 0}),
        (HostBudget, {"seconds": -1.0}),
        (Schedule, {"shortest": 0.0}),
        (Schedule, {"days": 400.0}),
        (Schedule, {"grow": 0.9}),
        (Schedule, {"shrink": 1.1}),
    ],
)
def test_impossible_bounds_are_refused(kind: type[Any], values: dict[str, Any]) -> None:
    """A budget of nothing, a pause outside of its bounds, factors that go the wrong way."""
    with pytest.raises(ValueError, match="must"):
        kind(**values)


def test_a_setting_counts_only_where_it_is_set() -> None:
    """So that a log from before it existed still answers; this digest is from before `also` and the others."""
    manual = SiteSource(
        name="manual", licence="MIT", base="http://manual.test/", seeds=("index.html",),
        serve=Served(archive=Pinned(package="a==1", sha256="0" * 64), prefix="x/"),
    )  # fmt: skip
    assert crawl_digest(manual) == OLD_DIGEST
    base = crawl_digest(site(contact=CONTACT))
    for same in ({"schedule": Schedule(days=2)}, {"as_of": "2026-01-01"}, {"well_known": False}, {"delay": 3.0}):
        assert crawl_digest(site(contact=CONTACT, **same)) == base
    for other in ({"also": ("https://b.org/",)}, {"exclude": ("*x",)}, {"sitemaps": ()}, {"domain_pages": 3}):
        assert crawl_digest(site(contact=CONTACT, **other)) != base


OLD_DIGEST = "bad31dd74c3d0f2b459e49a5cc2be78a17b53a43f6f2fbeaea151988ef47f09f"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, None),
        ("2026-11-26", "2026-11-26T00:00:00.000000+00:00"),
        ("2026-11-26T08:00:00Z", "2026-11-26T08:00:00.000000+00:00"),
        ("2026-11-26T08:00:00+02:00", "2026-11-26T06:00:00.000000+00:00"),
    ],
)
def test_times_are_read_as_the_log_writes_them(text: str | None, found: str | None) -> None:
    """In UTC, so that they compare as text."""
    assert moment(text) == found
