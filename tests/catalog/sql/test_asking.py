"""Asking: what the safe profile refuses, where it stops, and how it explains a mistake."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from catalog.errors import GristmillError
from catalog.sql.asking import Scope, lent, query
from catalog.sql.database import ensure_database
from tests.catalog.small_corpus import write_fetches

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


ENDLESS = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"


def files() -> dict[str, bytes]:
    """Every file of the project, but for the lock."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_changes_no_file(shared_corpus: Path, attack: str) -> None:
    """Files, network, extensions, settings, Python variables and writes, in every way known to work somewhere."""
    local = SECRET
    ensure_database()
    before = files()
    with pytest.raises(GristmillError):
        query(attack).table()
    assert files() == before
    assert local is SECRET


@pytest.mark.parametrize(
    "endless",
    [
        ENDLESS,
        "SELECT count(*) FROM range(1000000000000000) AS r(n) WHERE n % 7 = 3",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    ],
)
def test_an_endless_query_ends_at_its_time_limit(shared_corpus: Path, endless: str) -> None:
    """Also when rows come before the end."""
    start = time.monotonic()
    with pytest.raises(GristmillError, match=r"time limit.*--seconds"):
        query(endless, scope=Scope(seconds=0.5)).table()
    assert time.monotonic() - start < 10


def test_a_greedy_query_ends_at_its_memory_limit(shared_corpus: Path) -> None:
    """And writes nothing to disk."""
    with pytest.raises(GristmillError, match="more memory"):
        query("SELECT list(n) FROM range(100000000) AS t(n)", scope=Scope(memory_mb=64)).table()


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
        query("SELECT 1", scope=Scope(**limits))  # type: ignore[arg-type]


def test_parameters_are_values_and_never_sql(shared_corpus: Path) -> None:
    """A quote in a value ends nothing."""
    found = query("SELECT count(*) AS n FROM documents WHERE uri = ?", ["' OR 1 = 1 --"]).table()
    assert found.to_pylist() == [{"n": 0}]


def test_two_columns_of_one_name_are_told_apart(shared_corpus: Path) -> None:
    """So that JSON and Parquet hold both."""
    assert query("SELECT 1 AS n, 2 AS n, 3 AS n_2").table().to_pylist() == [{"n": 1, "n_2": 2, "n_2_2": 3}]


@pytest.mark.parametrize("rows", [1, 2048, 2049, 9000])
def test_the_first_rows_of_an_answer(shared_corpus: Path, rows: int) -> None:
    """Over batches; no more than there are."""
    found = query("FROM range(5000) AS t(n) ORDER BY n").first(rows).table()
    assert found["n"].to_pylist() == list(range(min(rows, 5000)))


def test_an_instance_answers_again_and_a_new_database_is_seen(corpus: Path) -> None:
    """What is kept of an answer is not the answer."""
    assert query("SELECT count(*) AS n FROM fetches").table().to_pylist() == [{"n": 2}]
    write_fetches([("train_en", "unchanged", "ab" * 32)])
    assert query("SELECT count(*) AS n FROM fetches").table().to_pylist() == [{"n": 1}]
    with pytest.raises(GristmillError, match="time limit"):
        query(ENDLESS, scope=Scope(seconds=0.2)).table()
    assert query("SELECT 1 AS n", scope=Scope(seconds=0.2)).table().to_pylist() == [{"n": 1}]


def test_several_answers_are_read_at_once(shared_corpus: Path) -> None:
    """Each has an instance and limits of its own, also across threads."""
    one, other = (query(f"FROM range({rows})", scope=Scope(seconds=50)) for rows in (5000, 7000))
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


def test_the_catalog_holds_no_text(shared_corpus: Path) -> None:
    """Which `gristmill explain` and the explorer read where it is at hand."""
    assert b"said John" not in ensure_database().read_bytes()


def test_an_instance_that_is_lent_comes_back_without_the_tables_that_were_made_in_it(shared_corpus: Path) -> None:
    """And one in which a statement failed does not."""
    with lent() as connection:
        connection.execute("CREATE TEMP TABLE going AS SELECT 1 AS one")
        assert connection.execute("SELECT count(*) > 0 FROM documents, going").fetchall() == [(True,)]
        with pytest.raises(duckdb.Error):
            connection.execute("CREATE TABLE documents AS SELECT 1")
    with pytest.raises(duckdb.CatalogException), lent() as connection:
        connection.execute("FROM going")
    assert query("SELECT 1 AS one").table().to_pylist() == [{"one": 1}]
