"""Database: built from the tables of the catalog, fresh or built again, and safe to ask."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from catalog.database import DATABASE, VIEWS, WAL, built_from, ensure_database, query, text_of
from catalog.errors import GristmillError, InputError
from stages.catalog import main
from tests.catalog.small_corpus import TEXTS, id_of, write_clean, write_crawl, write_fetches


def answer(sql: str) -> list[Any]:
    """All rows of an answer, as tuples."""
    return [tuple(row.values()) for row in query(sql).table().to_pylist()]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT stage, rows_in, kept, dropped, quarantined FROM conservation", [
            ("crawl", 7, 6, 0, 1), ("clean", 6, 4, 1, 1), ("dedup", 4, 3, 1, 0), ("label", 3, 2, 1, 0),
            ("augment", 2, 1, 1, 0), ("tokenize", 3, 3, 0, 0),
        ]),
        ("FROM drop_reasons", [
            ("clean", "too_short", 1), ("dedup", "exact_duplicate", 1), ("label", "label_conflict", 1),
            ("augment", "duplicate_copy", 1),
        ]),
        ("SELECT outcome, stage, count(*) FROM outcomes GROUP BY ALL ORDER BY ALL", [
            ("dropped", "clean", 1), ("dropped", "dedup", 1), ("kept", None, 3), ("quarantined", "clean", 1),
        ]),
        ("SELECT split, count(*) FROM kept_documents GROUP BY ALL ORDER BY ALL", [("test", 1), ("train", 2)]),
        ("FROM split_sizes", [("train", 2, 2, 1, 5), ("test", 1, 1, 0, 2)]),
        ("FROM label_sizes", [("sentiment", "test", "negative", 1, 0), ("sentiment", "train", "positive", 1, 1)]),
        ("SELECT documents, source_count, representative FROM clusters_by_size", [(2, 1, id_of("train_en"))]),
        ("FROM sources", [("reviews", "CC0-1.0", 6, 3, 2, 1, "en 4, zh 1")]),
        ("FROM scores", [("evaluate", "leaky", 1, 0.954, 0.954, 0.954), ("scratch", "accuracy", 2, 0.5, 0.625, 0.75)]),
        ("FROM headline", [("leaky", 0.954)]),
        ("SELECT uri, outcome FROM fetches ORDER BY uri", [
            ("https://example.org/gone", "failed:404"), ("https://example.org/train_en", "captured"),
        ]),
    ],
)  # fmt: skip
def test_views_answer(shared_corpus: Path, sql: str, expected: list[tuple[object, ...]]) -> None:
    """Each view says what the corpus of the tests is made of."""
    assert answer(sql) == expected


def test_every_view_opens_with_its_meaning_and_works_on_an_empty_project(project: Path) -> None:
    """A project with one stage has every view, and each has a comment that says what it shows."""
    write_crawl()
    main()
    for name in (path.stem for path in VIEWS.glob("*.sql")):
        answer(f"FROM {name}")
    comments = dict(answer("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert comments.keys() == {path.stem for path in VIEWS.glob("*.sql")}
    assert all(comments.values())


def test_columns_carry_their_units(shared_corpus: Path) -> None:
    """Any client sees what a column means; signals too, which are declared in stages/."""
    sql = "SELECT comment FROM duckdb_columns() WHERE table_name = '{}' AND column_name = '{}'"
    assert answer(sql.format("documents", "body_bytes")) == [("size of the body in bytes",)]
    assert answer(sql.format("signals", "words")) == [("words (Gopher A1)",)]


def test_a_fresh_database_is_kept_and_a_stale_one_built_again(corpus: Path) -> None:
    """Freshness is decided by what the database was built from: the manifest, the fetch log, the views."""
    before = ensure_database().stat().st_mtime_ns
    assert ensure_database().stat().st_mtime_ns == before
    write_fetches([("train_en", "unchanged", "ab" * 32)])
    assert answer("SELECT outcome FROM fetches") == [("unchanged",)]
    captures = write_crawl()
    write_clean(captures)
    (corpus / "params.yaml").write_text("catalog: {}")
    main()
    assert answer("SELECT sha256 FROM built_from") == [(built_from(),)]
    assert DATABASE.stat().st_mtime_ns != before


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_or_missing_database_is_built_again(corpus: Path, damage: bytes | None) -> None:
    """It is derived; nothing is lost with it."""
    DATABASE.unlink() if damage is None else DATABASE.write_bytes(damage)
    assert answer("SELECT count(*) FROM documents") == [(6,)]
    assert not list(Path("data").glob("*.tmp"))


def test_a_log_that_somebody_put_beside_the_database_is_not_replayed(corpus: Path) -> None:
    """A database is built whole, so a write-ahead log is not ours."""
    WAL.write_bytes(b"planted")
    assert answer("SELECT count(*) FROM documents") == [(6,)]
    assert not WAL.exists()


def test_without_a_catalog_the_message_names_the_command(project: Path) -> None:
    """Nothing is created for a question that cannot be answered."""
    with pytest.raises(InputError, match="dvc repro catalog"):
        query("SELECT 1")
    assert not DATABASE.exists()


def test_any_client_of_an_older_duckdb_can_open_it(shared_corpus: Path) -> None:
    """The storage version is one that DuckDB 1.4 reads, and views name no attached database."""
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'catalog'").fetchall()
        assert "v1.4" in str(tags)
        assert connection.execute("SELECT count(*) FROM kept_documents").fetchall() == [(3,)]


SECRET = pa.table({"secret": ["a Python variable"]})
ATTACKS = """
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_blob('data/catalog.duckdb')
SELECT * FROM read_parquet('data/clean/text/*.parquet')
SELECT * FROM glob('/etc/*')
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM '/etc/passwd'
SELECT * FROM 'data/catalog/manifest.parquet'
SELECT * FROM parquet_metadata('data/catalog/manifest.parquet')
SELECT * FROM 's3://bucket/x.parquet'
SELECT * FROM 'http://127.0.0.1:1/x.csv'
COPY documents TO 'stolen.csv'
COPY documents TO 'data/catalog.duckdb.wal'
COPY (PIVOT documents ON source USING count(*)) TO 'data/catalog.duckdb.wal'
EXPLAIN ANALYZE COPY documents TO 'data/catalog.duckdb.wal'
WITH x AS (COPY documents TO 'data/catalog.duckdb.wal') SELECT * FROM x
WITH x AS (COPY (SELECT 1) TO 'data/catalog.duckdb' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM x
SELECT * FROM (WITH x AS (COPY documents TO 'data/catalog.duckdb.wal') SELECT * FROM x)
COPY documents FROM '/etc/passwd'
EXPORT DATABASE 'stolen'
IMPORT DATABASE 'stolen'
ATTACH 'stolen.duckdb'
ATTACH ':memory:' AS other
DETACH gristmill
USE memory
INSTALL httpfs
LOAD httpfs
SET enable_external_access = true
RESET enable_external_access
SET lock_configuration = false
SET GLOBAL allowed_directories = ['/']
PRAGMA enable_profiling
CALL enable_logging('QueryLog')
SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_config = {'path': 'stolen'})
SELECT * FROM checkpoint()
SELECT * FROM query('SELECT 1')
SELECT * FROM query_table('documents')
CREATE TABLE mine AS SELECT 1
CREATE TEMP TABLE mine AS SELECT 1
CREATE SECRET (TYPE s3)
INSERT INTO documents SELECT * FROM documents
WITH x AS (INSERT INTO splits VALUES ('a', 'b', 'c') RETURNING *) SELECT * FROM x
UPDATE splits SET split = 'train'
DELETE FROM splits
DROP TABLE splits
ALTER TABLE splits ADD COLUMN mine INT
TRUNCATE splits
VACUUM
BEGIN TRANSACTION
PREPARE mine AS SELECT 1
SELECT * FROM SECRET
SELECT * FROM local
SELECT * FROM duckdb_secrets()
SELECT getenv('HOME')
SELECT 1; DROP TABLE splits
""".strip().splitlines()


def files() -> dict[str, bytes]:
    """Every file of the project, but for the lock."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_changes_no_file(shared_corpus: Path, attack: str) -> None:
    """Files, network, extensions, settings, Python variables and writes, in every way known to work somewhere."""
    local = SECRET
    before = files()
    with pytest.raises(GristmillError):
        query(attack).table()
    assert files() == before
    assert local is SECRET


@pytest.mark.parametrize(
    "endless",
    [
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
        "SELECT count(*) FROM range(1000000000000000) AS r(n) WHERE n % 7 = 3",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    ],
)
def test_an_endless_query_ends_at_its_time_limit(shared_corpus: Path, endless: str) -> None:
    """Also when rows come before the end."""
    start = time.monotonic()
    with pytest.raises(GristmillError, match=r"time limit.*--seconds"):
        query(endless, seconds=0.5).table()
    assert time.monotonic() - start < 10


def test_a_greedy_query_ends_at_its_memory_limit(shared_corpus: Path) -> None:
    """And writes nothing to disk."""
    with pytest.raises(GristmillError, match="more memory"):
        query("SELECT list(n) FROM range(100000000) AS t(n)", memory_mb=64).table()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT naem FROM documents", r'(?s)"naem" not found.*Candidate.*describe documents'),
        ("FROM document", r"(?s)document does not exist.*tables: .*documents.*show tables"),
        ("SELECT 1 / 'x'", "Could not convert string 'x'"),
        ("", "0 statements"),
    ],
)
def test_a_mistake_is_explained(shared_corpus: Path, sql: str, message: str) -> None:
    """DuckDB's message, the tables there are, and what to type next."""
    with pytest.raises(GristmillError, match=message):
        query(sql).table()


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory_mb": -1}])
def test_a_limit_must_be_above_nothing(shared_corpus: Path, limits: dict[str, int]) -> None:
    """The message names the limit and its value."""
    with pytest.raises(GristmillError, match="must be above 0"):
        query("SELECT 1", **limits)  # type: ignore[arg-type]


def test_parameters_are_values_and_never_sql(shared_corpus: Path) -> None:
    """A quote in a value ends nothing."""
    found = query("SELECT count(*) AS n FROM documents WHERE uri = ?", ["' OR 1 = 1 --"]).table()
    assert found.to_pylist() == [{"n": 0}]


def test_two_columns_of_one_name_are_told_apart(shared_corpus: Path) -> None:
    """So that JSON and Parquet hold both."""
    assert query("SELECT 1 AS n, 2 AS n, 3 AS n_2").table().to_pylist() == [{"n": 1, "n_2": 2, "n_2_2": 3}]


def test_several_answers_are_read_at_once(shared_corpus: Path) -> None:
    """Each has an instance and limits of its own, also across threads."""
    one, other = query("FROM range(5000)", seconds=50), query("FROM range(7000)", seconds=40)
    assert next(one.batches).num_rows and next(other.batches).num_rows
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(query("FROM documents").table().num_rows)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [6] * 4
    assert one.table().num_rows + other.table().num_rows > 0


def test_text_of_reads_the_texts_of_clean(shared_corpus: Path) -> None:
    """Unknown and quarantined documents have none; the catalog itself holds no text."""
    found = text_of([id_of("train_en"), id_of("test_zh"), id_of("broken"), "nobody"])
    assert found == {id_of(name): TEXTS[name] for name in ("train_en", "test_zh")}
    assert b"said John" not in DATABASE.read_bytes()
    assert text_of([]) == {}


def test_a_linked_store_works(corpus: Path) -> None:
    """DVC may place tables as symbolic links."""
    table = next(Path("data/catalog/documents").glob("*.parquet"))
    moved = Path("elsewhere.parquet").absolute()
    table.rename(moved)
    table.symlink_to(moved)
    DATABASE.unlink()
    assert answer("SELECT count(*) FROM documents") == [(6,)]
    assert os.path.islink(table)
    assert json.loads(json.dumps(answer("SELECT count(*) FROM signals"))) == [[5]]
