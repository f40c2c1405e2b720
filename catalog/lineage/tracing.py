"""Trace: one model, back to the documents, segments and captures it came of.

Reads   the catalog; the manifests of the stages that trained, for their parameters, where they are at hand
The way back goes from action to action: what an action read is named by the digests of its rows (table `lineage`), and
those name the action that wrote them (table `segments`).
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb

from catalog.errors import GristmillError
from catalog.integrity.references import named
from catalog.layout import MANIFEST, stage_root
from catalog.lineage.document import Row, rows_of
from catalog.segments import read_manifest, recipes_of
from catalog.sql.asking import lent
from catalog.sql.render import printable

SHOWN = 12  # rows of a list; the rest is counted


@dataclass(frozen=True, kw_only=True)
class ModelTrace:
    """All that a run came of; each field is rows of one query."""

    stage: str
    run: str
    fingerprint: str
    files: list[Row]
    """path, bytes, sha256: what the run wrote."""
    parameters: dict[str, Any]
    """Parameters that decided it, by name; empty where the manifest is not at hand."""
    models: list[Row]
    """stage, run, documents: this model, and those that it was made from, each with what it was trained on."""
    documents: list[Row]
    """source, licence, split, documents, tokens: what any of these has seen."""
    upstream: list[Row]
    """stage, operator, actions, segments, rows, bytes: the way back, in the order of the stages."""

    def text(self) -> str:
        """The trace in words; safe for a terminal."""
        return "\n".join(_lines(self)) + "\n"


UPSTREAM = """
    CREATE TEMP TABLE actions AS
    WITH RECURSIVE made AS (
        SELECT DISTINCT stage || '/' || table_name AS name, key, logical, fingerprint FROM segments
    ),
    edges AS (
        SELECT DISTINCT lineage.fingerprint, made.fingerprint AS source
        FROM lineage JOIN made ON made.name = lineage.input AND made.logical = lineage.logical
            AND (lineage.key IS NULL OR lineage.key = made.key)
    ),
    back(fingerprint) AS (
        SELECT ?::VARCHAR UNION SELECT edges.source FROM edges JOIN back USING (fingerprint)
    )
    SELECT fingerprint FROM back
"""
TRAINED = """
    CREATE TEMP TABLE trained AS
    SELECT DISTINCT stage, table_name AS run FROM segments SEMI JOIN actions USING (fingerprint)
"""
SEEN = "CREATE TEMP TABLE seen AS SELECT DISTINCT id FROM exposure SEMI JOIN trained USING (stage, run)"
STEPS = """
    SELECT stage, operator, count(DISTINCT fingerprint) AS actions, count(*) AS segments,
        sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes
    FROM segments SEMI JOIN actions USING (fingerprint) JOIN stages USING (stage)
    GROUP BY ALL ORDER BY min(position), operator
"""
MODELS = """
    SELECT stage, run, count(DISTINCT id) AS documents
    FROM exposure SEMI JOIN trained USING (stage, run) JOIN stages USING (stage)
    GROUP BY ALL ORDER BY min(position), run
"""
COUNTS = """
    SELECT source, licence, coalesce(splits.split, 'none') AS split, count(*) AS documents,
        coalesce(sum(tokens), 0)::BIGINT AS tokens
    FROM seen JOIN documents USING (id) LEFT JOIN splits USING (id) LEFT JOIN tokens USING (id)
    GROUP BY ALL ORDER BY documents DESC, source, licence, split
"""
DOCUMENTS = """
    SELECT id, uri, source, licence, splits.split, body_digest, text_digest,
        string_agg(DISTINCT stage || '/' || run, ' ' ORDER BY stage || '/' || run) AS models
    FROM exposure SEMI JOIN trained USING (stage, run) JOIN documents USING (id) LEFT JOIN splits USING (id)
    GROUP BY ALL ORDER BY id
"""


def trace(run: str) -> ModelTrace:
    """What a run of a training stage came of; `run` is its name, or stage/run where two stages have that name.

    Errors: GristmillError when no run, or more than one, is called so; InputError when the catalog was not built.
    """
    with lent() as connection:
        stage, name, fingerprint = _find(connection, run)
        _walk(connection, fingerprint)
        return ModelTrace(
            stage=stage,
            run=name,
            fingerprint=fingerprint,
            files=rows_of(
                connection, "SELECT path, bytes, sha256 FROM segments WHERE fingerprint = ? ORDER BY path", fingerprint
            ),
            parameters=_parameters(stage, fingerprint),
            models=rows_of(connection, MODELS),
            documents=rows_of(connection, COUNTS),
            upstream=rows_of(connection, STEPS),
        )


def write_documents(found: ModelTrace, path: Path) -> None:
    """Write every document that a traced model has seen as CSV; `-` is the standard output.

    Columns: id, uri, source, licence, split, body_digest (of the capture), text_digest, models.
    """
    with lent() as connection:
        _walk(connection, found.fingerprint)
        cursor = connection.execute(DOCUMENTS)
        opened: Any = nullcontext(sys.stdout) if path == Path("-") else path.open("w", encoding="utf-8", newline="")
        with opened as stream:
            _write_csv(stream, cursor)


def _write_csv(stream: IO[str], cursor: duckdb.DuckDBPyConnection) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column[0] for column in cursor.description])
    while rows := cursor.fetchmany(10_000):
        writer.writerows(rows)


def _walk(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> None:
    """Make the tables `actions`, `trained` and `seen`."""
    connection.execute(UPSTREAM, [fingerprint])
    connection.execute(TRAINED)
    connection.execute(SEEN)


def _find(connection: duckdb.DuckDBPyConnection, run: str) -> tuple[str, str, str]:
    """(stage, run, fingerprint of the action that trained it)."""
    sql = """
        SELECT stage, run, any_value(fingerprint) AS fingerprint
        FROM exposure JOIN segments USING (stage) WHERE segments.table_name = run GROUP BY ALL ORDER BY ALL
    """
    runs = [tuple(row) for row in connection.execute(sql).fetchall()]
    found = [one for one in runs if run in (one[1], f"{one[0]}/{one[1]}")]
    if len(found) == 1:
        stage, name, fingerprint = found[0]
        return stage, name, fingerprint
    listed = ", ".join(f"{stage}/{name}" for stage, name, _ in found or runs) or "none; `dvc repro pretrain` trains one"
    what = "is the name of several runs" if found else "is no run that was trained"
    raise GristmillError(f"{run!r} {what}; name one of: {listed}")


def _parameters(stage: str, fingerprint: str) -> dict[str, Any]:
    """The parameters in the recipe of an action, and the libraries that decided its bytes."""
    manifest = stage_root(stage) / MANIFEST
    entries = read_manifest(manifest) if manifest.exists() else []
    recipe = next((entry.recipe for entry in entries if entry.fingerprint == fingerprint), None)
    if recipe is None:
        return {}
    made = json.loads(recipes_of(entries)[recipe])
    return {**made["params"], **{f"library {name}": version for name, version in made["libraries"].items()}}


def _lines(found: ModelTrace) -> Iterator[str]:
    yield f"{found.stage}/{printable(found.run)}  action {found.fingerprint}"
    yield f"files ({len(found.files)})"
    yield from (f"  {printable(row['path'])}  {row['bytes']:,} bytes  sha256 {row['sha256']}" for row in found.files)
    if found.parameters:
        yield "parameters"
        yield from (f"  {name}: {printable(str(value))}" for name, value in found.parameters.items())
    yield "documents that a model read"
    yield from (f"  {row['documents']:>12,}  {row['stage']}/{printable(row['run'])}" for row in found.models)
    yield "documents by source, licence and split"
    for row in found.documents[:SHOWN]:
        names = "  ".join(printable(row[name]) for name in ("source", "licence", "split"))
        yield f"  {row['documents']:>12,}  {row['tokens']:>12,} tokens  {names}"
    if len(found.documents) > SHOWN:
        yield f"  and {named(len(found.documents) - SHOWN, 'group')} more"
    yield "came of"
    width = max((len(row["operator"]) for row in found.upstream), default=0)
    for row in found.upstream:
        sizes = f"{named(row['actions'], 'action')}, {named(row['segments'], 'file')}, {row['bytes']:,} bytes"
        yield f"  {row['operator']:<{width}}{row['rows'] or 0:>12,} rows  {sizes}"
