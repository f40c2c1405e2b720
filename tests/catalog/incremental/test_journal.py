"""The journal: disposable, and it never answers with half a record."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.incremental.journal import Journal, Output, Rate, Result

OUTPUT = Output(table="t", key=None, name=None, rows=3, bytes=9, sha256="s", md5="m", logical="l")
RESULT = Result(operator="clean.x", recipe="r", inputs='{"a":"b"}', outputs=(OUTPUT,), seconds=1.5)
RECIPES = {"r": "{}"}


def test_what_is_recorded_is_found(tmp_path: Path) -> None:
    """A result comes back whole, in another process too, by fingerprint, by recipe and by what it made."""
    Journal(tmp_path / "j").record([("f", RESULT)], RECIPES)
    journal = Journal(tmp_path / "j")
    assert journal.find(["f", "g"]) == {"f": RESULT}
    assert journal.following("r", 10) == {"f": RESULT}
    assert journal.makers(["l", "other"]) == {"l": OUTPUT}
    assert journal.definition("r") == "{}"
    assert journal.definition("s") is None


def test_the_latest_results_of_a_recipe_come_first(tmp_path: Path) -> None:
    """Rows are most likely found again in what was built last."""
    journal = Journal(tmp_path / "j")
    for name in "abc":
        journal.record([(name, RESULT)], RECIPES)
    assert list(journal.following("r", 2)) == ["c", "b"]


def test_a_forgotten_result_is_not_found_by_any_name(tmp_path: Path) -> None:
    """Neither by fingerprint nor by what it made."""
    journal = Journal(tmp_path / "j")
    journal.record([("f", RESULT)], RECIPES)
    journal.forget(["f"])
    assert (journal.find(["f"]), journal.makers(["l"])) == ({}, {})


def test_history_does_not_erase_measured_seconds(tmp_path: Path) -> None:
    """A record read from a manifest has no time; the measured one stays."""
    journal = Journal(tmp_path / "j")
    journal.record([("f", RESULT)], RECIPES)
    journal.record([("f", Result(operator="clean.x", recipe="r", inputs="{}", outputs=(OUTPUT,)))], RECIPES)
    assert journal.find(["f"]) == {"f": RESULT}


def test_the_latest_rate_counts_most(tmp_path: Path) -> None:
    """Kernels that were compiled in the first run do not spoil the estimates for ever."""
    journal = Journal(tmp_path / "j")
    journal.note_rate("clean.x", 100.0, produced=10, read=100)
    assert journal.rates() == {"clean.x": Rate(10.0, 1.0)}
    for _ in range(12):
        journal.note_rate("clean.x", 5.0, produced=10, read=0)
    assert 0.5 <= journal.rates()["clean.x"].produced < 0.51


def test_a_journal_of_the_release_before_keeps_its_results(tmp_path: Path) -> None:
    """Version 2 did not know what operators read; both who open it at once get version 3."""
    first = Journal(tmp_path / "j")
    first.record([("f", RESULT)], RECIPES)
    first.note_rate("clean.x", 2.0, produced=4, read=8)
    first.close()
    with sqlite3.connect(tmp_path / "j") as old:
        old.executescript("ALTER TABLE rates DROP COLUMN read; PRAGMA user_version = 2")
    old.close()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: Journal(tmp_path / "j").find(["f"]), range(4)))
    assert found == [{"f": RESULT}] * 4 and Journal(tmp_path / "j").rates() == {"clean.x": Rate(0.5, 0.0)}


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """The journal is a cache: rubbish in it costs time, never an error."""
    (tmp_path / "j").write_bytes(b"this is not a database" * 100)
    assert Journal(tmp_path / "j").find(["f"]) == {}


def test_a_journal_of_another_version_is_replaced(tmp_path: Path) -> None:
    """An older Gristmill's tables are not read as if they were ours."""
    old = sqlite3.connect(tmp_path / "j")
    old.execute("CREATE TABLE results (fingerprint TEXT)")
    old.execute("INSERT INTO results VALUES ('f')")
    old.commit()
    old.close()
    assert Journal(tmp_path / "j").find(["f"]) == {}


def test_a_journal_that_is_in_use_is_not_taken_for_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has it for himself, for longer than we wait: an error, and its results stay."""
    journal = Journal(tmp_path / "j")
    journal.record([("f", RESULT)], RECIPES)
    journal.close()
    holder = sqlite3.connect(tmp_path / "j", isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    with monkeypatch.context() as patch, pytest.raises(sqlite3.OperationalError, match="locked"):
        connect = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda path, **settings: connect(path, **settings | {"timeout": 0}))
        Journal(tmp_path / "j")
    holder.execute("ROLLBACK")
    assert Journal(tmp_path / "j").find(["f"]) == {"f": RESULT}


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """All results of one call, or none."""
    journal = Journal(tmp_path / "j")
    with pytest.raises(sqlite3.Error):
        journal.record([("f", RESULT), (object(), RESULT)], RECIPES)  # type: ignore[list-item]
    assert journal.find(["f"]) == {}


def test_directories_are_read_once(tmp_path: Path) -> None:
    """A manifest that was read, and a blob that was seen, are not asked for again."""
    journal = Journal(tmp_path / "j")
    journal.note_directories(["a", "b"], ["blob"])
    journal.mark_read("a")
    assert journal.unread_directories() == ["b"]
    assert journal.unseen_blobs(["blob", "other"]) == ["other"]
