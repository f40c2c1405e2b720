"""The console: any question to the catalog, in the safe profile (catalog/sql/asking.py), and every answer as a file.

GET   /sql?q=&rev=&before=       the first rows of an answer; without `q`, the tables and some questions to begin with
GET   /sql/answer.csv?q=&rev=    the whole answer; also answer.parquet, answer.json

`rev` is the version that is asked, `before` one beside it, as in `FROM before.documents`.

No table of the catalog holds a text, so none can be had here.
"""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from catalog.errors import GristmillError, InputError
from catalog.layout import LOCAL
from catalog.sql.asking import Scope, query
from catalog.sql.render import is_number, render, rows
from catalog.web.answers import Answered, Ask
from catalog.web.pages import shown

router = APIRouter(prefix="/sql")

SHOWN = 200  # rows of an answer on the page; the file has all
SECONDS = 20  # wall time of a question
MEMORY_MB = 1024
KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
NAME = re.compile(r"[a-z0-9_-]{1,40}")
TABLES = """
SELECT table_name, list({name: column_name, type: data_type, comment: comment} ORDER BY column_index) AS columns
FROM duckdb_columns() WHERE database_name = 'gristmill' AND table_name <> 'built_from'
GROUP BY table_name ORDER BY table_name
"""
EXAMPLES = (
    "from drop_reasons",
    "from sources",
    "select source, language, count(*) as documents, sum(characters) as characters\nfrom kept_documents\n"
    "group by all order by documents desc",
    "select id, uri, words, stop_words_en\nfrom signals join documents using (id)\nwhere words > 10000\n"
    "order by words desc limit 50",
    "select stage, table_name, count(*) as files, sum(rows) as rows, sum(bytes) as bytes\nfrom segments\ngroup by all "
    "order by stage, table_name",
    "describe documents",
)


@router.get("")
def console(request: Request, ask: Ask, q: str = "", rev: str = "", before: str = "") -> Response:
    """The statement, and its answer or what is wrong with it."""
    found, more, said = None, False, ""
    if q.strip():
        try:
            found, more = _begun(q, _scope(rev, before))
        except GristmillError as error:
            said = str(error)
    return shown(
        request, "sql.html", ask, q=q, rev=rev, before=before, found=found, more=more, said=said, limit=SHOWN,
        examples=EXAMPLES, tables=ask(TABLES),
    )  # fmt: skip


def _scope(rev: str, before: str) -> Scope:
    beside = {"before": before} if before else {}
    return Scope(revision=rev, beside=beside, seconds=SECONDS, memory_mb=MEMORY_MB)


def _begun(q: str, scope: Scope) -> tuple[Answered, bool]:
    """The first rows of an answer, and are there more? Errors: GristmillError."""
    began = time.perf_counter()
    answer = query(q, scope=scope)
    with closing(answer.batches):
        read: list[list[Any]] = list(islice(rows(answer), SHOWN + 1))
    names = tuple(answer.schema.names)
    numbers = frozenset(name for name, kind in zip(names, answer.schema.types, strict=True) if is_number(kind))
    found = Answered(
        sql=q.strip(), names=names, numbers=numbers, milliseconds=1000 * (time.perf_counter() - began),
        rows=[dict(zip(names, row, strict=True)) for row in read[:SHOWN]],
    )  # fmt: skip
    return found, len(read) > SHOWN


@router.get("/answer.{kind}")
def answer(kind: str, q: str, rev: str = "", before: str = "", name: str = "answer") -> Response:
    """The whole answer as a file. Errors: GristmillError."""
    if kind not in KINDS:
        raise InputError(f"an answer comes as {', '.join(KINDS)}, not as {kind}")
    LOCAL.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=LOCAL, prefix="answer-", suffix=f".{kind}", delete=False) as made:
        path = Path(made.name)
    try:
        render(query(q, scope=_scope(rev, before)), kind, output=path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    called = f"{name if NAME.fullmatch(name) else 'answer'}.{kind}"
    return FileResponse(path, media_type=KINDS[kind], filename=called, background=BackgroundTask(path.unlink))
