"""The crawl log: what the network answered and when. It only ever gains files; nothing in it can be computed again.

Reads, writes   data/crawl/log/fetches/<digest>.parquet   one row per request made or decided against
                data/crawl/log/pages/<digest>.parquet     one row per new version of a page, in the schema of captures
A file is named by its logical digest: the same answers give the same files, and two clones merge by copying.
A crawl writes file after file. Its rows share `run`, and a last row with the outcome END says that it is whole: what a
site looks like is read from whole crawls alone, so that it is never that of half a crawl.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.digests import document_id, logical_digest
from catalog.layout import CRAWL_LOG
from catalog.parquet import conform, read_parquet, write_parquet
from catalog.schema import CAPTURES, FETCHES

if TYPE_CHECKING:
    from stages.web.fetch import Answer

GOOD = ("captured", "unchanged")
END = "skipped:end of the crawl"
TABLES = {"pages": CAPTURES, "fetches": FETCHES}

Fetch = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A pure function of the log: the body digest of the latest good version per URI, and why the others have none."""

    good: Mapping[str, str]
    failed: Mapping[str, str]
    rights: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """What is said of the use of a page, as of its latest good answer; only of pages of which something is."""


@dataclass(frozen=True, slots=True)
class CrawlLog:
    """The log below `root`."""

    root: Path = CRAWL_LOG

    def append(self, fetches: list[dict[str, Any]], pages: list[pa.Table]) -> None:
        """Add the rows of a crawl, or of a part of one: pages first, so that no fetch names a page that is not there.

        Rows may lack columns that may be null.
        """
        for page in pages:
            self.write("pages", page)
        self.write("fetches", pa.Table.from_pylist(fetches, schema=FETCHES.remove_metadata()))

    def write(self, name: str, table: pa.Table) -> None:
        """Add a file of `fetches` or `pages`, named by its rows."""
        table = conform(table, TABLES[name], f"crawl log {name}")
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{logical_digest(table)[:32]}.parquet"
        beside = path.with_suffix(".tmp")
        write_parquet(table, beside)
        beside.replace(path)

    def forget(self, ids: frozenset[str]) -> int:
        """Rewrite the files that hold pages or fetches of the documents `ids` without them; the rows that went.

        Where such a document only stands on the way to another, the row stays and the way goes.
        """
        gone = 0
        for name, schema in TABLES.items() if ids else ():
            for path in self.files(name):
                table = read_log(path, schema)
                named = [document_id(uri) in ids for uri in table["uri"].to_pylist()]
                kept = table.filter(pa.array([not one for one in named], pa.bool_()))
                kept = _without_ways(kept, ids) if name == "fetches" else kept
                if any(named) or not kept.equals(table):
                    gone += sum(named)
                    if kept.num_rows:
                        self.write(name, kept)
                    path.unlink()
        return gone

    def files(self, name: str) -> list[Path]:
        """Files of `fetches` or `pages`, sorted by name."""
        return sorted((self.root / name).glob("*.parquet"))

    def fetches(self, source: str) -> list[dict[str, Any]]:
        """Every fetch of a source, oldest first, without headers."""
        schema = FETCHES.remove(FETCHES.get_field_index("headers"))
        tables = [read_log(path, schema) for path in self.files("fetches")]
        rows = [row for table in tables for row in table.filter(pc.equal(table["source"], source)).to_pylist()]
        unique = {(row["fetched_at"], row["uri"], row["outcome"]): row for row in rows}
        return [unique[key] for key in sorted(unique)]

    def snapshot(self, source: str, crawl: str, as_of: str | None = None) -> Snapshot | None:
        """What a source looks like by its latest good answers; None where no crawl with these settings is whole."""
        return snapshot_of([row for row in self.fetches(source) if row["crawl"] == crawl], as_of)


def fetch_row(
    uri: str,
    *,
    source: str,
    crawl: str,
    outcome: str,
    run: str | None = None,
    fetched_at: str | None = None,
    answer: Answer | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row of `fetches` but for its headers, of now unless `fetched_at` says when; what is not given is null.

    Errors: TypeError for a column that there is not.
    """
    unknown = more.keys() - set(FETCHES.names)
    if unknown:
        raise TypeError(f"fetches have no column {', '.join(sorted(unknown))}")
    row = dict.fromkeys((name for name in FETCHES.names if name != "headers"), None) | {
        "uri": uri, "source": source, "crawl": crawl, "run": run, "outcome": outcome,
        "fetched_at": fetched_at or datetime.now(UTC).isoformat(timespec="microseconds"),
    }  # fmt: skip
    if answer:
        row |= {name: getattr(answer, name) for name in ("status", "etag", "last_modified", "location")}
    return row | more


def read_log(path: Path, schema: pa.Schema) -> pa.Table:
    """A file of the log with the columns of `schema`; those that did not exist when it was written are null."""
    there = pq.read_schema(path).names
    table = read_parquet(path, [name for name in schema.names if name in there])
    for one in schema:
        if one.name not in there:
            table = table.append_column(one.name, pa.nulls(table.num_rows, one.type))
    return table.select(schema.names).cast(pa.schema([one.remove_metadata() for one in schema]))


def ended_runs(rows: Iterable[Fetch]) -> dict[str, str]:
    """Run -> when it was marked as whole."""
    return {row["run"]: row["fetched_at"] for row in rows if row["outcome"] == END}


def open_run(rows: Sequence[Fetch]) -> str | None:
    """The latest run that was begun and not ended; None where there is none, or a later one has ended."""
    ended = ended_runs(rows)
    runs = {row["run"] for row in rows if row["run"]}
    left = max(runs - ended.keys(), default=None)
    return left if left and all(run < left for run in ended) else None


def snapshot_of(rows: Iterable[Fetch], as_of: str | None = None) -> Snapshot | None:
    """What the whole crawls among `rows` (oldest first) that had ended by `as_of` give; None where there is none.

    A row without a run was written by a crawl that wrote once, at its end.
    """
    rows = [row for row in rows if as_of is None or row["fetched_at"] <= as_of]
    ended = ended_runs(rows)
    rows = [row for row in rows if (row["run"] is None or row["run"] in ended) and row["outcome"] != END]
    if not rows:
        return None
    good = {row["uri"]: row["body_digest"] for row in rows if row["outcome"] in GOOD}
    latest = {row["uri"]: row["outcome"] for row in rows}
    failed = {
        uri: outcome.removeprefix("failed:")
        for uri, outcome in latest.items()
        if uri not in good and outcome.startswith("failed:")
    }
    said = {row["uri"]: row["rights"] for row in rows if row["outcome"] in GOOD}
    return Snapshot(good=good, failed=failed, rights={uri: rights for uri, rights in said.items() if rights})


def _without_ways(fetches: pa.Table, ids: frozenset[str]) -> pa.Table:
    """Fetches that name none of the documents `ids` as a place that they lead to or were led from."""
    if all(fetches[name].null_count == fetches.num_rows for name in ("location", "chain")):
        return fetches
    rows = fetches.to_pylist()
    for row in rows:
        if row["location"] and document_id(row["location"]) in ids:
            row["location"] = row["headers"] = None
        if row["chain"] and any(document_id(url) in ids for url in row["chain"]):
            row["chain"] = [url for url in row["chain"] if document_id(url) not in ids]
    return pa.Table.from_pylist(rows, schema=fetches.schema)


def read_pages(paths: list[Path], source: str, good: Mapping[str, str]) -> pa.Table:
    """The captures of a source that `good` (URI -> body digest) names, sorted by URI, each once."""
    tables = [CAPTURES.remove_metadata().empty_table()]
    for path in paths:
        table = read_log(path, CAPTURES)
        table = table.filter(pc.equal(table["source"], source))
        named = [good.get(uri) == digest for uri, digest in _pairs(table)]
        tables.append(table.filter(pa.array(named, pa.bool_())))
    found = pa.concat_tables(tables)
    order = {uri: position for position, (uri, _) in enumerate(_pairs(found))}
    return found.take(pa.array([order[uri] for uri in sorted(order)], pa.int64()))


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["uri"].to_pylist(), table["body_digest"].to_pylist(), strict=True))
