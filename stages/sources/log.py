"""The crawl log: what the network answered and when. It only ever gains files; nothing in it can be computed again.

Reads, writes   data/crawl/log/fetches/<digest>.parquet   one row per request made or decided against
                data/crawl/log/pages/<digest>.parquet     one row per body of a source, in the schema of captures
A body stands there once, under the address that had it first; a fetch of it at another address names it by its digest.
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
from catalog.erasure.forget import is_forgotten
from catalog.layout import CRAWL_LOG
from catalog.parquet import conform, read_parquet, write_parquet
from catalog.schema import CAPTURES, FETCHES

if TYPE_CHECKING:
    from stages.web.fetch import Answer

GOOD = ("captured", "unchanged")
END = "skipped:end of the crawl"
TABLES = {"pages": CAPTURES, "fetches": FETCHES}
KEYS = pa.schema([CAPTURES.field(name) for name in ("uri", "source", "body_digest")])
DECLARED = ("mime", "charset", "content_language")  # of a page, by its server
HEIRS = pa.schema([FETCHES.field(name) for name in ("uri", "source", "body_digest", "outcome", *DECLARED)])

Fetch = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A pure function of the log: the body digest of the latest good version per URI, and why the others have none."""

    good: Mapping[str, str]
    failed: Mapping[str, str]
    rights: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """What is said of the use of a page, as of its latest good answer; only of pages of which something is."""
    types: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """(media type, charset) as declared by the latest good answer; none in logs from before they were written down."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """The Content-Language of the latest good answer, of pages that came with one."""


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

        Where such a document only stands on the way to another, the row stays and the way goes. A body that another
        address had too passes to that one.
        """
        return self._forget_pages(ids) + self._forget_fetches(ids) if ids else 0

    def _forget_pages(self, ids: frozenset[str]) -> int:
        named = {path: _named(read_log(path, KEYS), ids) for path in self.files("pages")}
        heirs = heirs_of(self, named, ids) if any(map(any, named.values())) else {}
        for path, rows in named.items():
            if any(rows):
                table = read_log(path, CAPTURES)
                kept = table.filter(pa.array([not one for one in rows], pa.bool_()))
                left = table.filter(pa.array(rows, pa.bool_())).to_pylist()
                passed = [row | heir for row in left if (heir := heirs.pop((row["source"], row["body_digest"]), None))]
                kept = pa.concat_tables([kept, pa.Table.from_pylist(passed, schema=kept.schema)])
                self._replace("pages", path, kept)
        return sum(map(sum, named.values()))

    def _forget_fetches(self, ids: frozenset[str]) -> int:
        gone = 0
        for path in self.files("fetches"):
            table = read_log(path, FETCHES)
            named = _named(table, ids)
            kept = _without_ways(table.filter(pa.array([not one for one in named], pa.bool_())), ids)
            if not kept.equals(table):
                gone += sum(named)
                self._replace("fetches", path, kept)
        return gone

    def _replace(self, name: str, path: Path, rows: pa.Table) -> None:
        """Write rows in place of those of a file, which goes last."""
        if rows.num_rows:
            self.write(name, rows)
        path.unlink()

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
    if not rows and not ended:  # of a whole crawl that is empty, every page was forgotten
        return None
    good = {row["uri"]: row["body_digest"] for row in rows if row["outcome"] in GOOD}
    latest = {row["uri"]: row["outcome"] for row in rows}
    failed = {
        uri: outcome.removeprefix("failed:")
        for uri, outcome in latest.items()
        if uri not in good and outcome.startswith("failed:")
    }
    latest_good = {row["uri"]: row for row in rows if row["outcome"] in GOOD}
    return Snapshot(
        good=good,
        failed=failed,
        rights={uri: row["rights"] for uri, row in latest_good.items() if row["rights"]},
        types={uri: (row["mime"], row["charset"]) for uri, row in latest_good.items() if row["mime"]},
        languages={uri: row["content_language"] for uri, row in latest_good.items() if row["content_language"]},
    )


def heirs_of(
    log: CrawlLog, named: Mapping[Path, Sequence[bool]], ids: frozenset[str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """(source, digest) -> what changes in the row of a body that only forgotten documents hold, and that passes to
    another address, which had it too; `named` says of each row of the page files whether its document is forgotten.
    """
    lost: set[tuple[str, str]] = set()
    stay: set[tuple[str, str]] = set()
    for path, rows in named.items():
        table = read_log(path, KEYS)
        for source, digest, gone in zip(
            table["source"].to_pylist(), table["body_digest"].to_pylist(), rows, strict=True
        ):
            (lost if gone else stay).add((source, digest))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in log.files("fetches"):
        for row in read_log(path, HEIRS).to_pylist():
            key = (row["source"], row["body_digest"])
            if row["outcome"] not in GOOD or key not in lost - stay or is_forgotten(row["uri"], ids):
                continue
            if key not in found or row["uri"] < found[key]["uri"]:
                given = {name: row[name] for name in ("uri", *DECLARED) if row[name] is not None}
                found[key] = {"id": document_id(row["uri"]), **given}
    return found


def _named(table: pa.Table, ids: frozenset[str]) -> list[bool]:
    return [is_forgotten(uri, ids) for uri in table["uri"].to_pylist()]


def _without_ways(fetches: pa.Table, ids: frozenset[str]) -> pa.Table:
    """Fetches that name none of the documents `ids` as a place that they lead to or were led from."""
    if all(fetches[name].null_count == fetches.num_rows for name in ("location", "chain")):
        return fetches
    return pa.Table.from_pylist([without_ways(row, ids) for row in fetches.to_pylist()], schema=fetches.schema)


def without_ways(row: Fetch, ids: frozenset[str]) -> dict[str, Any]:
    """A fetch that names none of the documents `ids` as a place that it leads to or was led from."""
    left = dict(row)
    if row["location"] and is_forgotten(row["location"], ids):
        left |= {"location": None, "headers": None}
    if row["chain"]:
        left["chain"] = [url for url in row["chain"] if not is_forgotten(url, ids)]
    return left


def read_pages(paths: list[Path], source: str, good: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """URI -> the row of the body that `good` (URI -> digest) names, in the order of URIs; bodies that are nowhere lack.

    The row is that of the URI itself where there is one, else that of an address which had the body before.
    """
    wanted = pa.array(sorted(set(good.values())), pa.string())
    own: dict[tuple[str, str], dict[str, Any]] = {}
    held: dict[str, dict[str, Any]] = {}
    for path in paths:
        table = read_log(path, CAPTURES)
        fits = pc.and_(pc.equal(table["source"], source), pc.is_in(table["body_digest"], wanted))
        for row in table.filter(fits).to_pylist():
            own[row["uri"], row["body_digest"]] = held[row["body_digest"]] = row
    return {uri: own.get((uri, good[uri]), held[good[uri]]) for uri in sorted(good) if good[uri] in held}
