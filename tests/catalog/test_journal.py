"""The journal: disposable, and it never answers with half a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.journal import Journal, Output, Result

OUTPUT = Output(table="t", key=None, name=None, rows=3, bytes=9, sha256="s", md5="m", logical="l")
RESULT = Result(operator="clean.x", recipe="{}", outputs=(OUTPUT,), seconds=1.5)


def test_what_is_recorded_is_found(tmp_path: Path) -> None:
    """A result comes back whole, in another process too."""
    Journal(tmp_path / "j").record([("f", RESULT)])
    assert Journal(tmp_path / "j").find("f") == RESULT
    assert Journal(tmp_path / "j").find("g") is None


def test_history_does_not_erase_measured_seconds(tmp_path: Path) -> None:
    """A record read from a manifest has no time; the measured one stays, for estimates."""
    journal = Journal(tmp_path / "j")
    journal.record([("f", RESULT)])
    journal.record([("f", Result(operator="clean.x", recipe="{}", outputs=(OUTPUT,)))])
    assert journal.find("f") == RESULT
    assert journal.seconds_per_row() == {"clean.x": 0.5}


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """The journal is a cache: rubbish in it costs time, never an error."""
    (tmp_path / "j").write_bytes(b"this is not a database" * 100)
    assert Journal(tmp_path / "j").find("f") is None


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """All results of one call, or none."""
    journal = Journal(tmp_path / "j")
    with pytest.raises(ZeroDivisionError):
        journal.record((name, RESULT) for name in ["f", 1 / 0])
    assert journal.find("f") is None


def test_directories_are_read_once(tmp_path: Path) -> None:
    """A manifest that was read, and a blob that was seen, are not asked for again."""
    journal = Journal(tmp_path / "j")
    journal.note_directories(["a", "b"], ["blob"])
    journal.mark_read("a")
    assert journal.unread_directories() == ["b"]
    assert journal.unseen_blobs(["blob", "other"]) == ["other"]
