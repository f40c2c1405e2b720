"""robots.txt: RFC 9309 states around protego's matcher.

    answered 2xx          the rules of the first 500 KiB hold
    answered 4xx          no rules: everything is allowed
    5xx or unreachable    everything is forbidden
    redirects             at most five are followed, then as 4xx (section 2.3.1.2)

protego alone would miss three things that real files need: unknown lines between user-agent lines, user-agent values
with a version or comment after the token, and the size limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protego import Protego

MAX_BYTES = 500 << 10
MAX_REDIRECTS = 5
MAX_DELAY = 60.0  # seconds; a host that asks for more is not crawled at all
_KNOWN = re.compile(r"\s*(user-agent|allow|disallow|crawl-delay|request-rate)\s*:", re.I)
_AGENT = re.compile(r"(\s*user-agent\s*:\s*[^\s#]+).*", re.I)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows to one user agent; `refused` forbids everything, for the reason it gives."""

    agent: str
    parser: Protego | None = None
    refused: str | None = None

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be fetched; None = it may."""
        if self.refused or self.parser is None:
            return self.refused
        return None if self.parser.can_fetch(url, self.agent) else "robots.txt forbids it"

    def delay(self) -> float:
        """Seconds between requests that the host asks for; 0 where it does not."""
        return float(self.parser.crawl_delay(self.agent) or 0) if self.parser else 0.0


def rules_from(status: int | None, body: bytes, agent: str) -> Rules:
    """Rules by the answer to the request for robots.txt; `status` None = no answer, 3xx = too many redirects."""
    token = agent.partition("/")[0].strip()
    if status is None:
        return Rules(token, refused="robots.txt cannot be reached")
    if status >= 500:
        return Rules(token, refused=f"robots.txt answers {status}")
    if not 200 <= status < 300:
        return Rules(token)
    rules = Rules(token, parser=Protego.parse(known_lines(body)))
    if rules.delay() > MAX_DELAY:
        return Rules(token, refused=f"robots.txt asks for {rules.delay():g} seconds between requests")
    return rules


def known_lines(body: bytes) -> str:
    """The lines of a robots.txt that RFC 9309 and Crawl-delay define, with bare product tokens."""
    text = body[:MAX_BYTES].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    kept = [line for line in re.split(r"\r\n|\r|\n", text) if _KNOWN.match(line)]
    return "\n".join(_AGENT.sub(r"\1", line) for line in kept)
