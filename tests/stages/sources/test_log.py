"""The crawl log: snapshots of whole crawls at any time, files that merge by copying, older files, and forgetting."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.digests import document_id
from catalog.erasure.forget import host_id
from catalog.parquet import write_parquet
from catalog.schema import CAPTURES, FETCHES
from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.log import END, CrawlLog, open_run, read_pages, snapshot_of
from stages.sources.rows import Row


def fetch(at: int, uri: str, outcome: str = "captured", digest: str | None = "d", **more: Any) -> dict[str, Any]:
    """A row of the log, fetched on the `at`-th of January."""
    digest = digest if outcome in ("captured", "unchanged") else None
    return {
        "uri": f"http://a/{uri}", "source": "site", "crawl": "c", "fetched_at": day(at), "outcome": outcome,
        "body_digest": digest, "run": None, "location": None, "chain": None, "rights": None, "previous_digest": None,
        "mime": None, "charset": None, "content_language": None,
        **more,
    }  # fmt: skip


def day(at: int) -> str:
    """A time as the log writes it."""
    return f"2026-01-{at:02}T00:00:00.000000+00:00"


def run(begin: int, *rows: dict[str, Any], end: int | None) -> list[dict[str, Any]]:
    """The rows of a crawl that began on a day, and ended, or did not."""
    mark = [fetch(end, "mark", END)] if end else []
    return [row | {"run": day(begin)} for row in (*rows, *mark)]


FIRST = run(1, fetch(1, "a", digest="a1"), fetch(2, "b", digest="b1"), fetch(2, "x", "failed:status 404"), end=3)
SECOND = run(5, fetch(5, "a", digest="a2"), fetch(6, "b", "failed:status 500"), end=7)
HALF = run(9, fetch(9, "a", digest="a3"), fetch(9, "x", digest="x1"), end=None)
LOG = FIRST + SECOND + HALF


@pytest.mark.parametrize(
    ("as_of", "good", "failed"),
    [
        (1, None, None),
        (2, None, None),
        (3, {"a": "a1", "b": "b1"}, {"x"}),
        (6, {"a": "a1", "b": "b1"}, {"x"}),
        (7, {"a": "a2", "b": "b1"}, {"x"}),
        (30, {"a": "a2", "b": "b1"}, {"x"}),
        (None, {"a": "a2", "b": "b1"}, {"x"}),
    ],
)
def test_a_snapshot_is_that_of_whole_crawls_as_of_a_time(as_of: int | None, good: Any, failed: Any) -> None:
    """The latest good version per URL of the crawls that had ended by then, never half a one; a failure hides none."""
    found = snapshot_of(LOG, day(as_of) if as_of else None)
    assert (found and {uri.removeprefix("http://a/"): digest for uri, digest in found.good.items()}) == good
    assert (found and {uri.removeprefix("http://a/") for uri in found.failed}) == failed


def test_rows_from_before_crawls_had_a_mark_count() -> None:
    """They were written at once, at the end of a crawl."""
    assert snapshot_of([fetch(1, "a"), fetch(2, "b")]).good.keys() == {"http://a/a", "http://a/b"}  # type: ignore[union-attr]
    assert snapshot_of([]) is None


@pytest.mark.parametrize(
    ("rows", "left"),
    [([], None), (FIRST, None), (LOG, day(9)), (HALF + run(11, fetch(11, "a"), end=12), None), (HALF, day(9))],
)
def test_the_crawl_to_take_up_is_the_last_one_if_it_has_not_ended(rows: list[dict[str, Any]], left: str | None) -> None:
    """A crawl that was cut off and followed by a whole one is left as it is."""
    assert open_run(rows) == left


def page(name: str, body: bytes) -> pa.Table:
    """The captures of one page."""
    row = Row(body=body, key=None, mime="text/html")
    return next(capture_tables([Located(f"http://a/{name}", row, 200)], Origin(source="site", licence="x")))[2]


def test_two_logs_merge_by_copying(tmp_path: Path) -> None:
    """Equal rows are one file; a row that stands in two files counts once."""
    one, two = CrawlLog(tmp_path / "one"), CrawlLog(tmp_path / "two")
    one.append(FIRST, [page("a", b"1")])
    two.append(FIRST, [page("a", b"1")])
    two.append(SECOND, [page("a", b"2")])
    two.append(FIRST[:1] + SECOND[:1], [])
    shutil.copytree(two.root, one.root, dirs_exist_ok=True)
    assert len(one.files("fetches")) == 3 and len(one.files("pages")) == 2
    assert len(one.fetches("site")) == len(FIRST + SECOND)
    assert one.snapshot("site", "c") == snapshot_of(FIRST + SECOND)
    assert one.snapshot("site", "other settings") is None and one.fetches("other source") == []


def test_files_from_before_a_column_existed_are_read(tmp_path: Path) -> None:
    """Its values are null; such a log needs no migration."""
    log, later = (
        CrawlLog(tmp_path),
        {"fetches": ("mime", "charset", "content_language"), "pages": ("content_language",)},
    )
    late = ("run", "depth", "chain", "location", "revisit", "previous_digest", "rights")
    for name, schema, rows in (("fetches", FETCHES, [fetch(1, "a")]), ("pages", CAPTURES, page("a", b"1").to_pylist())):
        table = pa.Table.from_pylist(rows, schema=schema.remove_metadata())
        (tmp_path / name).mkdir()
        kept = [column for column in table.column_names if column not in (*late, *later[name])]
        write_parquet(table.select(kept), tmp_path / name / "old.parquet")
    snapshot = log.snapshot("site", "c")
    assert snapshot and snapshot.good == {"http://a/a": "d"}
    digest = page("a", b"1")["body_digest"][0].as_py()
    assert read_pages(log.files("pages"), "site", {"http://a/a": digest})["http://a/a"]["body"] == b"1"


def test_forgetting_takes_pages_fetches_and_the_way_to_others(tmp_path: Path) -> None:
    """No file names the document any more; pages that were reached through it stay."""
    log = CrawlLog(tmp_path)
    secret = "http://a/hidden"
    rows = [
        fetch(1, "hidden"), fetch(2, "target", chain=[secret, "http://a/step"]), fetch(3, "from", location=secret),
        fetch(3, "else"),
    ]  # fmt: skip
    rows[2] |= {"headers": f"Location: {secret}".encode()}
    log.append(rows[:3], [page("hidden", b"s")])
    log.append(rows[3:], [page("else", b"e")])
    kept = {name: log.files(name) for name in ("pages", "fetches")}
    assert log.forget(frozenset([document_id(secret)])) == 2
    left = log.fetches("site")
    assert [(row["uri"][-6:], row["chain"], row["location"]) for row in left] == [
        ("target", ["http://a/step"], None), ("a/else", None, None), ("a/from", None, None),
    ]  # fmt: skip
    tables = [pa.parquet.read_table(path) for name in kept for path in log.files(name)]
    assert "hidden" not in str([table.to_pylist() for table in tables])
    assert len({*kept["pages"], *kept["fetches"]} & {*log.files("pages"), *log.files("fetches")}) == 2, "others stay"
    assert log.forget(frozenset([document_id(secret)])) == 0


def test_a_forgotten_host_leaves_a_crawl_that_is_whole_and_empty(tmp_path: Path) -> None:
    """Its addresses go, known or not; the crawl has ended all the same, so that nobody asks again."""
    log = CrawlLog(tmp_path)
    other = fetch(2, "", digest="o") | {"uri": "http://sub.a.test/x"}
    mark = {"uri": "crawl:site"}
    rows = [row | (mark if row["outcome"] == END else {}) for row in run(1, fetch(1, "p"), other, end=3)]
    log.append(rows, [page("p", b"d")])
    assert log.forget(frozenset([host_id("a.test")])) == 1
    assert log.forget(frozenset([host_id("a")])) == 2
    left = snapshot_of(log.fetches("site"))
    assert left is not None and (left.good, left.failed, log.files("pages")) == ({}, {}, [])
