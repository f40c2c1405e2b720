"""Labelling functions in SQL: what they see, what they say, and what they may not do."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import OperatorError
from stages.labels import predicates
from stages.labels.predicates import PredicateVotes, predicate_votes

DOCUMENTS = pa.Table.from_pylist(
    [
        {"id": "a", "source": "shop", "language": "en", "text": "bravo, well done", "title": None},
        {"id": "b", "source": "shop", "language": "en", "text": "no good", "title": "Bravo"},
        {"id": "c", "source": "shop", "language": "zh", "text": "bravo 好", "title": None},
        {"id": "d", "source": "press", "language": "en", "text": "bravo again", "title": None},
    ],
    schema=pa.schema([(name, pa.string()) for name in ("id", "source", "language", "text", "title")]),
)
SIGNALS = pa.table({"id": ["d", "c", "b", "a"], "words": [2, 2, 2, 3]})  # in another order than the documents


def said(folder: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> list[tuple[str, str, str]]:
    """(id, annotator, label) of the votes of one SELECT, asked about the English documents of the shop."""
    monkeypatch.setattr(predicates, "FOLDER", folder)
    (folder / "applauds.sql").write_text(sql)
    params = PredicateVotes(
        function="applauds", task="mood", sources=["shop"], languages=["en"], labels=["bad", "good"]
    )  # fmt: skip
    votes = predicate_votes(DOCUMENTS, SIGNALS, params=params)["votes"]
    return [(row["id"], row["annotator"], row["label"]) for row in votes.to_pylist()]


@pytest.mark.parametrize(
    ("sql", "votes"),
    [
        ("select id, 'good' as label from documents where text like 'bravo%'", [("a", "good")]),
        ("select 'good' as label, id from documents where title = 'Bravo'", [("b", "good")]),
        ("select id, case when words > 2 then 'good' end as label from documents", [("a", "good")]),
        ("select id, if(words > 2, 'good', 'bad') as label from documents order by id desc",
         [("a", "good"), ("b", "bad")]),
        ("select id, 'good' as label from documents where false", []),
    ],
)  # fmt: skip
def test_a_select_votes_on_the_documents_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, votes: list[tuple[str, str]]
) -> None:
    """In the order of the documents, with their own signals, as `function:<name>`; null and absent are no vote."""
    found = said(tmp_path, monkeypatch, sql)
    assert found == [(name, "function:applauds", label) for name, label in votes]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select id from documents", "must give id and label"),
        ("create table other (id text)", "must give id and label"),
        ("select id, 'odd' as label from documents", r"gave \['odd'\], task mood has labels"),
        ("select id, 'good' as label from documents, range(2)", "gives a document two rows"),
        ("select 'z' as id, 'good' as label", "an id that is not in `documents`"),
        ("select id, 'good' as label from documents where txt = ''", "txt"),
        ("select id, 'good' as label from read_csv('/etc/passwd')", "applauds.sql: .*disabled"),
        ("set enable_external_access = true", "applauds.sql: "),
        ("begin transaction", "must give id and label"),
    ],
)
def test_bad_sql_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, message: str
) -> None:
    """What fails, says too much, or reaches for a file ends the run, and the message names what to mend."""
    with pytest.raises(OperatorError, match=message) as error:
        said(tmp_path, monkeypatch, sql)
    assert "applauds" in str(error.value)
