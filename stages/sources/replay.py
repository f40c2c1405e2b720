"""What a crawled site looks like now, as tables: a pure function of the crawl log.

Reads   page files of the crawl log. Writes tables for stages/crawl.py. It needs no network and no HTTP library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.sources.captures import Located, Origin, Output, capture_tables
from stages.sources.formats import Broken
from stages.sources.log import Snapshot, read_pages
from stages.sources.rows import Row

LOST = "the crawl log has no body of it any more; `gristmill recrawl` asks for it again"


def replay_site(snapshot: Snapshot, pages: list[Path], *, params: Origin) -> Iterator[Output]:
    """Tables of one site: its pages sorted by URI; pages without a good version are rows of the quarantine."""
    return capture_tables(_located(read_pages(pages, params.source, snapshot.good), snapshot), params)


def _located(pages: Mapping[str, dict[str, Any]], snapshot: Snapshot) -> Iterator[Located]:
    for uri, page in pages.items():
        mime, charset = snapshot.types.get(uri, (page["mime"], page["charset"]))
        row = Row(
            body=page["body"], key=None, mime=mime, charset=charset, rights=snapshot.rights.get(uri, ()),
            content_language=snapshot.languages.get(uri),
        )  # fmt: skip
        yield Located(uri, row, page["status"])
    failed = dict.fromkeys(snapshot.good.keys() - pages.keys(), LOST) | dict(snapshot.failed)
    for uri in sorted(failed):
        yield Located(uri, Broken("", failed[uri]))
