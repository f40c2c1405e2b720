"""Forgotten documents leave the answers that hold them: the log is rewritten without their records.

Reads and writes the crawl log. An answer loses the record and nothing else; its digest changes in pages and fetches.
A row `skipped:without <digest>` says for which tombstones and page files that was done, so that it is done once.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.digests import digest_of
from catalog.erasure.forget import is_forgotten
from catalog.parquet import read_parquet
from catalog.schema import CAPTURES, FETCHES
from stages.sources.api.answers import UnreadableAnswer
from stages.sources.api.log import LIST, Version
from stages.sources.api.records import without_records
from stages.sources.log import CrawlLog
from stages.sources.rows import sha256_hex
from stages.sources.settings.api import ApiSource


def forget_records(source: ApiSource, log: CrawlLog, ids: frozenset[str]) -> int:
    """Take the records of the documents `ids` out of every answer of a source; the number of answers that changed.

    New pages are written first and old ones removed last, so that a fetch always names a page that is there.
    """
    rows = log.fetches(source.name)
    done = any(row["outcome"] == _mark(log, ids) for row in rows)
    if done or not ids or not rows or source.records.format == "page":
        return 0
    changed: dict[Version, str] = {}
    old = [path for path in log.files("pages") if _rewritten(path, source, log, ids, changed)]
    if changed:
        _renamed(source, log, changed)
    for path in old:
        path.unlink()
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    note = {"uri": f"api:{source.name}", "source": source.name, "crawl": rows[-1]["crawl"], "fetched_at": now}
    log.append([dict.fromkeys(FETCHES.names) | note | {"outcome": _mark(log, ids)}], [])
    return len(changed)


def _mark(log: CrawlLog, ids: frozenset[str]) -> str:
    """The outcome that says: these page files hold none of the documents `ids`."""
    return f"skipped:without {digest_of([sorted(ids), [path.name for path in log.files('pages')]])[:32]}"


def _rewritten(path: Path, source: ApiSource, log: CrawlLog, ids: frozenset[str], changed: dict[Version, str]) -> bool:
    """Write a page file anew where an answer in it changes; is the old one to be removed?"""
    table = read_parquet(path)
    if source.name not in table["source"].to_pylist():
        return False
    rows, before = table.to_pylist(), len(changed)
    for row in rows:
        if row["source"] != source.name or json.loads(row["meta"] or "{}").get("part") == LIST:
            continue
        body = _without(row, source, ids)
        if body != row["body"]:
            changed[row["uri"], row["body_digest"]] = digest = sha256_hex(body)
            row |= {"body": body, "body_digest": digest}
    if len(changed) > before:
        log.write("pages", pa.Table.from_pylist(rows, schema=CAPTURES.remove_metadata()))
    return len(changed) > before


def _without(row: dict[str, Any], source: ApiSource, ids: frozenset[str]) -> bytes:
    body: bytes = row["body"]
    try:
        return without_records(body, source.records, lambda uri: is_forgotten(uri, ids))
    except UnreadableAnswer:
        return body  # nobody can read a document out of it


def _renamed(source: ApiSource, log: CrawlLog, changed: dict[Version, str]) -> None:
    """Write the fetches of changed answers anew, with their digests; their validators go, as they name other bytes."""
    for path in log.files("fetches"):
        rows = read_parquet(path).to_pylist()
        named = [row for row in rows if row["source"] == source.name and (row["uri"], row["body_digest"]) in changed]
        for row in named:
            row |= {"body_digest": changed[row["uri"], row["body_digest"]], "etag": None, "last_modified": None}
        if named:
            log.write("fetches", pa.Table.from_pylist(rows, schema=FETCHES.remove_metadata()))
            path.unlink()
