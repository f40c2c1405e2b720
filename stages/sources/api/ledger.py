"""What a run has done and not yet written: rows and answers, appended to the crawl log a file at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.digests import canonical_json
from stages.sources.api.log import WAITS, Version
from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.log import CrawlLog, fetch_row
from stages.sources.rows import Row, sha256_hex
from stages.sources.settings.api import ApiSource, api_digest
from stages.web.fetch import Answer

FLUSH = 100  # rows between two files of the log


@dataclass(slots=True)
class Ledger:
    """The rows and answers of one run; `versions` are the answers that are written already."""

    source: ApiSource
    log: CrawlLog
    versions: set[Version]
    fetches: list[dict[str, Any]] = field(default_factory=list)
    pages: list[Located] = field(default_factory=list)
    good: int = 0
    flushed: bool = False
    last: datetime | None = None

    def record(self, url: str, outcome: str, answer: Answer | None = None, digest: str | None = None) -> None:
        """Add a row; rows of a run have growing times, so that the log keeps their order."""
        now = datetime.now(UTC)
        self.last = now if self.last is None else max(now, self.last + timedelta(microseconds=1))
        row = fetch_row(
            url, source=self.source.name, crawl=api_digest(self.source), outcome=outcome, answer=answer,
            fetched_at=self.last.isoformat(timespec="microseconds"), body_digest=digest,
        )  # fmt: skip
        self.fetches.append(row | {"headers": answer.headers if answer else None})

    def keep(self, url: str, answer: Answer, body: bytes, part: str) -> None:
        """Record a good answer, and keep its bytes unless the log has them."""
        digest = sha256_hex(body)
        self.good += 1
        self.record(url, "unchanged" if answer.status == 304 else "captured", answer, digest)
        if (url, digest) in self.versions:
            return
        self.versions.add((url, digest))
        meta = canonical_json({"part": part})
        row = Row(body=body, key=None, mime=answer.mime, charset=answer.charset, meta=meta)
        self.pages.append(Located(url, row, answer.status))

    def save(self, *, waits: str | None = None, least: int = 1) -> None:
        """Append what is held to the log where it is `least` rows or more; `waits` is asked for next."""
        if len(self.fetches) < least:
            return
        if waits:
            self.record(waits, WAITS)
        origin = Origin(source=self.source.name, licence=self.source.licence)
        pages = sorted(self.pages, key=lambda page: page.uri)
        tables = [table for name, _, table in capture_tables(pages, origin) if name == "captures" and table.num_rows]
        self.log.append(self.fetches, tables)
        self.fetches, self.pages, self.flushed = [], [], True
