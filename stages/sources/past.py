"""What the crawl log knows of a site when a crawl begins: versions, when each page is due, and a crawl to take up.

Reads the crawl log. Pure functions of its rows, but for `past_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stages.sources.bodies import Bodies, bodies_of
from stages.sources.log import END, GOOD, CrawlLog, Fetch, ended_runs, open_run
from stages.sources.settings.site import Schedule, SiteSource, crawl_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an earlier crawl left.

    `known`   URL -> its latest good row, whose body is in `bodies`
    `due`     URL -> when it is to be asked again, ISO 8601 in UTC
    `ended`   runs that are whole;  `open`  the run to take up, None where there is none
    """

    known: Mapping[str, Fetch]
    bodies: Bodies
    due: Mapping[str, str]
    rows: tuple[Fetch, ...]
    ended: frozenset[str]
    open: str | None

    def recorded(self, run: str) -> dict[str, Fetch]:
        """URL -> the row that a run has in the log already; none of pages whose body is gone."""
        mine = [row for row in self.rows if row["run"] == run and row["outcome"] != END]
        return {row["uri"]: row for row in mine if row["outcome"] not in GOOD or row["body_digest"] in self.bodies}

    def is_due(self, url: str, now: str, changed_at: str | None = None) -> bool:
        """Is a URL to be asked: unknown, due by now, or said to have changed since it was asked?"""
        if url not in self.due or self.due[url] <= now:
            return True
        return url in self.known and is_later(changed_at, self.known[url]["fetched_at"])


def past_of(source: SiteSource, log: CrawlLog) -> Past:
    """What the log knows of a source, whatever its settings were; runs are those with the settings of now."""
    rows = log.fetches(source.name)
    ours = [row for row in rows if row["crawl"] == crawl_digest(source)]
    bodies = bodies_of(log, source.name)
    good = {row["uri"]: row for row in rows if row["outcome"] in GOOD and row["body_digest"] in bodies}
    return Past(
        known=good, bodies=bodies, due=due_times(ours, source.schedule), rows=tuple(ours),
        ended=frozenset(ended_runs(ours)), open=open_run(ours),
    )  # fmt: skip


def due_times(rows: Iterable[Fetch], schedule: Schedule) -> dict[str, str]:
    """When each URL is due again, by its fetches, oldest first: later where it stood still, sooner where not."""
    days: dict[str, float] = {}
    last: dict[str, str] = {}
    for row in rows:
        url = row["uri"]
        if row["outcome"] == "unchanged" and url in days:
            days[url] = min(schedule.longest, days[url] * schedule.grow)
        elif row["outcome"] == "captured" and row["previous_digest"] and url in days:
            days[url] = max(schedule.shortest, days[url] * schedule.shrink)
        elif row["outcome"] in GOOD or row["outcome"].startswith("failed:"):
            days.setdefault(url, schedule.days)
        else:
            continue
        last[url] = row["fetched_at"]
    return {url: _later_by(last[url], days[url]) for url in days}


def _later_by(moment: str, days: float) -> str:
    return (datetime.fromisoformat(moment) + timedelta(days=days)).isoformat(timespec="microseconds")


def is_later(said: str | None, asked_at: str) -> bool:
    """Does a time that a sitemap or feed gives lie after a fetch? Midnight is a bare date: it counts to its end."""
    if not said:
        return False
    found = datetime.fromisoformat(said)
    midnight = (found.hour, found.minute, found.second) == (0, 0, 0)
    return found + timedelta(days=1 if midnight else 0) > datetime.fromisoformat(asked_at)
