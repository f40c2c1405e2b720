"""Request: what `gristmill forget` does once it was told to go on.

Reads   captures, texts, copies, answers and the crawl log, for what an audit shall look for
Writes  the ledger first (catalog/erasure/ledger.py), then the tombstones and the log of answers (forget.py)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.annotations import annotation_files
from catalog.digests import document_id
from catalog.erasure.forget import Tombstone, forget, host_id, ids_of
from catalog.erasure.ledger import LEDGER, Ledger
from catalog.erasure.plan import ForgetPlan
from catalog.errors import InputError
from catalog.integrity.references import git
from catalog.layout import CRAWL_LOG, MANIFEST, stage_root
from catalog.parquet import column_names
from catalog.schema import STAGES
from catalog.segments import read_segments
from catalog.sql.asking import query
from catalog.sql.placing import keys_of

CONTENTS = ("body", "text", "title", "target_text", "second_text", "meta", "about", "value")
"""Columns that say something of a document, in whatever table they stand."""


def carry_out(found: ForgetPlan, reason: str) -> list[Tombstone]:
    """Forget what a plan shows; the tombstones that are new. `dvc repro` and an audit are to follow."""
    hosts = found.chosen.hosts
    keep_from_git()
    with Ledger() as ledger:
        _note_documents(ledger, found.chosen.documents)
        _note_answers(ledger, found.chosen.documents)
        for uri in found.chosen.unseen:
            ledger.note(document_id(uri), uri, ())
        _note_log(ledger, {*map(document_id, found.chosen.names), *map(host_id, hosts)})
        for model in found.exposed:
            sql = "SELECT id FROM exposure WHERE stage = ? AND run = ? AND id IN (SELECT unnest(?))"
            read = query(sql, [model.stage, model.run, list(found.chosen.documents)]).table()["id"].to_pylist()
            ledger.note_exposed(model.stage, model.run, model.fingerprint, read)
    return forget(found.chosen.names, reason, hosts)


def keep_from_git() -> None:
    """Have git ignore the ledger, also in a project from before there was one."""
    if not git("rev-parse", "--git-dir"):
        return
    ignored = Path(".gitignore")
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.exists() else []
    rule = f"/{LEDGER.as_posix()}*"
    if rule not in lines:
        ignored.write_text("\n".join([*lines, rule]) + "\n", encoding="utf-8")


def _note_documents(ledger: Ledger, documents: dict[str, str]) -> None:
    """What the stages' tables say of some documents (id -> URI) and of their copies, as far as they are here."""
    for document, uri in documents.items():
        ledger.note(document, uri, ())
    keys: set[str] | None = None  # where the catalog cannot tell, every segment is looked into
    with _readable(ledger, stage_root("catalog") / MANIFEST):
        keys = keys_of(list(documents)) if documents else set()
    for stage in STAGES if documents else ():
        if not (stage_root(stage) / MANIFEST).exists():
            continue
        with _readable(ledger, stage_root(stage) / MANIFEST):
            for segment in read_segments(stage):
                if (keys is None or segment.key in keys) and segment.rows and segment.path.exists():
                    _note_rows(ledger, segment.path, documents)


@contextmanager
def _readable(ledger: Ledger, path: Path) -> Iterator[None]:
    """A file that cannot be read keeps nobody from forgetting; an audit tells that it was not looked into."""
    try:
        yield
    except (InputError, OSError, pa.ArrowException):
        ledger.note_unread(path.as_posix())


def _note_answers(ledger: Ledger, documents: dict[str, str]) -> None:
    for path in annotation_files() if documents else ():
        _note_rows(ledger, path, documents)


def _note_rows(ledger: Ledger, path: Path, documents: dict[str, str]) -> None:
    """What one table says: rows about a document, and about copies of it."""
    with _readable(ledger, path):
        there = column_names(path)
        by = "parent" if "parent" in there else "id"
        columns = [name for name in ("id", "parent", *CONTENTS) if name in there]
        for row in _rows_about(path, columns, by, documents) if by in there else ():
            ledger.note(row[by], documents[row[by]], _contents(row), names=[row["id"]] if by == "parent" else ())


def _rows_about(path: Path, columns: list[str], by: str, documents: Collection[str]) -> list[dict[str, Any]]:
    """The rows of a table whose column `by` names one of some documents."""
    wanted = pa.array(sorted(documents), pa.string())
    table = pq.read_table(path, columns=columns, partitioning=None)
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table[by], value_set=wanted)).to_pylist()
    return rows


def _contents(row: dict[str, Any]) -> Iterator[bytes]:
    for name in CONTENTS:
        value = row.get(name)
        if value:
            yield value if isinstance(value, bytes) else str(value).encode()


def _note_log(ledger: Ledger, ids: set[str]) -> None:
    """Every version of every forgotten address in the crawl log, also of those that became no document."""
    for name in ("pages", "fetches"):
        for path in sorted((CRAWL_LOG / name).glob("*.parquet")):
            with _readable(ledger, path):
                uris = pq.read_table(path, columns=["uri"], partitioning=None)["uri"].to_pylist()
                owners = [next((one for one in ids_of(uri) if one in ids), None) for uri in uris]
                if any(owners):
                    rows = pq.read_table(path, partitioning=None).append_column("owner", pa.array(owners, pa.string()))
                    for row in rows.filter(pc.is_valid(rows["owner"])).to_pylist():
                        ledger.note(row["owner"], row["uri"], _contents(row))
