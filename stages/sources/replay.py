"""What a crawled site looks like now, as tables: a pure function of the crawl log.

Reads   page files of the crawl log. Writes tables for stages/crawl.py. It needs no network and no HTTP library.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.formats import Broken
from stages.sources.log import Snapshot, read_pages
from stages.sources.rows import Row


def replay_site(snapshot: Snapshot, pages: list[Path], *, params: Origin) -> Iterator[Output]:
    """Tables of one site: its pages sorted by URI; pages without a good version are rows of the quarantine."""
    found = read_pages(pages, params.source, snapshot.good)
    return capture_tables(_located(found.to_pylist(), snapshot), params)


def _located(pages: list[dict[str, Any]], snapshot: Snapshot) -> Iterator[Located]:
    for page in pages:
        rights = snapshot.rights.get(page["uri"], ())
        row = Row(body=page["body"], key=None, mime=page["mime"], charset=page["charset"], rights=rights)
        yield Located(page["uri"], row, page["status"])
    for uri in sorted(snapshot.failed):
        yield Located(uri, Broken("", snapshot.failed[uri]))
