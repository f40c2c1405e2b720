"""Database: built from the tables of the catalog, fresh or built again, and safe to ask."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.errors import InputError
from catalog.sql.asking import query
from catalog.sql.content import content_here
from catalog.sql.database import DATABASE, ensure_database
from catalog.views import views
from stages.catalog import main
from tests.catalog.small_corpus import id_of, write_clean, write_crawl, write_fetches, write_predictions


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
        ("SELECT documents, representative FROM clusters_by_size", [(2, id_of("train_en"))]),
        ("FROM sources", [("reviews", "CC0-1.0", 6, 3, 2, 1, "en 4, zh 1")]),
        ("FROM scores", [
            ("evaluate", "all", "leaky", 1, 0.954, 0.954, 0.954),
            ("pretrained", "all", "accuracy", 2, 0.75, 0.75, 0.75),
            ("scratch", "all", "accuracy", 2, 0.5, 0.625, 0.75),
        ]),
        ("FROM choices", []),
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
    for name in views():
        answer(f"FROM {name}")
    comments = dict(answer("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert comments.keys() == views().keys()
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
    assert answer("SELECT sha256 FROM built_from") == [(content_here().stamp,)]
    assert DATABASE.stat().st_mtime_ns != before


def everything() -> dict[str, list[Any]]:
    """The rows of every table, in an order of their own."""
    tables = [row[0] for row in answer("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")]
    return {table: answer(f'SELECT * FROM "{table}" ORDER BY ALL') for table in tables}


def test_a_database_that_is_brought_up_to_date_is_that_which_is_built_anew(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row for row: what a change left is kept, nothing else is made again."""
    ensure_database()
    write_predictions(write_crawl())
    write_fetches([("train_en", "unchanged", "ab" * 32)])
    main()
    with monkeypatch.context() as patch:
        patch.setattr("catalog.sql.database.create", None)
        ensure_database()
        updated = everything()
    DATABASE.unlink()
    assert updated == everything()
    assert updated["predictions"] and len(updated["fetches"]) == 1


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_or_missing_database_is_built_again(corpus: Path, damage: bytes | None) -> None:
    """It is derived; nothing is lost with it."""
    DATABASE.unlink() if damage is None else DATABASE.write_bytes(damage)
    assert answer("SELECT count(*) FROM documents") == [(6,)]
    assert not list(Path("data").glob("*.tmp"))


def test_a_log_that_somebody_put_beside_the_database_is_not_replayed(corpus: Path) -> None:
    """A database is built whole, so a write-ahead log is not ours."""
    log = DATABASE.with_name("catalog.duckdb.wal")
    log.write_bytes(b"planted")
    assert answer("SELECT count(*) FROM documents") == [(6,)]
    assert not log.exists()


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
