"""robots.txt: the states of RFC 9309 and the lines real files have."""

from __future__ import annotations

import time

import pytest

from stages.web.robots import Rules, is_due, known_lines, rules_from, still_stands

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
    assert known_lines(b"user-agent Foo\ndisallow\t/x \nallow : /\ndisallow / all\n").splitlines() == [
        "user-agent: Foo;", "disallow: /x", "allow : /",
    ]  # fmt: skip


def allows(text: str, path: str, agent: str = "gristmill/0.1") -> bool:
    """May `agent` fetch a path of the host whose robots.txt this is?"""
    return rules_from(200, text.encode(), agent).refusal(f"https://a.example{path}") is None


RFC_9309 = [
    # Written for this project along RFC 9309, sections 2.2 and 5: robots.txt, path, is it allowed?
    ("user-agent: GristMill\nDISALLOW: /x", "/x", False),
    ("user-agent: *\ndisallow: /\n\nuser-agent: gristmill\ndisallow: /x", "/y", True),
    (
        "user-agent: gristmill\ndisallow: /x\nuser-agent: *\ndisallow: /y\nuser-agent: gristmill\ndisallow: /z",
        "/z",
        False,
    ),
    ("user-agent: gristmill\nuser-agent: b\ndisallow: /x", "/x", False),
    ("user-agent: b\n\n\nuser-agent: gristmill\ndisallow: /x", "/x", False),
    ("user-agent: grist\ndisallow: /", "/x", True),
    ("user-agent: gristmills\ndisallow: /", "/x", True),
    ("user-agent: mill\ndisallow: /", "/x", True),
    ("user-agent: gristmill-news\ndisallow: /", "/x", True),
    ("user-agent: gristmill/9.9\ndisallow: /", "/x", False),
    ("user-agent: gristmill # ours\ndisallow: / # all", "/x", False),
    ("user-agent: a b\ndisallow: /", "/x", True),
    ("disallow: /", "/x", True),
    ("user-agent: *\ndisallow:", "/x", True),
    ("user-agent: *\nallow: /x\ndisallow: /x", "/x", True),
    ("user-agent: *\nallow: /a\ndisallow: /a/b", "/a/b/c", False),
    ("user-agent: *\nallow: /a/b\ndisallow: /a", "/a/b/c", True),
    ("user-agent: *\ndisallow: /x\nallow: /", "/x", False),
    ("user-agent: *\ndisallow: /X", "/x", True),
    ("user-agent: *\ndisallow: /x", "/xyz", False),
    ("user-agent: *\ndisallow: /x/", "/x", True),
    ("user-agent: *\ndisallow: /x$", "/x", False),
    ("user-agent: *\ndisallow: /x$", "/xy", True),
    ("user-agent: *\ndisallow: /*.gif$", "/a/b.gif", False),
    ("user-agent: *\ndisallow: /*.gif$", "/a/b.gif?c", True),
    ("user-agent: *\ndisallow: *.gif", "/a/b.gif?c", False),
    ("user-agent: *\ndisallow: /a*c*e", "/abcde", False),
    ("user-agent: *\ndisallow: /a*c*e", "/abde", True),
    ("user-agent: *\ndisallow: /*?*b=1", "/x?a=0&b=1", False),
    ("user-agent: *\ndisallow: /é", "/%C3%A9", False),
    ("user-agent: *\ndisallow: /%c3%a9", "/%C3%A9", False),
    ("user-agent: *\ndisallow: /a%3Cb", "/a%3Cb", False),
    ("user-agent: *\ndisallow: /%7Ea", "/~a", False),
    ("user-agent: *\ndisallow: /", "/robots.txt", True),
    ("user-agent: *\r\ndisallow: /x\r\n", "/x", False),
    ("user-agent: *\rdisallow: /x\r", "/x", False),
    ("  user-agent : *  \n\tdisallow\t:\t/x\t", "/x", False),
    ("user-agent: *\nunknown: y\ndisallow: /x", "/x", False),
    ("user-agent: gristmill\nsitemap: https://a.example/s\nuser-agent: b\ndisallow: /x", "/x", False),
    ("user-agent: gristmill\ncrawl-delay: 1\nuser-agent: b\ndisallow: /x", "/x", True),
    ("user-agent: *\ndisallow: " + "/x" * 5000, "/x", True),
    ("<html><body>Disallow: /</body></html>", "/x", True),
    ("\x00\x01", "/x", True),
]


@pytest.mark.parametrize(("text", "path", "allowed"), RFC_9309)
def test_rules_are_those_of_the_rfc(text: str, path: str, allowed: bool) -> None:
    """Groups, product tokens, the longest match, wildcards, percent signs, line ends and noise."""
    assert allows(text, path) is allowed


def test_sitemap_lines_are_given_out() -> None:
    """They stand outside of the groups, hold for everyone, and count once."""
    body = (
        b"Sitemap: https://a/1\nUser-agent: x\nDisallow: /\nSITEMAP:https://a/2 # two\nsitemap: https://a/1\nsitemap:\n"
    )
    assert rules_from(200, body, "gristmill").sitemaps == ("https://a/1", "https://a/2")
    assert rules_from(503, body, "gristmill").sitemaps == ()


@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        ("crawl-delay: 2.5", 2.5),
        ("crawl-delay: -1", 0),
        ("crawl-delay: soon", 0),
        ("request-rate: 1/10", 10),
        ("request-rate: 5/1m\ncrawl-delay: 3", 12),
        ("", 0),
    ],
)
def test_the_longer_pause_counts(lines: str, delay: float) -> None:
    """Crawl-delay and Request-rate, in seconds between requests; nonsense is no delay."""
    assert rules_from(200, f"user-agent: *\n{lines}\ndisallow: /x".encode(), "gristmill").delay() == delay


@pytest.mark.parametrize(
    ("asked_at", "now", "due"),
    [(0.0, 86_399.0, False), (0.0, 86_400.0, True), (100.0, 50.0, True), (100.0, 100.0, False)],
)
def test_an_answer_holds_for_a_day(asked_at: float, now: float, due: bool) -> None:
    """And no longer, nor when the clock was set back (RFC 9309, section 2.4)."""
    assert is_due(asked_at, now) is due


@pytest.mark.parametrize(
    ("status", "before", "age", "stands"),
    [
        (None, 200, 3600, True),
        (503, 200, 3600, True),
        (503, 404, 3600, True),
        (503, 200, 30 * 86_400, False),
        (503, 500, 3600, False),
        (503, None, 3600, False),
        (200, 200, 3600, False),
        (404, 200, 3600, False),
    ],
)
def test_earlier_rules_outlive_a_failure(status: int | None, before: int | None, age: float, stands: bool) -> None:
    """For a month, if they could be read; an answer that can be read replaces them at once (section 2.3.1.4)."""
    assert still_stands(status, before, age) is stands


def test_a_huge_file_is_read_up_to_its_limit_in_time() -> None:
    """500 KiB count, and a file of rules made to be slow is read in under 2 seconds."""
    rules = b"user-agent: gristmill\n" + b"disallow: /" + b"*a" * 100 + b"\n"
    began = time.process_time()
    assert rules_from(200, rules * 20_000, "gristmill").refusal("https://a/" + "a" * 2000) == "robots.txt forbids it"
    late = b"user-agent: *\n" + b"#" * (500 << 10) + b"\ndisallow: /"
    assert rules_from(200, late, "gristmill").refusal("https://a/x") is None
    assert time.process_time() - began < 20
