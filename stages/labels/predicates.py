"""Predicates: labelling functions written in SQL.

Reads   clean/text and clean/signals of one segment; stages/labels/functions/<name>.sql.
Writes  rows of label/votes, as any labelling function does.

The file is one SELECT that gives the columns `id` and `label`, from `documents`: id, source, language, text, title and
every signal of docs/signals.md, of the task's sources and languages. A document that it leaves out, or gives null, is
one on which it abstains:

    select id, 'positive' as label from documents where text like '%bravo%' and words < 200

It must be pure: the same rows give the same labels. It sees no file, no network and no other table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import OperatorError
from stages.labels.functions import FunctionVotes, checked_votes
from stages.labels.votes import within

FOLDER = Path(__file__).parent / "functions"
COLUMNS = ("id", "source", "language", "text", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredicateVotes(FunctionVotes):
    """The parameters of every labelling function, and the name of the file without its ending."""

    function: str


def asset(name: str) -> str:
    """The file of a predicate, from the root of the repository."""
    return f"stages/labels/functions/{name}.sql"


def predicate_votes(documents: pa.Table, signals: pa.Table, *, params: PredicateVotes) -> dict[str, pa.Table]:
    """{"votes": what the SELECT says of this segment}. Errors: OperatorError for SQL that fails or says too much."""
    wanted = pc.and_(within(documents["source"], params.sources), within(documents["language"], params.languages))
    rows = documents.select(COLUMNS).filter(wanted)
    measured = signals.drop_columns("id").take(pc.index_in(rows["id"], value_set=signals["id"].combine_chunks()))
    for name in measured.column_names:
        rows = rows.append_column(name, measured[name])
    said = _answers(rows, params.function)
    place = pc.index_in(rows["id"], value_set=pc.cast(said["id"], pa.string()).combine_chunks())
    answers = pc.cast(said["label"], pa.string()).combine_chunks().take(place)
    return {"votes": checked_votes(params.function, rows, answers, params)}


def _answers(rows: pa.Table, name: str) -> pa.Table:
    """The SELECT's rows, in the order of `documents`, one for a document at most."""
    import duckdb  # here, as what follows: only a project with functions in SQL needs it

    from catalog.sql.asking import lock_down
    from catalog.sql.database import EXTENSIONS_OFF

    config = {**EXTENSIONS_OFF, "python_enable_replacements": False, "threads": 1}
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.register("documents", rows)
        lock_down(connection)
        relation = connection.sql((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
        said = pa.table({}) if relation is None else relation.to_arrow_table()  # None: a statement without rows
    except duckdb.Error as error:
        raise OperatorError(f"labelling function {name}.sql: {error}") from None
    finally:
        connection.close()
    _refuse(said, rows["id"], name)
    return said.select(["id", "label"])


def _refuse(said: Any, ids: pa.ChunkedArray, name: str) -> None:
    if sorted(said.column_names) != ["id", "label"]:
        raise OperatorError(f"labelling function {name}.sql gives {said.column_names}, must give id and label")
    if len(pc.unique(said["id"])) != len(said):
        raise OperatorError(f"labelling function {name}.sql gives a document two rows; add `qualify` or `distinct on`")
    if not pc.all(pc.is_in(said["id"], value_set=ids.combine_chunks()), min_count=0).as_py():
        raise OperatorError(f"labelling function {name}.sql gives an id that is not in `documents`")
