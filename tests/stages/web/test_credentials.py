"""Secrets: sent to one origin, and found nowhere afterwards."""

from __future__ import annotations

import asyncio
import pickle
import re
import time
import traceback
from dataclasses import asdict
from typing import Any

import pytest

from catalog.digests import digest_of
from catalog.errors import GristmillError, SourceError
from stages.web.auth import Auth
from stages.web.credentials import Credential, holds_secret, public_url, recorded_headers, redacted
from stages.web.egress import parse_networks
from stages.web.fetch import Answer, Fetcher, FetchError, Manners
from tests.stages.canaries import CANARY, IN_URL, echo
from tests.stages.websites import Website, redirect, running

HEADER = Auth(env="CANARY_TOKEN", header="Authorization", prefix="Bearer ")
QUERY = Auth(env="CANARY_TOKEN", query="api_key")
ONCE = Manners(user_agent="t", delay=0, timeout=2, attempts=1, max_bytes=10_000)
LOOPBACK = parse_networks(("127.0.0.0/8",))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds the canary."""
    monkeypatch.setenv("CANARY_TOKEN", CANARY)


KEPT = "https://example.org/a?page=2&q=x%20y&key=introduction&resumptionToken=0001&sid=news&code=404"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (KEPT, KEPT),
        ("https://example.org/a?", "https://example.org/a?"),
        ("https://example.org/a?token", "https://example.org/a?token"),
        ("https://user:pass@example.org/a", "https://example.org/a"),
        ("https://token@example.org/a", "https://example.org/a"),
        ("https://example.org/a?access_token=x&page=2", "https://example.org/a?page=2"),
        ("https://example.org/a?page=2&ACCESS-TOKEN=x&b=%20", "https://example.org/a?page=2&b=%20"),
        ("https://example.org/a?access%5Ftoken=x", "https://example.org/a"),
        ("https://example.org/a?user[token]=x", "https://example.org/a"),
        ("https://example.org/a?sig=x&sv=1", "https://example.org/a?sv=1"),
        ("https://example.org/a?X-Amz-Signature=x&X-Amz-Credential=y&v=1", "https://example.org/a?v=1"),
        ("https://example.org/a?X-Goog-Signature=x", "https://example.org/a"),
        ("https://example.org/a?api_key=x&apikey=x&key=AIzaSyD4kZ0_9xkQ3LmNop", "https://example.org/a"),
        ("https://example.org/a?PHPSESSID=x&sid=3f2a9c8d7e6b5a4f3f2a9c8d7e6b5a4f", "https://example.org/a"),
        ("https://example.org/a;jsessionid=x/b;JSESSIONID=y;v=1?q=1", "https://example.org/a/b;v=1?q=1"),
        ("https://example.org/a?client_secret=x&password=x&code=4/0AX4XfWh-1234abcd", "https://example.org/a"),
        ("https://example.org/a#access_token=x", "https://example.org/a"),
        ("https://example.org/a?p=1#&token=x", "https://example.org/a?p=1"),
    ],
)
def test_a_url_is_public(url: str, expected: str) -> None:
    """User names, passwords, tokens, signatures, keys and session ids go; pages, cursors and words stay as written."""
    assert public_url(url) == expected == public_url(expected)
    assert holds_secret(url) == (url.partition("#")[0] != expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://u:p@a.org/x?token=t&b=1 failed", "GET https://REDACTED@a.org/x?token=REDACTED&b=1 failed"),
        ('<https://a.org/?page=2&sig=s>; rel="next"', '<https://a.org/?page=2&sig=REDACTED>; rel="next"'),
        ("0; url=/x?access_token=t#y", "0; url=/x?access_token=REDACTED#y"),
        ("/cb#id_token=t&state=short", "/cb#id_token=REDACTED&state=short"),
        ("nothing to hide, a=b, mail a@b.org", "nothing to hide, a=b, mail a@b.org"),
    ],
)
def test_texts_are_redacted(text: str, expected: str) -> None:
    """Logs and errors keep their sense and lose their secrets."""
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "unit", ["//", "//a", "a=", "?a", "?a=", "s=", "?s=", "(s=", "token=", "[", "%", "&token=x", "@", "?" + "a" * 59]
)
def test_redaction_takes_linear_time(unit: str) -> None:
    """A hundred kilobytes of anything take no time."""
    began = time.perf_counter()
    redacted(unit * (100_000 // len(unit)))
    assert time.perf_counter() - began < 0.5


def test_recorded_headers_hold_no_secret() -> None:
    """Cookies and credentials go, the rest stays byte for byte and in order; what echoes the secret is overwritten."""
    credential = Credential(HEADER, "https://api.example.org/")
    sent = [
        (b"Content-Type", b"text/html"), (b"Set-Cookie", b"id=1"), (b"set-cookie2", b"x"), (b"X-Odd", b"caf\xe9"),
        (b"Authorization", b"x"), (b"WWW-Authenticate", b"Basic"), (b"X-Auth-Token", b"x"),
        (b"Location", b"https://u:p@a.org/?sig=s&v=1"), (b"X-Echo", b"you sent Bearer " + CANARY.encode()),
    ]  # fmt: skip
    assert recorded_headers(sent, credential) == (
        b"Content-Type: text/html\r\nX-Odd: caf\xe9\r\n"
        b"Location: https://REDACTED@a.org/?sig=REDACTED&v=1\r\nX-Echo: you sent Bearer REDACTED"
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"env": "ghp_canary", "header": "A"}, "never hold the secret itself"),
        ({"env": "T"}, "exactly one of"),
        ({"env": "T", "header": "A", "query": "b"}, "exactly one of"),
        ({"env": "T", "header": "A: b\r\nC"}, "not the name of a header"),
        ({"env": "T", "header": "A", "prefix": "x\r\ny"}, "printable ASCII"),
        ({"env": "T", "query": "a", "prefix": "x"}, "in a header"),
    ],
)
def test_auth_cannot_be_built_wrong(values: dict[str, str], problem: str) -> None:
    """And the error does not repeat what may be a secret."""
    with pytest.raises(ValueError, match=problem) as error:
        Auth(**values)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "url", "problem"),
    [
        (None, "https://a.org/", "`export CANARY_TOKEN=...`"),
        ("", "https://a.org/", "is not set"),
        ("canary", "https://a.org/", "8 or more printable ASCII"),
        ("canary\nX-Injected: 1", "https://a.org/", "8 or more printable ASCII"),
        (CANARY, "http://a.org/", "unencrypted; use https"),
        (CANARY, "http://127.0.0.1.a.org/", "unencrypted; use https"),
    ],
)
def test_a_secret_that_cannot_be_sent(
    value: str | None, url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, too short to be masked, breaking the request, or in the clear: an error before the first request."""
    monkeypatch.setenv("CANARY_TOKEN", value) if value is not None else monkeypatch.delenv("CANARY_TOKEN")
    with pytest.raises(SourceError, match=re.escape(problem)) as error:
        Credential(HEADER, url)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://api.example.org/x?y=1", True),
        ("https://API.example.org:443/", True),
        ("http://api.example.org/", False),
        ("https://api.example.org:8443/", False),
        ("https://example.org/", False),
        ("https://api.example.org.evil.test/", False),
        ("https://api.example.org@evil.test/", False),
        ("https://evil.test/https://api.example.org/", False),
    ],
)
def test_a_secret_goes_to_one_origin(url: str, same: bool) -> None:
    """Scheme, host and port are the same, or nothing is sent."""
    header, query = (Credential(auth, "https://api.example.org/v1/") for auth in (HEADER, QUERY))
    assert header.headers(url) == ({"Authorization": f"Bearer {CANARY}"} if same else {})
    assert query.headers(url) == {} and header.requested(url) == url
    assert ("api_key=canary7%2Bof%2Fenv%3D8d1f3a" in query.requested(url)) is same


def test_a_credential_is_not_written_anywhere() -> None:
    """Not by repr, not by pickle, not into parameters or their digest; the reference is all there is to see."""
    credential = Credential(HEADER, "https://a.org/")
    assert CANARY not in repr(credential) + str(credential) + repr(HEADER) + repr(asdict(HEADER))
    assert not hasattr(credential, "__dict__")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(credential)
    assert CANARY.encode() not in pickle.dumps(HEADER)
    assert digest_of(asdict(HEADER)) == digest_of(asdict(Auth(**asdict(HEADER))))


@pytest.mark.parametrize("written", [CANARY, "canary7%2Bof%2Fenv%3D8d1f3a", "dXNlcjpjYW5hcnk3K29mL2Vudj04ZDFmM2E="])
def test_a_secret_is_known_in_its_usual_spellings(written: str) -> None:
    """As it is, in a URL, in base64 after a user name."""
    credential = Credential(HEADER, "https://a.org/")
    assert credential.is_in(f"<p>{written}</p>".encode()) and "REDACTED" in credential.hidden(f"x{written}y")
    assert not credential.is_in(b"canary") and credential.hidden("canary") == "canary"


def followed(auth: Auth, replies: dict[str, Any], other: dict[str, Any] | None = None) -> tuple[Any, Website, Website]:
    """One chain from the origin of a credential: the answer or error, the site, and another origin."""

    async def run() -> tuple[Any, Website, Website]:
        async with running(Website(replies)) as site, running(Website(other or {})) as elsewhere:
            away = redirect(f"http://127.0.0.1:{elsewhere.port}/?page=1", 302)
            site.replies = {"/away": away, "/away?api_key=canary7%2Bof%2Fenv%3D8d1f3a": away} | replies
            credential = Credential(auth, f"http://127.0.0.1:{site.port}/")
            async with Fetcher(ONCE, LOOPBACK, credential=credential) as fetcher:
                try:
                    found: Any = await fetcher.follow(f"http://u:{IN_URL}@127.0.0.1:{site.port}/away")
                except FetchError as error:
                    found = "".join(traceback.format_exception(error))
                return found, site, elsewhere

    return asyncio.run(run())


@pytest.mark.parametrize("auth", [HEADER, QUERY])
def test_a_redirect_to_another_origin_drops_the_credential(auth: Auth) -> None:
    """It is sent to its own origin, by header or query, and neither it nor a trace of it to the next."""
    answer, site, elsewhere = followed(auth, {}, {"/?page=1": "there"})
    assert isinstance(answer, Answer) and answer.body == b"there"
    assert "canary7" in str([site.asked, site.headers]) and elsewhere.asked == ["/?page=1"]
    assert "canary" not in str([elsewhere.asked, elsewhere.headers, answer])


def test_an_echo_is_not_taken_down() -> None:
    """Cookies, validators, links and the target of a redirect come back without the secret that the server repeats."""
    answer, site, _ = followed(HEADER, {"/away": echo, "/end?echo=REDACTED": "x"})
    assert isinstance(answer, Answer) and "canary" not in str(answer)
    assert site.asked == ["/away", "/end?echo=REDACTED"]


def test_a_body_that_repeats_the_credential_is_no_answer() -> None:
    """It would be kept byte for byte, so it is not kept; nor does the error hold it, in its text or in its frames."""
    error, *_ = followed(HEADER, {"/away": f"<p>your token is {CANARY}"})
    assert "the answer repeats the credential" in error and "canary" not in error


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization", "X-API-Key"])
def test_no_caller_sends_a_secret_by_hand(name: str) -> None:
    """A header without an origin would follow redirects."""

    async def run() -> None:
        async with Fetcher(ONCE, LOOPBACK) as fetcher:
            with pytest.raises(ValueError, match="give it as a Credential"):
                await fetcher.get("http://127.0.0.1:1/", {name: CANARY})

    asyncio.run(run())


def test_errors_of_the_stage_are_its_own() -> None:
    """A credential that is missing is told like any other mistake of the user."""
    assert issubclass(SourceError, GristmillError)
