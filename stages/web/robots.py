"""robots.txt: RFC 9309 states around protego's matcher, and how long an answer holds.

    answered 2xx          the rules of the first 500 KiB hold
    answered 4xx          no rules: everything is allowed
    5xx or unreachable    everything is forbidden; rules of an earlier answer are held on to for a month
    redirects             at most five are followed, then as 4xx (section 2.3.1.2)

protego alone would miss what real files need: unknown lines between user-agent lines, user-agent values with a version
or comment after the token, the size limit, and that a group for `grist` is not meant for `gristmill`. Pure: times are
given, in seconds on any one clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from protego import Protego

MAX_BYTES = 500 << 10
MAX_REDIRECTS = 5
MAX_DELAY = 60.0  # seconds; a host that asks for more is not crawled at all
MAX_AGE = 86_400.0  # seconds for which an answer holds (section 2.4)
HELD_ON = 30 * MAX_AGE  # seconds for which earlier rules outlive a robots.txt that cannot be read (section 2.3.1.4)
MAX_SITEMAPS = 1000  # lines of one file
_LINE = re.compile(r"\s*([a-z -]{1,20}?)\s*:(.*)", re.I)
_MATCHED = re.compile(r"\s*(user-agent|allow|disallow|crawl-delay|request-rate)\s*:", re.I)
_BARE = re.compile(r"(\s*(?:user-agent|allow|disallow))[ \t]+([^\s:]\S*)\s*", re.I)
_AGENT = re.compile(r"(\s*user-agent\s*:)\s*([^\s#/;(]+).*", re.I)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows to one user agent; `refused` forbids everything, for the reason it gives.

    `sitemaps` are the URLs of its Sitemap lines, as written: they stand outside of the groups and hold for everyone.
    """

    agent: str
    parser: Protego | None = None
    refused: str | None = None
    sitemaps: tuple[str, ...] = ()

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be fetched; None = it may."""
        if self.refused or self.parser is None:
            return self.refused
        return None if self.parser.can_fetch(url, closed(self.agent)) else "robots.txt forbids it"

    def delay(self) -> float:
        """Seconds between requests that the host asks for; 0 where it does not."""
        if self.parser is None:
            return 0.0
        rate = self.parser.request_rate(closed(self.agent))
        return max(float(self.parser.crawl_delay(closed(self.agent)) or 0), rate.seconds / rate.requests if rate else 0)


def is_due(asked_at: float, now: float) -> bool:
    """Must robots.txt be asked for again?"""
    return not 0 <= now - asked_at < MAX_AGE


def still_stands(status: int | None, before: int | None, age: float) -> bool:
    """Do rules that were read with the status `before`, `age` seconds ago, stand though it now answers `status`?"""
    return before is not None and is_readable(before) and not is_readable(status) and age < HELD_ON


def is_readable(status: int | None) -> bool:
    """Is an answer one that says what is allowed (section 2.3.1)?"""
    return status is not None and status < 500


def rules_from(status: int | None, body: bytes, agent: str) -> Rules:
    """Rules by the answer to the request for robots.txt; `status` None = no answer, 3xx = too many redirects."""
    token = agent.partition("/")[0].strip()
    if status is None:
        return Rules(token, refused="robots.txt cannot be reached")
    if status >= 500:
        return Rules(token, refused=f"robots.txt answers {status}")
    if not 200 <= status < 300:
        return Rules(token)
    rules = Rules(token, parser=Protego.parse(known_lines(body)), sitemaps=sitemap_lines(body))
    if rules.delay() > MAX_DELAY:
        return Rules(token, refused=f"robots.txt asks for {rules.delay():g} seconds between requests")
    return rules


def closed(token: str) -> str:
    """A product token with an end mark: protego takes a group whose name another name begins with for that other's."""
    return token if token == "*" else f"{token};"


def product_token(text: str) -> str:
    """The product token a user-agent value begins with, in lower case."""
    return re.split(r"[\s/;(]", text.strip(), maxsplit=1)[0].lower()


def _lines(body: bytes) -> list[str]:
    text = body[:MAX_BYTES].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return re.split(r"\r\n|\r|\n", text)


def known_lines(body: bytes) -> str:
    """The lines of a robots.txt that RFC 9309 and Crawl-delay define, with bare and closed product tokens."""
    kept = [line for line in map(_with_colon, _lines(body)) if _MATCHED.match(line)]
    return "\n".join(_AGENT.sub(lambda found: f"{found[1]} {closed(found[2])}", line) for line in kept)


def _with_colon(line: str) -> str:
    """A line that means a rule though its colon is missing, as Google reads it: rather too much is forbidden."""
    found = _BARE.fullmatch(line)
    return f"{found[1]}: {found[2]}" if found else line


def robots_lines(body: bytes) -> Iterator[tuple[str, str]]:
    """(name in lower case, value) of each line that has both, without comments."""
    for line in _lines(body):
        if (found := _LINE.match(line.partition("#")[0])) and found[2].strip():
            yield found[1].lower(), found[2].strip()


@lru_cache(1024)
def fits(pattern: str, url: str) -> bool:
    """Does a path pattern, as in a Disallow line (`*` any text, `$` the end), match a canonical URL?"""
    if not pattern.startswith(("/", "*")) or len(pattern.splitlines()) != 1:
        return False
    return not Protego.parse(f"User-agent: *\nDisallow: {pattern}").can_fetch(url, "*")


def sitemap_lines(body: bytes) -> tuple[str, ...]:
    """The values of the Sitemap lines, each once, in the order of the file."""
    values = [value for name, value in robots_lines(body) if name == "sitemap"]
    return tuple(dict.fromkeys(values))[:MAX_SITEMAPS]
