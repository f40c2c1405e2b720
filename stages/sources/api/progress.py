"""What an earlier run left for the next one: where to go on, since when to ask, and the answers known.

Reads the crawl log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.sources.api.answers import UnreadableAnswer, parsed
from stages.sources.api.log import GOOD, START, Version, goes_on_at, read_answers, whole_lists
from stages.sources.log import CrawlLog
from stages.sources.settings.api import ApiSource, api_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`begun`: has this list been asked for before? `since` continues a whole one; `goes_on_at` one that is not.

    `good`      URL -> latest good row;  `bodies`  URL -> its body, where it has a validator
    `versions`  all answers there are;  `done`  URLs that the list under way has asked for already
    """

    begun: bool
    goes_on_at: str | None
    since: str | None
    good: Mapping[str, Mapping[str, Any]]
    bodies: Mapping[str, bytes]
    versions: frozenset[Version]
    done: frozenset[str]


def progress_of(source: ApiSource, log: CrawlLog) -> Progress:
    """Where a source stands, by the log."""
    rows = [row for row in log.fetches(source.name) if row["crawl"] == api_digest(source)]
    good = {row["uri"]: row for row in rows if row["outcome"] in GOOD}
    url = goes_on_at(rows, past_limit=source.since is not None)
    begun = [at for at, row in enumerate(rows) if row["outcome"] == START]
    current = rows[begun[-1] :] if begun and url else []
    conditional = [row for row in good.values() if row["etag"] or row["last_modified"]]
    versions = [(row["uri"], row["body_digest"]) for row in conditional]
    pages = read_answers(log.files("pages"), source.name, versions)
    return Progress(
        begun=bool(rows),
        goes_on_at=url,
        since=_since(source, log, rows),
        good=good,
        bodies={uri: page["body"] for (uri, _), page in pages.items()},
        versions=frozenset((row["uri"], row["body_digest"]) for row in rows if row["outcome"] in GOOD),
        done=frozenset(row["uri"] for row in current if row["outcome"] in GOOD),
    )


def _since(source: ApiSource, log: CrawlLog, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The newest value of `since.path` in the lists that were read to their end; longer numbers are newer."""
    since = source.since
    if since is None:
        return None
    asked = [version for one in whole_lists(rows) for version in (one[:1] if since.take == "first" else one)]
    pages = read_answers(log.files("pages"), source.name, asked)
    values: list[str] = []
    for page in pages.values():
        try:
            values += parsed(page["body"], source.listing, source.records.namespaces).texts(since.path)
        except UnreadableAnswer:
            continue  # an item of another format
    return max(values, key=lambda value: (len(value), value), default=None)
