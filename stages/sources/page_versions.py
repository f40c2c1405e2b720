"""The versions of a page that the crawl log holds, and what changed between the last two.

Reads   the crawl log. Run: gristmill versions URI
A page that reads otherwise than when it was listed or judged (poisoned by a split view) shows here, line by line.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from catalog.errors import InputError, exit_on_error
from catalog.schema import CAPTURES, FETCHES
from stages.sources.bodies import roughly_decoded
from stages.sources.log import GOOD, CrawlLog, read_log

SHOWN = 200  # lines of a difference
FETCHED = FETCHES.remove(FETCHES.get_field_index("headers"))
BODIES = pa.schema([CAPTURES.field(name) for name in ("body_digest", "body", "charset")])


class Version(NamedTuple):
    """A body as text, and when it was there first (since the one before it)."""

    since: str
    digest: str
    text: str


def versions(log: CrawlLog, uri: str) -> list[Version]:
    """The bodies that an address had, oldest first; one that came back stands there again."""
    rows = [row for path in log.files("fetches") for row in read_log(path, FETCHED).to_pylist() if row["uri"] == uri]
    good = sorted((row["fetched_at"], row["body_digest"]) for row in rows if row["outcome"] in GOOD)
    changes = [next(group) for _, group in itertools.groupby(good, key=lambda one: one[1])]
    bodies = _bodies(log, {digest for _, digest in changes})
    return [Version(since, digest, bodies.get(digest, "")) for since, digest in changes]


def _bodies(log: CrawlLog, digests: set[str]) -> dict[str, str]:
    found = {}
    for path in log.files("pages") if digests else ():
        table = read_log(path, BODIES)
        for position, digest in enumerate(table["body_digest"].to_pylist()):
            if digest in digests:
                found[digest] = roughly_decoded(table["body"][position].as_py(), table["charset"][position].as_py())
    return found


def report(found: list[Version]) -> Iterator[str]:
    """A line per version, and the difference of the last two, without its ends where it is long."""
    yield from (f"{one.since}  {one.digest}" for one in found)
    if len(found) < 2:
        return
    before, after = (one.text.splitlines() for one in found[-2:])
    lines = list(difflib.unified_diff(before, after, found[-2].since, found[-1].since, lineterm=""))
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"{len(lines) - SHOWN} more lines"


def main() -> None:
    """Print; see the module."""
    parser = argparse.ArgumentParser(prog="python -m stages.sources.page_versions", description="versions of a page")
    parser.add_argument("uri", help="the address of a page of a website")
    uri = parser.parse_args().uri
    found = versions(CrawlLog(), uri)
    if not found:
        raise InputError(
            f'the crawl log has no page {uri}; `gristmill sql "select uri from fetches"` lists what it has'
        )
    print(*report(found), sep="\n")


if __name__ == "__main__":
    exit_on_error(main)
