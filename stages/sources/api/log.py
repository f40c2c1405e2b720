"""Where the list of an interface stands, by the crawl log: pure functions of its rows and pages.

The log of an `api` source has a row per request, as that of a site, and marks: rows that begin with `skipped:` and say
how a run went. A list is read in one run or several; it begins at START and is whole at END.

    START     asked from here on              WAITS    not asked for yet: the run was cut off
    STOPPED   could not be had                LIMIT    not asked for: max_pages, max_records or max_total_bytes
Answers accumulate: a document is what the latest answer that holds it says, until the interface says it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.sources.log import GOOD

START, END = "skipped:start of the list", "skipped:end of the list"
WAITS, STOPPED, LIMIT = "skipped:not asked yet", "skipped:stopped here", "skipped:limit of the run"
MARKS = (START, END, WAITS, STOPPED, LIMIT)
NEXT = "#next"  # after the URL of an answer that does not lead on: what would have come next
LIST, RECORDS = "list", "records"  # what an answer is read for: keys, or records

Fetch = Mapping[str, Any]
Version = tuple[str, str]
"""(URL, digest of the body) of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the log holds of one source: its versions, the last asked last, and why some URLs have none."""

    versions: tuple[Version, ...]
    failed: Mapping[str, str]


def is_asked(rows: Sequence[Fetch]) -> bool:
    """Did a run of this crawl come to a halt by itself? One that was killed goes on with the next `dvc repro`."""
    return any(row["outcome"] in (END, STOPPED, LIMIT) for row in rows)


def answers(rows: Sequence[Fetch]) -> Answers:
    """The answers among the rows of one crawl, oldest first."""
    order = {(row["uri"], row["body_digest"]): at for at, row in enumerate(rows) if row["outcome"] in GOOD}
    return Answers(versions=tuple(sorted(order, key=lambda one: order[one])), failed=_failed(rows))


def _failed(rows: Sequence[Fetch]) -> dict[str, str]:
    """URL -> why it has no answer, of the last list that was begun."""
    listed = _last_list(rows)
    whole = any(row["outcome"] == END for row in listed)
    asked = [row for row in listed if row["outcome"] not in MARKS and not (whole and row["uri"].endswith(NEXT))]
    latest = {row["uri"]: row["outcome"] for row in asked}
    good = {row["uri"] for row in rows if row["outcome"] in GOOD}
    return {
        uri: outcome.removeprefix("failed:")
        for uri, outcome in sorted(latest.items())
        if outcome.startswith("failed:") and uri not in good
    }


def _last_list(rows: Sequence[Fetch]) -> Sequence[Fetch]:
    begun = [at for at, row in enumerate(rows) if row["outcome"] == START]
    return rows[begun[-1] :] if begun else rows


def goes_on_at(rows: Sequence[Fetch], *, past_limit: bool) -> str | None:
    """The URL at which the last list goes on; None where a new one is begun.

    It goes on where it was cut off, where it could not be had (once), and `past_limit` where a limit ended the run.
    """
    marks = [row for row in rows if row["outcome"] in MARKS]
    if not marks:
        return None
    last = marks[-1]
    if last["outcome"] == STOPPED:
        before = [row["uri"] for row in _last_list(marks) if row["outcome"] == STOPPED]
        return None if before.count(last["uri"]) > 1 else last["uri"]
    goes_on = last["outcome"] in (START, WAITS) or (last["outcome"] == LIMIT and past_limit)
    return last["uri"] if goes_on else None


def whole_lists(rows: Sequence[Fetch]) -> Iterator[list[Version]]:
    """The answers of every list that was read to its end, each list in its order."""
    held: list[Version] = []
    for row in rows:
        if row["outcome"] == START:
            held = []
        elif row["outcome"] in GOOD:
            held.append((row["uri"], row["body_digest"]))
        elif row["outcome"] == END:
            yield held


def read_answers(paths: Iterable[Path], source: str, wanted: Iterable[Version]) -> dict[Version, dict[str, Any]]:
    """The page rows of a source that `wanted` names."""
    names = set(wanted)
    found = {}
    for path in paths:
        table = pq.read_table(path, filters=pc.field("source") == source)
        found.update({key: row for row in table.to_pylist() if (key := (row["uri"], row["body_digest"])) in names})
    return found
