"""One answer of an interface, after all the waiting that it asks for, checked, and in the ledger.

A good answer is 200 (or 304 for one that is known), is what its format says, and holds no error of its own.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.erasure.forget import is_forgotten
from stages.sources.api.answers import Tree, UnreadableAnswer, parsed
from stages.sources.api.bodies import posted
from stages.sources.api.ledger import Ledger
from stages.sources.api.limits import exhausted_for, headers_of, pause_between
from stages.sources.api.log import LIST
from stages.sources.api.progress import Progress
from stages.sources.api.records import without_records
from stages.sources.notes import note
from stages.sources.settings.api import ApiSource
from stages.sources.settings.records import Format
from stages.web.credentials import origin_of
from stages.web.fetch import Answer, Fetcher, FetchError

PROGRESS = 50  # answers between two lines of progress
REFUSALS = frozenset((403, 429, 503))

Sleep = Callable[[float], Awaitable[Any]]


class Failed(Exception):
    """An answer that cannot be had; the message becomes its outcome."""


@dataclass(frozen=True, slots=True)
class Got:
    """A good answer; `body` is as it is kept."""

    answer: Answer
    tree: Tree
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, by their name in lower case."""
        return headers_of(self.answer.headers)


@dataclass(slots=True)
class Asker:
    """The client of one run: `asked` answers and `size` bytes so far, and the time until which it must wait."""

    source: ApiSource
    fetcher: Fetcher
    before: Progress
    ledger: Ledger
    forgotten: frozenset[str]
    sleep: Sleep
    asked: int = 0
    size: int = 0
    ready_at: float = 0.0
    urls: set[str] = field(default_factory=set)

    async def ask(self, url: str, kind: Format, part: str) -> Got:
        """One answer, recorded whatever it is. Errors: Failed."""
        self.asked += 1
        if self.asked % PROGRESS == 0:
            note(self.source.name, f"{self.asked} answers", answers=self.asked)
        try:
            got = await self._good(url, kind, part)
        except (Failed, FetchError, UnreadableAnswer) as error:
            self.ledger.record(url, f"failed:{error}")
            raise Failed(str(error)) from None
        self.urls.add(url)
        self.size += len(got.body)
        self.ledger.keep(url, got.answer, got.body, part)
        return got

    async def _good(self, url: str, kind: Format, part: str) -> Got:
        """The answer to one URL. Errors: Failed, FetchError, UnreadableAnswer."""
        for attempt in range(1, self.source.attempts + 1):
            answer = await self._answer(url)
            again = self._refusal(answer)
            if answer.status == 304 and url in self.before.bodies:
                body = self.before.bodies[url]
                return Got(answer, parsed(body, kind, self.source.records.namespaces), body)
            if answer.status == 200:
                tree = parsed(answer.body, kind, self.source.records.namespaces)
                again = self._passing(tree, attempt) if kind == self.source.listing else ""
                if not again:
                    return Got(answer, tree, self._remembered(answer.body, part))
            if not again or attempt == self.source.attempts:
                raise Failed(again or f"status {answer.status}")
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _answer(self, url: str) -> Answer:
        home = origin_of(url)
        await self._wait()
        target, body = posted(self.source, url)
        if body is None:
            answer = await self.fetcher.follow(
                url, self._headers(url), html_only=False,
                may=lambda hop: None if origin_of(hop) == home else "redirect to another origin",
            )  # fmt: skip
        else:  # a redirect of it is an answer, and no good one: what a body may be sent to is `base` alone
            answer = await self.fetcher.get(target, dict(self.source.headers), html_only=False, body=body)
        self.fetcher.delay = max(self.fetcher.delay, pause_between(headers_of(answer.headers)))
        return answer

    def _headers(self, url: str) -> dict[str, str]:
        """The headers of a request; conditional where the answer of an earlier run is known."""
        if url not in self.before.bodies or url in self.urls:
            return dict(self.source.headers)
        known: Mapping[str, Any] = self.before.good[url]
        names = {"If-None-Match": "etag", "If-Modified-Since": "last_modified"}
        return self.source.headers | {header: known[name] for header, name in names.items() if known[name]}

    async def _wait(self) -> None:
        """Wait until the interface may be asked. Errors: Failed where that takes longer than max_wait."""
        left = self.ready_at - time.time()
        if left > self.source.max_wait:
            raise Failed(f"rate limit used up for more than max_wait {self.source.max_wait:g} s")
        if left > 0:
            await self.sleep(left)
        self.ready_at = 0.0

    def _rest(self, seconds: float) -> None:
        """Leave the interface alone for so long."""
        self.ready_at = max(self.ready_at, time.time() + seconds)

    def _refusal(self, answer: Answer) -> str:
        """Note a limit that is used up; why the request is worth another attempt, or nothing."""
        seconds = exhausted_for(headers_of(answer.headers), time.time())
        if seconds:
            self._rest(seconds)
        return f"status {answer.status}, the rate limit is used up" if seconds and answer.status in REFUSALS else ""

    def _passing(self, tree: Tree, attempt: int) -> str:
        """Heed what the answer says of waiting and of errors; why another attempt is worth it. Errors: Failed."""
        failures = self.source.failures
        seconds = tree.text(failures.backoff) or ""
        if seconds.isdigit():
            self._rest(int(seconds[:6]))
        error = tree.text(failures.error)
        if error is None or error in failures.nothing:
            return ""
        reason = f"the answer says {' '.join(error.split())[:120]}"
        if error not in failures.passing:
            raise Failed(reason)
        self._rest(0 if seconds else 2.0**attempt)
        return reason

    def _remembered(self, body: bytes, part: str) -> bytes:
        """A body without the records that are forgotten."""
        if not self.forgotten or part == LIST or self.source.records.format == "page":
            return body
        return without_records(body, self.source.records, lambda uri: is_forgotten(uri, self.forgotten))
