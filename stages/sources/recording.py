"""From the answers of a crawl to rows of the crawl log: held by the frontier first, written in parts.

Writes  the frontier (stages/sources/frontier.py), and from it the crawl log, pages first
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.frontier import Frontier, Held, Waiting
from stages.sources.log import END, GOOD, CrawlLog, fetch_row
from stages.sources.rows import Row
from stages.sources.settings.site import SiteSource, crawl_digest
from stages.web.fetch import Answer

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When answers go into the log: after so many rows, bytes of new bodies, or seconds."""

    rows: int = 500
    bytes: int = 32 << 20
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was had: its digest, the one before it, why no body is stored, and the body where one is."""

    digest: str
    previous: str | None = None
    revisit: str | None = None
    body: bytes | None = None
    rights: Sequence[Mapping[str, str]] = ()
    mime: str | None = None
    charset: str | None = None
    content_language: str | None = None


@dataclass(slots=True, kw_only=True)
class Recorder:
    """The rows of the crawl `run`; they get growing times."""

    source: SiteSource
    log: CrawlLog
    frontier: Frontier
    run: str
    bounds: Bounds
    rows: int = 0
    size: int = 0
    good: bool = False
    stored: set[str] = field(default_factory=set)  # digests of the bodies that this process gave to be stored
    flushed_at: float = field(default_factory=time.monotonic)
    _stamp: datetime = NEVER
    _crawl: str = field(init=False)

    def __post_init__(self) -> None:
        self._crawl = crawl_digest(self.source)

    def record(
        self,
        url: str,
        outcome: str,
        answer: Answer | None = None,
        *,
        one: Waiting | None = None,
        page: Page | None = None,
    ) -> None:
        """Hold a row for the log; `one` says how the URL was come by, `page` what was had of it."""
        self._stamp = max(datetime.now(UTC), self._stamp + timedelta(microseconds=1))
        had = page or Page(digest="")
        fetch = fetch_row(
            url, source=self.source.name, crawl=self._crawl, run=self.run, outcome=outcome, answer=answer,
            fetched_at=self._stamp.isoformat(timespec="microseconds"),
            body_digest=had.digest or None, revisit=had.revisit, previous_digest=had.previous,
            depth=one.depth if one and one.kind == "page" else None, chain=list(one.chain) or None if one else None,
            rights=list(page.rights) if page else None, mime=had.mime, charset=had.charset,
            content_language=had.content_language,
        )  # fmt: skip
        self._hold(fetch, answer, page)

    def _hold(self, fetch: dict[str, Any], answer: Answer | None, page: Page | None) -> None:
        body = page.body if page else None
        if page and body is not None:
            self.stored.add(page.digest)
        self.frontier.hold(
            Held(
                fetch=fetch, headers=answer.headers if answer else None, body=body, mime=answer.mime if answer else "",
                charset=answer.charset if answer else None,
            )
        )  # fmt: skip
        self.rows += 1
        self.size += len(body or b"")
        self.good = self.good or fetch["outcome"] in GOOD

    def end(self) -> None:
        """Say that the crawl is whole, and write what is held."""
        self.record(f"crawl:{self.source.name}", END)
        self.flush()

    def flush_when_due(self) -> None:
        """Write what is held once it is enough; nothing while not one page was had, since that may be no crawl."""
        late = time.monotonic() - self.flushed_at >= self.bounds.seconds
        if self.good and (self.rows >= self.bounds.rows or self.size >= self.bounds.bytes or late):
            self.flush()

    def flush(self, known: Collection[str] = ()) -> None:
        """Write what is held, but for rows of `known` times, which the log has; pages, then fetches, then let go."""
        self.frontier.sync()
        held = [one for one in self.frontier.held() if one.fetch["fetched_at"] not in known]
        pages = sorted((located(one) for one in held if one.body is not None), key=lambda page: page.uri)
        origin = Origin(source=self.source.name, licence=self.source.licence)
        tables = [table for name, _, table in capture_tables(pages, origin) if name == "captures" and table.num_rows]
        if held:
            self.log.append([{**one.fetch, "headers": one.headers} for one in held], tables)
        self.frontier.release()
        self.rows, self.size, self.flushed_at = 0, 0, time.monotonic()


def located(one: Held) -> Located:
    """The capture of a held page."""
    row = Row(
        body=one.body or b"", key=None, mime=one.mime, charset=one.charset, rights=one.fetch["rights"] or (),
        content_language=one.fetch.get("content_language"),
    )  # fmt: skip
    return Located(one.fetch["uri"], row, one.fetch["status"])
