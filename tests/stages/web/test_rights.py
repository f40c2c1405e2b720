"""Rights: every signal is read where it may stand, and it refuses training exactly where it says so."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.web.rights import Signal, page_signals, refuses, robots_signals, well_known_signals

URL = "https://a.example/docs/page.html"
AGENT = "gristmill/0.1 (+mailto:a@b.example)"
TDM = "/.well-known/tdmrep.json"


def header(line: str) -> tuple[Signal, ...]:
    return page_signals(f"Content-Type: text/html\r\n{line}\r\nETag: x".encode(), b"<p>text")


def page(html: str) -> tuple[Signal, ...]:
    return page_signals(b"", html.encode())


def robots(text: str) -> tuple[Signal, ...]:
    return robots_signals(text.encode(), AGENT, URL)


def tdm(text: str) -> tuple[Signal, ...]:
    return well_known_signals(TDM, text.encode(), URL)


def ai_txt(text: str) -> tuple[Signal, ...]:
    return well_known_signals("/ai.txt", text.encode(), URL)


TWELVE: list[tuple[Callable[[str], tuple[Signal, ...]], str, str, str, str, str, str]] = [
    # read by, signal, where, what refuses and its value, what does not and its value
    (robots, "robots", "robots.txt", "User-agent: GPTBot\nDisallow: /", "GPTBot: disallow",
     "User-agent: GPTBot\nDisallow: /private", "GPTBot: allow"),
    (robots, "content-usage", "robots.txt", "User-Agent: *\nContent-Usage: train-ai=n\nAllow: /", "train-ai=n",
     "User-Agent: *\nContent-Usage: train-ai=y\nAllow: /", "train-ai=y"),
    (robots, "content-signal", "robots.txt", "User-Agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /",
     "ai-train=no, search=yes", "User-Agent: *\nContent-Signal: ai-train=yes, search=no", "ai-train=yes, search=no"),
    (header, "x-robots-tag", "header", "X-Robots-Tag: NoAI, noimageai", "noai, noimageai",
     "X-Robots-Tag: noimageai", "noimageai"),
    (page, "meta-robots", "meta", '<meta name="robots" content="noindex, follow">', "noindex",
     "<META CONTENT='index,follow' NAME='Robots'>", "index"),
    (header, "tdm-reservation", "header", "TDM-Reservation: 1", "1", "tdm-reservation: 0", "0"),
    (page, "tdm-reservation", "meta", '<meta name="tdm-reservation" content="1">', "1",
     '<meta name="tdm-reservation" content="0">', "0"),
    (tdm, "tdm-reservation", TDM, '[{"location": "/docs/*", "tdm-reservation": 1}]', "1",
     '[{"location": "/docs/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', "0"),
    (ai_txt, "ai-txt", "/ai.txt", "User-Agent: *\nDisallow: *.html\nAllow: *.txt", "*: disallow",
     "User-Agent: *\nDisallow: *.png\nAllow: /", "*: allow"),
    (header, "content-usage", "header", "Content-Usage: train-ai=n, search=y", "search=y, train-ai=n",
     "Content-Usage: search=n", "search=n"),
    (header, "content-signal", "header", "Content-Signal: ai-train=no", "ai-train=no",
     "Content-Signal: ai-train=yes", "ai-train=yes"),
    (page, "meta-robots", "meta", '<meta name="GPTBot" content="none">', "none",
     '<meta name="gptbot" content="all">', "all"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "signal", "where", "no", "refused", "yes", "allowed"), TWELVE)
def test_twelve_signals_say_two_things(
    read: Callable[[str], tuple[Signal, ...]], signal: str, where: str, no: str, refused: str, yes: str, allowed: str
) -> None:
    """Each is kept whatever it says, with its place, and refuses in one case out of two."""
    assert read(no) == (Signal(signal, refused, where),)
    assert read(yes) == (Signal(signal, allowed, where),)
    assert [refuses(one) for one in (*read(no), *read(yes))] == [True, False]


LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("signals", "where"),
    [
        (page(f'<a rel="license nofollow" href="{LICENCE}">CC</a>'), "link"),
        (page(f'<link rel=license href="{LICENCE}">'), "link"),
        (header(f'Link: </a>; rel=next, <{LICENCE}>; rel="license"'), "header"),
    ],
)
def test_a_licence_is_evidence_and_refuses_nothing(signals: tuple[Signal, ...], where: str) -> None:
    """It names conditions that people have to read."""
    assert signals == (Signal("licence", LICENCE, where),)
    assert not refuses(signals[0])


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("train-ai=n", True),
        ("train-genai=n, train-ai=y", True),
        ("bots=n", True),
        ("bots=n, train-ai=y", False),
        ("tdm=n, ai=y", False),
        ("search=n", False),
        ("train-ai=?0", True),
        ("train-ai=?1", False),
    ],
)
def test_the_closest_category_counts(value: str, refused: bool) -> None:
    """A statement on training stands before one on a wider category."""
    assert refuses(Signal("content-usage", value, "header")) is refused


def test_a_signal_that_nobody_defined_refuses() -> None:
    """What was not understood is not taken for consent."""
    assert refuses(Signal("no-such-signal", "x", "header"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("User-agent: *\nDisallow: /", []),
        ("User-agent: ccbot/2.0 # ours\nUser-agent: x\nDisallow: /docs", ["CCBot: disallow"]),
        ("User-agent: OAI-SearchBot\nDisallow: /", []),
        ("User-agent: GPTBot\nDisallow: /\nAllow: /docs/", ["GPTBot: allow"]),
        ("User-agent: claude\nDisallow: /\nUser-agent: ClaudeBot\nAllow: /", ["ClaudeBot: allow"]),
        ("Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", ["ai-train=no"]),
        ("User-agent: gristmill\nContent-Usage: train-ai=y\n\nUser-agent: *\nContent-Usage: train-ai=n",
         ["train-ai=y"]),
        ("User-agent: x\nContent-Usage: train-ai=n\nAllow: /", []),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /docs/ train-ai=y", ["train-ai=y"]),
        ("User-agent: *\nContent-Usage: /docs/ train-ai=y\nContent-Usage: train-ai=n", ["train-ai=y"]),
        ("User-agent: *\nContent-Usage: /blog/ train-ai=n", []),
        ("User-agent: *\nContent-Usage: train-ai=perhaps", []),
    ],
)  # fmt: skip
def test_groups_and_paths_of_robots_are_followed(text: str, values: list[str]) -> None:
    """A crawler is called by its name, a usage line holds for its group and below its path, the longest path first."""
    assert [one.value for one in robots(text)] == values


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("X-Robots-Tag: otherbot: noindex", []),
        ("X-Robots-Tag: otherbot: noindex, noai", []),
        ("X-Robots-Tag: GPTBot: noindex", ["noindex"]),
        ("X-Robots-Tag: unavailable_after: 25 Jun 2030 15:00:00 PST", []),
        ("TDM-Reservation: yes", []),
        ("Content-Usage: train-ai=n;x=1, train-ai=y", ["train-ai=y"]),
        ("X-Other: noai", []),
    ],
)
def test_headers_are_read_as_their_texts_say(line: str, values: list[str]) -> None:
    """Other agents' tags, unknown values and other headers are no signal."""
    assert [one.value for one in header(line)] == values


def test_signals_in_comments_and_scripts_are_none() -> None:
    """And a page in UTF-16 is read too; equal signals count once, in one order."""
    tag = '<meta name="robots" content="noai">'
    assert page(f"<!-- {tag} --><script>'{tag}'</script><textarea>{tag}</textarea>") == ()
    assert page_signals(b"", (tag + tag).encode("utf-16")) == (Signal("meta-robots", "noai", "meta"),)
    both = ["X-Robots-Tag: noai", "TDM-Reservation: 1"]
    assert header("\r\n".join(both)) == header("\r\n".join(both[::-1]))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('[{"location": "https://a.example/docs/*.html", "tdm-reservation": 1}]', ["1"]),
        ('[{"location": "https://b.example/", "tdm-reservation": 1}]', []),
        ('[{"location": "/", "tdm-reservation": "1"}]', ["1"]),
        ('{"location": "/", "tdm-reservation": 1}', []),
        ("[1, {}, null]", []),
        ("[" * 100_000, []),
        ("<html>", []),
    ],
)
def test_well_known_files_are_read_or_passed_over(text: str, values: list[str]) -> None:
    """The first rule for the place counts; what is no TDMRep says nothing."""
    assert [one.value for one in tdm(text)] == values
    assert ai_txt("<html><p>Not found</p></html>") == ()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_are_read(headers: bytes, body: bytes) -> None:
    """No bytes raise an error."""
    page_signals(b"X-Robots-Tag: " + headers, b"<meta name=robots " + body)
    robots_signals(b"User-agent: GPTBot\nContent-Usage:" + body, AGENT, URL)
    for path in (TDM, "/ai.txt"):
        well_known_signals(path, body, URL)


@pytest.mark.parametrize(
    "body",
    [b"<meta " * 300_000, b"<a rel=license href=x" * 100_000, b"<!--" * 500_000, b"<link a=" + b"'" * 2_000_000,
     b"<a rel=license href=x>" * 100_000],
)  # fmt: skip
def test_a_page_made_to_hang_costs_little(body: bytes) -> None:
    """Linear time and a bounded number of signals."""
    began = time.process_time()
    assert len(page_signals(body[:2_000_000], body)) <= 64
    assert time.process_time() - began < 30
