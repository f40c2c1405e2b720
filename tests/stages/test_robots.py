"""robots.txt: the states of RFC 9309 and the lines real files have."""

from __future__ import annotations

import pytest

from stages.web.robots import Rules, known_lines, rules_from

ROBOTS = b"User-agent: gristmill\nDisallow: /private\nCrawl-delay: 3\n\nUser-agent: *\nDisallow: /\n"


@pytest.mark.parametrize(
    ("status", "body", "url", "reason"),
    [
        (200, ROBOTS, "https://a/x", None),
        (200, ROBOTS, "https://a/private/x", "robots.txt forbids it"),
        (200, b"", "https://a/x", None),
        (204, b"", "https://a/x", None),
        (404, ROBOTS, "https://a/private/x", None),
        (403, b"", "https://a/x", None),
        (301, b"", "https://a/x", None),
        (500, b"", "https://a/x", "robots.txt answers 500"),
        (503, b"", "https://a/x", "robots.txt answers 503"),
        (None, b"", "https://a/x", "robots.txt cannot be reached"),
        (
            200,
            b"User-agent: *\nCrawl-delay: 86400",
            "https://a/x",
            "robots.txt asks for 86400 seconds between requests",
        ),
    ],
)
def test_robots_states(status: int | None, body: bytes, url: str, reason: str | None) -> None:
    """The states of RFC 9309, section 2.3.1, and a delay nobody can wait for."""
    assert rules_from(status, body, "gristmill/0.1 (+mailto:a@b)").refusal(url) == reason


def test_crawl_delay_is_read() -> None:
    """The delay of the group that applies, 0 without one."""
    assert rules_from(200, ROBOTS, "gristmill/0.1").delay() == 3
    assert Rules("gristmill").delay() == 0


def test_unknown_lines_do_not_break_groups() -> None:
    """A line between two user-agent lines, a version after a token, a mark at the start: the group still holds."""
    body = b"\xef\xbb\xbfUser-agent: gristmill/2.0 (x)\r\nContent-Signal: ai-train=no\r\nUser-agent: other\r\n"
    body += b"Disallow: /p\r\n"
    assert known_lines(body).splitlines()[0] == "User-agent: gristmill;"
    assert rules_from(200, body.replace(b"/2.0 (x)", b" (x)"), "gristmill/0.1").refusal("https://a/p")
    assert len(known_lines(b"Disallow: /" + b"x" * 10**6)) == 500 << 10
