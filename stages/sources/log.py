"""The crawl log: what the network answered and when. It only ever gains files; nothing in it can be computed again.

Reads, writes   data/crawl/log/fetches/<digest>.parquet   one row per request made or decided against
                data/crawl/log/pages/<digest>.parquet     one row per new version of a page, in the schema of captures
A file is named by its logical digest: the same answers give the same files, and two clones merge by copying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.digests import document_id, logical_digest
from catalog.layout import CRAWL_LOG
from catalog.parquet import conform, read_parquet, write_parquet
from catalog.schema import CAPTURES, FETCHES

GOOD = ("captured", "unchanged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A pure function of the log: the body digest of the latest good version per URI, and why the others have none."""

    good: Mapping[str, str]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CrawlLog:
    """The log below `root`."""

    root: Path = CRAWL_LOG

    def append(self, fetches: list[dict[str, Any]], pages: list[pa.Table]) -> None:
        """Add one crawl: its pages first, so that no fetch names a page that is not there."""
        for page in pages:
            self._write("pages", conform(page, CAPTURES, "crawl log pages"))
        table = pa.Table.from_pylist(fetches, schema=FETCHES.remove_metadata())
        self._write("fetches", conform(table, FETCHES, "crawl log fetches"))

    def _write(self, name: str, table: pa.Table) -> None:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{logical_digest(table)[:32]}.parquet"
        beside = path.with_suffix(".tmp")
        write_parquet(table, beside)
        beside.replace(path)

    def forget(self, ids: frozenset[str]) -> int:
        """Rewrite the files that hold pages or fetches of the documents `ids` without them; the rows that went."""
        gone = 0
        for name in ("pages", "fetches") if ids else ():
            for path in self.files(name):
                table = read_parquet(path)
                named = [document_id(uri) in ids for uri in table["uri"].to_pylist()]
                if any(named):
                    gone += sum(named)
                    self._write(name, table.filter(pa.array([not one for one in named])))
                    path.unlink()
        return gone

    def files(self, name: str) -> list[Path]:
        """Files of `fetches` or `pages`, sorted by name."""
        return sorted((self.root / name).glob("*.parquet"))

    def fetches(self, source: str) -> list[dict[str, Any]]:
        """Every fetch of a source, oldest first, without headers."""
        columns = [name for name in FETCHES.names if name != "headers"]
        tables = [read_parquet(path, columns) for path in self.files("fetches")]
        rows = [row for table in tables for row in table.filter(pc.equal(table["source"], source)).to_pylist()]
        return sorted(rows, key=lambda row: (row["fetched_at"], row["uri"], row["outcome"]))

    def snapshot(self, source: str, crawl: str) -> Snapshot | None:
        """What a source looks like by its latest good answers; None where this crawl was never made."""
        rows = [row for row in self.fetches(source) if row["crawl"] == crawl]
        if not rows:
            return None
        good = {row["uri"]: row["body_digest"] for row in rows if row["outcome"] in GOOD}
        latest = {row["uri"]: row["outcome"] for row in rows}
        failed = {
            uri: outcome.removeprefix("failed:")
            for uri, outcome in latest.items()
            if uri not in good and outcome.startswith("failed:")
        }
        return Snapshot(good=good, failed=failed)

    def validators(self, source: str, crawl: str) -> dict[str, dict[str, Any]]:
        """The latest good fetch per URI, for conditional requests."""
        return {row["uri"]: row for row in self.fetches(source) if row["crawl"] == crawl and row["outcome"] in GOOD}


def read_pages(paths: list[Path], source: str, good: Mapping[str, str]) -> pa.Table:
    """The captures of a source that `good` (URI -> body digest) names, sorted by URI, each once."""
    tables = [CAPTURES.remove_metadata().empty_table()]
    for path in paths:
        table = pq.read_table(path, filters=[("source", "=", source)])
        named = [good.get(uri) == digest for uri, digest in _pairs(table)]
        tables.append(table.filter(pa.array(named, pa.bool_())).cast(CAPTURES.remove_metadata()))
    found = pa.concat_tables(tables)
    order = {uri: position for position, (uri, _) in enumerate(_pairs(found))}
    return found.take(pa.array([order[uri] for uri in sorted(order)], pa.int64()))


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["uri"].to_pylist(), table["body_digest"].to_pylist(), strict=True))
