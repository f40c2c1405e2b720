"""Files that a list names, pinned by what was had the first time: their addresses and sha256 stand in the crawl log.

Reads, writes   the crawl log: a row per file, and a last one that says that the list is whole. `location` says where a
                file was had, where that is not its address: a file of the hub by its commit.
A list that was cut off goes on where it was. Later runs, and other machines, take the files that the log names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.sources.download import pinned_now
from stages.sources.log import END, CrawlLog, Fetch, ended_runs, fetch_row, open_run
from stages.sources.settings.archive import Pinned
from stages.sources.settings.site import utc_now
from stages.web.auth import Auth

ROWS = 1000  # held before they are written, where nothing was downloaded for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file as a list names it; `url` is where it is had, `sha256` what the list says of it."""

    uri: str
    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A file of a list that was had: its address, and the download that gives it again."""

    uri: str
    pinned: Pinned


def pins_of(rows: Sequence[Fetch], as_of: str | None = None) -> list[Pin] | None:
    """The files of the last whole list that had ended by `as_of`, by address; None where there is none."""
    ended = {run: at for run, at in ended_runs(rows).items() if as_of is None or at <= as_of}
    if not ended:
        return None
    mine = {row["uri"]: row for row in rows if row["run"] == max(ended) and row["outcome"] != END}
    return [
        Pin(uri=uri, pinned=Pinned(url=row["location"] or uri, sha256=row["body_digest"]))
        for uri, row in sorted(mine.items())
    ]


def listed_rows(log: CrawlLog, source: str, listing: str) -> list[dict[str, Any]]:
    """The rows of a list; `listing` is the digest of the settings that decide it."""
    return [row for row in log.fetches(source) if row["crawl"] == listing]


def pin_files(source: str, listing: str, files: Iterable[Listed], log: CrawlLog, auth: Auth | None = None) -> int:
    """Have the files of a list that the log does not have yet, and say that it is whole; how many there are.

    Errors: SourceError for a file that cannot be had; what came before it stands.
    """
    rows = listed_rows(log, source, listing)
    run = open_run(rows) or utc_now()
    known = {row["location"] or row["uri"]: row["body_digest"] for row in rows if row["body_digest"]}
    here = {row["uri"] for row in rows if row["run"] == run}
    held: list[dict[str, Any]] = []
    for one in files:
        if one.uri in here:
            continue
        here.add(one.uri)
        sha256 = one.sha256 or known.get(one.url)
        row = fetch_row(
            one.uri, source=source, crawl=listing, run=run, outcome="captured",
            body_digest=sha256 or pinned_now(one.url, auth), location=one.url if one.url != one.uri else None,
        )  # fmt: skip
        held.append(row)
        if sha256 is None or len(held) == ROWS:
            log.append(held, [])
            held = []
    end = fetch_row(f"crawl:{source}", source=source, crawl=listing, run=run, outcome=END)
    log.append([*held, end], [])
    return len(here)
