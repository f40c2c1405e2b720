"""docs/queries.md: every question is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.catalog import questions
from catalog.sql.asking import query

FEW = ("SELECT signal, place", "SELECT run, label", "SELECT day, short", "SELECT id, words", "SELECT id, task")
"""How those begin to which the small corpus has no rows."""


@pytest.mark.parametrize("question", questions(), ids=lambda sql: sql[:40])
def test_a_question_of_the_documents_is_answered(shared_corpus: Path, question: str) -> None:
    """With rows, where the corpus of the tests has what is asked for."""
    found = query(question).table()
    assert found.num_columns and (found.num_rows or question.startswith(FEW))


def test_there_are_enough() -> None:
    """Of all that a table or view can be asked."""
    assert len(questions()) >= 20
